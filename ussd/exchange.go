package ussd

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Envelope is the part of a short message that USSD looks at, in either
// direction. The gateway converts it from and to deliver_sm and submit_sm, its
// text decoded.
type Envelope struct {
	ServiceType          string
	Source, Dest         string
	Text                 string
	Op                   Op
	HasOp                bool
	SessionInfo          []byte // its_session_info, TLV 0x1383
	UserMessageReference []byte // TLV 0x0204
	Bind                 string // the link it came by
	Sequence             uint32 // its sequence_number there
	At                   time.Time
}

// Kind is what a message from the network means for the dialogue.
type Kind uint8

const (
	Begin   Kind = iota + 1 // a code was dialled
	Answer                  // the person keyed something
	Abort                   // the person or the network ended the session
	Timeout                 // nothing was keyed in time
	Shown                   // a notice was seen; nothing to answer
	// Keyed is a Begin where the session is not known, with Code for what was
	// dialled, and else an Answer: some networks do not tell the two apart.
	Keyed
)

func (k Kind) String() string {
	return [...]string{"none", "begin", "answer", "abort", "timeout", "shown", "keyed"}[min(k, Keyed)]
}

// Request is one step as the dialogue sees it.
type Request struct {
	Msisdn    string
	Code      string // the code that was dialled, such as *369#; begin only
	SessionID string // the network's id, unique with Msisdn at one time at best
	Input     string // the answer; for a begin all that was dialled
	Kind      Kind
	// Whole says that Input is all that was keyed in the session so far, joined by
	// *: what is new in it is the answer.
	Whole bool
	// RequestKey is the same when the network repeats this very message, and is
	// empty where the message has nothing to tell by.
	RequestKey string
	// Unit is the number of the page this answers, where the dialect counts
	// pages. Not every operator gives back the number it was sent.
	Unit uint8
	At   time.Time

	origin Envelope
}

// NextUnit is the number of the page that replies to this request.
func (r Request) NextUnit() uint8 { return (r.Unit + 1) & 0x7F }

// Reply is what the dialogue answers.
type Reply struct {
	Text string
	End  bool
}

// Decode reads a message from the network. ok is false when it is not USSD.
func (d Dialect) Decode(e Envelope) (r Request, ok bool) {
	if !d.matches(e) {
		return Request{}, false
	}
	r = Request{Msisdn: e.Source, Input: e.Text, SessionID: d.sessionID(e), Kind: d.kind(e), At: e.At, origin: e}
	if r.Kind == Begin {
		r.Input = d.dialled(e)
		r.Code = e.Dest
		if code, _, ok := ParseDial(r.Input); ok {
			r.Code = code
		}
	}
	if d.EchoInfo == EchoCount && len(e.SessionInfo) >= 2 {
		r.Unit = e.SessionInfo[1] >> 1
	}
	if e.Sequence != 0 {
		r.RequestKey = fmt.Sprintf("%s/%d/%s/%d", e.Bind, e.Sequence, e.Source, e.Op)
	}
	return r, true
}

func (d Dialect) matches(e Envelope) bool {
	service := d.ServiceType != "" && strings.EqualFold(e.ServiceType, d.ServiceType)
	switch d.Match {
	case MatchAll:
		return true
	case MatchServiceType:
		return service
	case MatchEither:
		return service || e.HasOp
	default: // MatchOp
		return e.HasOp
	}
}

func (d Dialect) kind(e Envelope) Kind {
	switch {
	case e.HasOp && slices.Contains(d.AbortOps, e.Op), d.End != EndByOp && endBit(e.SessionInfo):
		return Abort
	case e.HasOp && slices.Contains(d.NoticeOps, e.Op):
		return Shown
	case e.HasOp && slices.Contains(d.BeginOps, e.Op):
		return Begin
	case e.HasOp && slices.Contains(d.AnswerOps, e.Op):
		return Answer
	}
	// No operation, or one that is not known: what was keyed tells. Nobody
	// answers a menu with a code.
	said := e.Text
	if said == "" {
		said = e.Dest
	} else if d.Dialled == PlaceDest {
		return Answer
	}
	if _, _, ok := ParseDial(said); ok {
		return Begin
	}
	return Answer
}

func endBit(info []byte) bool { return len(info) >= 2 && info[1]&1 != 0 }

func (d Dialect) sessionID(e Envelope) string {
	info := e.SessionInfo
	switch {
	case d.Session == SessionOctet && len(info) >= 1:
		return hex.EncodeToString(info[:1])
	case d.Session == SessionInfo && len(info) >= 2:
		return hex.EncodeToString([]byte{info[0], info[1] &^ 1})
	case d.Session == SessionReference:
		return hex.EncodeToString(e.UserMessageReference)
	}
	return ""
}

func (d Dialect) dialled(e Envelope) string {
	switch {
	case d.Dialled == PlaceDest:
		return e.Dest
	case e.Text == "":
		return e.Dest
	case d.Dialled == PlaceBoth:
		return behind(e.Dest, e.Text)
	}
	return e.Text
}

// behind joins a code with what was dialled after it, which may repeat it.
func behind(code, text string) string {
	bare, rest := strings.Trim(code, "*#"), strings.Trim(text, "*#")
	if again, ok := strings.CutPrefix(rest, bare); ok && (again == "" || again[0] == '*') {
		return text
	}
	whole := "*" + bare + "*" + rest + "#"
	if _, _, ok := ParseDial(whole); !ok || bare == "" {
		return text
	}
	return whole
}

// Encode addresses a reply to the request it answers: back where it came from,
// with the operation and the session fields of the dialect.
func (d Dialect) Encode(r Request, reply Reply) Envelope {
	e := Envelope{
		ServiceType: d.ServiceType, Source: r.origin.Dest, Dest: r.Msisdn, Text: reply.Text,
		Op: d.OpenOp, HasOp: true, Bind: r.origin.Bind, At: r.At,
	}
	if reply.End && d.End != EndByBit {
		e.Op = d.EndOp
	}
	if d.EchoReference && len(r.origin.UserMessageReference) > 0 {
		e.UserMessageReference = slices.Clone(r.origin.UserMessageReference)
	}
	if info := r.origin.SessionInfo; d.EchoInfo != EchoNone && len(info) >= 2 {
		second := info[1] &^ 1
		if d.EchoInfo == EchoCount {
			second += 2
		}
		if reply.End && d.End != EndByOp {
			second |= 1
		}
		e.SessionInfo = []byte{info[0], second}
	}
	return e
}

// String leaves the number and the text out.
func (r Request) String() string {
	return fmt.Sprintf("ussd %v (%d characters)", r.Kind, len([]rune(r.Input)))
}

// LogValue leaves the number and the text out.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// GoString leaves the number and the text out.
func (r Request) GoString() string { return r.String() }

// String leaves the numbers and the text out.
func (e Envelope) String() string {
	return fmt.Sprintf("ussd envelope op %d (%d characters)", e.Op, len([]rune(e.Text)))
}

// LogValue leaves the numbers and the text out.
func (e Envelope) LogValue() slog.Value { return slog.StringValue(e.String()) }

// GoString leaves the numbers and the text out.
func (e Envelope) GoString() string { return e.String() }
