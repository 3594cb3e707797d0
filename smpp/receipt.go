package smpp

import (
	"strconv"
	"strings"
	"time"
)

// MessageState is how far a message has come. [SMPP 3.4 §5.2.28]
type MessageState uint8

const (
	MessageScheduled     MessageState = 0 // 5.0 only
	MessageEnroute       MessageState = 1
	MessageDelivered     MessageState = 2
	MessageExpired       MessageState = 3
	MessageDeleted       MessageState = 4
	MessageUndeliverable MessageState = 5
	MessageAccepted      MessageState = 6 // read by a person on the subscriber's behalf
	MessageUnknown       MessageState = 7
	MessageRejected      MessageState = 8
	MessageSkipped       MessageState = 9 // 5.0 only
)

// receiptStates holds the seven letters of a receipt's text. [SMPP 3.4
// appendix B]
var receiptStates = [...]string{
	MessageScheduled: "SCHEDUL", MessageEnroute: "ENROUTE", MessageDelivered: "DELIVRD",
	MessageExpired: "EXPIRED", MessageDeleted: "DELETED", MessageUndeliverable: "UNDELIV",
	MessageAccepted: "ACCEPTD", MessageUnknown: "UNKNOWN", MessageRejected: "REJECTD",
	MessageSkipped: "SKIPPED",
}

// String is the word used in the text of a receipt.
func (s MessageState) String() string {
	if int(s) < len(receiptStates) {
		return receiptStates[s]
	}
	return "state " + strconv.Itoa(int(s))
}

// Final reports whether no further state follows.
func (s MessageState) Final() bool {
	switch s {
	case MessageDelivered, MessageExpired, MessageDeleted, MessageUndeliverable,
		MessageAccepted, MessageRejected, MessageSkipped:
		return true
	default:
		return false
	}
}

// Receipt tells what became of a message. Fields that the peer left out are
// zero. The times are as written, without their unknown zone: read as UTC.
type Receipt struct {
	ID              string // as the peer wrote it
	State           MessageState
	Err             string // the network's error code, as the peer wrote it
	Sub, Dlvrd      int
	Submitted, Done time.Time
	Text            string // beginning of the message it is about
}

// ParseReceipt reads a message for which IsReceipt holds: its TLVs first,
// then its text. It is false where there is no message id or no state.
func ParseReceipt(m ShortMessage) (Receipt, bool) {
	if !m.IsReceipt() {
		return Receipt{}, false
	}
	_, text, err := m.SplitUDH()
	if err != nil {
		text = nil
	}
	r, fromText := ParseReceiptText(plain(text, m.DataCoding))
	id, hasID := m.TLVs.Text(TagReceiptedMessageID)
	if hasID = hasID && id != ""; hasID {
		r.ID = id
	}
	state, hasState := m.TLVs.Uint(TagMessageState)
	if hasState = hasState && state < 256; hasState {
		r.State = MessageState(state)
	}
	if code, ok := m.TLVs.Get(TagNetworkErrorCode); ok && r.Err == "" && len(code) == 3 {
		r.Err = strconv.Itoa(int(code[1])<<8 | int(code[2]))
	}
	return r, r.ID != "" && (hasState || fromText)
}

// plain reads text that some peers send in UCS-2, ASCII though it is.
func plain(b []byte, dataCoding uint8) string {
	if dataCoding&0x0C != 0x08 || len(b)%2 != 0 {
		return string(b)
	}
	var s strings.Builder
	for i := 0; i < len(b); i += 2 {
		if b[i] != 0 {
			s.WriteByte('?')
		} else {
			s.WriteByte(b[i+1])
		}
	}
	return s.String()
}

// receiptKeys are the fields of a receipt's text; "text" is last and takes
// the rest. [SMPP 3.4 appendix B]
var receiptKeys = []string{"id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text"}

// ParseReceiptText reads the usual text of a receipt, in any case and order
// and with any field but id and stat left out. It is for peers that mark
// receipts in their text alone; a subscriber can write such a text too.
func ParseReceiptText(text string) (Receipt, bool) {
	var r Receipt
	known := false
	for _, f := range receiptFields(text) {
		switch f.key {
		case "id":
			r.ID = f.value
		case "sub":
			r.Sub, _ = strconv.Atoi(f.value)
		case "dlvrd":
			r.Dlvrd, _ = strconv.Atoi(f.value)
		case "submit date":
			r.Submitted = receiptTime(f.value)
		case "done date":
			r.Done = receiptTime(f.value)
		case "stat":
			r.State, known = receiptState(f.value)
		case "err":
			r.Err = f.value
		case "text":
			r.Text = f.value
		}
	}
	return r, r.ID != "" && known
}

type receiptField struct{ key, value string }

// receiptFields finds "key:value" pairs, keys at the beginning of a word.
func receiptFields(text string) []receiptField {
	fields := make([]receiptField, 0, len(receiptKeys))
	begin := -1 // of the value of the last field
	end := func(at int) {
		if begin >= 0 {
			fields[len(fields)-1].value = strings.TrimSpace(text[begin:at])
		}
	}
	for i := 0; i < len(text); i++ {
		if i > 0 && text[i-1] != ' ' {
			continue
		}
		key := receiptKeyAt(text[i:])
		if key == "" {
			continue
		}
		end(i)
		fields = append(fields, receiptField{key: key})
		begin = i + len(key) + 1
		if key == "text" {
			break
		}
		i = begin - 1
	}
	end(len(text))
	return fields
}

func receiptKeyAt(s string) string {
	for _, key := range receiptKeys {
		if len(s) > len(key) && s[len(key)] == ':' && strings.EqualFold(s[:len(key)], key) {
			return key
		}
	}
	return ""
}

// receiptState knows the words of the specification and the longer ones that
// some peers write.
func receiptState(word string) (MessageState, bool) {
	word = strings.ToUpper(word)
	for state, known := range receiptStates {
		if word == known {
			return MessageState(state), true
		}
	}
	switch {
	case strings.HasPrefix(word, "DELIV"):
		return MessageDelivered, true
	case strings.HasPrefix(word, "UNDEL"), word == "FAILED":
		return MessageUndeliverable, true
	case strings.HasPrefix(word, "ACCEPT"):
		return MessageAccepted, true
	case strings.HasPrefix(word, "REJECT"):
		return MessageRejected, true
	case strings.HasPrefix(word, "EXPIR"):
		return MessageExpired, true
	case strings.HasPrefix(word, "DELET"):
		return MessageDeleted, true
	}
	return MessageUnknown, word != ""
}

func receiptTime(s string) time.Time {
	for _, layout := range []string{"0601021504", "060102150405", "20060102150405", "200601021504"} {
		if len(s) != len(layout) {
			continue
		}
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
