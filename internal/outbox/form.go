package outbox

import (
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Form is how a text too long for one part is cut.
type Form string

// The forms an operator may want.
const (
	UDH8    Form = "udh8"    // a header with an 8-bit reference
	UDH16   Form = "udh16"   // a header with a 16-bit reference
	SAR     Form = "sar"     // no header: the sar_* parameters tell a part's place
	Payload Form = "payload" // not cut: one part of any length
)

// Manner is how an operator wants its texts. The zero Manner is UDH8.
type Manner struct {
	Form   Form
	NoUCS2 bool // it has no UCS-2
}

// maxParts bounds a text in every form.
const maxParts = 255

func (f Form) orDefault() Form {
	if f == "" {
		return UDH8
	}
	return f
}

// options cut a text. Bare parts leave room for the wider header, because the
// operator may make either of sar_*.
func (f Form) options(ref uint16) gsm.Options {
	return gsm.Options{Ref: ref, Ref16: f == UDH16 || f == SAR, Bare: f == SAR}
}

// parts counts the parts of a text; 0 is too many.
func (f Form) parts(body string) int {
	n := f.options(0).Parts(body)
	switch {
	case n > maxParts:
		return 0
	case f == Payload:
		return 1
	}
	return n
}

// cut gives the parts of a text. The cut is the same each time.
func (f Form) cut(body string, ref uint16) ([]gsm.Part, gsm.Alphabet) {
	if f != Payload {
		return gsm.Split(body, f.options(ref))
	}
	payload, alphabet := gsm.Encode(body)
	return []gsm.Part{{Payload: payload}}, alphabet
}

// latin puts a text into GSM-7: a line of the catalogue is written again in a
// language of Latin letters. It is not ok where there is none, or the words
// are somebody's own.
func (o *Outbox) latin(lang text.Lang, body string, t message.Outbound) (text.Lang, string, bool) {
	if gsm.Choose(body) == gsm.GSM7 {
		return lang, body, true
	}
	if t.Body.Raw() != "" {
		return lang, body, false
	}
	for _, other := range []text.Lang{text.Darija, text.French} {
		if s := o.write(other, t); gsm.Choose(s) == gsm.GSM7 {
			return other, s, true
		}
	}
	return lang, body, false
}
