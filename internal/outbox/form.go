package outbox

import "github.com/wasl-sms/wasl/smpp/gsm"

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
