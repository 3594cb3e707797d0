package gateway

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Alphabet is what an operator's message centre reads a text in that is not
// UCS-2.
type Alphabet uint8

// Alphabets.
const (
	GSM7   Alphabet = iota // a septet in each octet
	Latin1                 // ISO-8859-1
	ASCII
)

// UnmarshalText reads the setting's word.
func (a *Alphabet) UnmarshalText(b []byte) error {
	switch string(b) {
	case "gsm7":
		*a = GSM7
	case "latin1":
		*a = Latin1
	case "ascii":
		*a = ASCII
	default:
		return fmt.Errorf("%q is no alphabet: write gsm7, latin1 or ascii", b)
	}
	return nil
}

// dataCoding is the usual number of the alphabet. [SMPP 3.4 §5.2.19]
func (a Alphabet) dataCoding() uint8 { return [...]uint8{GSM7: 0x00, Latin1: 0x03, ASCII: 0x01}[a] }

// recode writes septets in the alphabet, an octet for each character: a part
// that fitted still fits.
func (a Alphabet) recode(septets []byte) []byte {
	if a == GSM7 {
		return septets
	}
	last := rune(0xFF)
	if a == ASCII {
		last = 0x7F
	}
	out := make([]byte, 0, len(septets))
	for _, r := range gsm.DecodeGSM7(septets) {
		if r > last {
			r = plain(r, last)
		}
		out = append(out, byte(r))
	}
	return out
}

// plain is the nearest character up to last, '?' where there is none. What the
// default alphabet of GSM has beyond ASCII are letters with marks, Greek
// capitals that stand for Latin ones on handsets, and a few signs.
func plain(r, last rune) rune {
	if near, ok := nearest[r]; ok && near <= last {
		return near
	}
	if letter := []rune(norm.NFD.String(string(r)))[0]; letter <= last {
		return letter
	}
	return '?'
}

// nearest holds what NFD does not take apart.
var nearest = map[rune]rune{
	'Ø': 'O', 'ø': 'o', 'Æ': 'A', 'æ': 'a', 'ß': 's', '€': 'E', '£': 'L', '¥': 'Y', '¤': '*', '¡': '!', '¿': '?', '§': 'S',
	'Δ': 'D', 'Φ': 'F', 'Γ': 'G', 'Λ': 'L', 'Ω': 'O', 'Π': 'P', 'Ψ': 'Y', 'Σ': 'S', 'Θ': 'T', 'Ξ': 'X',
}

// reads reports whether a text with that data_coding came in the alphabet
// rather than in what the number usually stands for.
func (o *Operator) reads(coding uint8) bool {
	return o.Alphabet != GSM7 && coding == orDefault(o.CodingGSM7, o.Alphabet.dataCoding())
}

// NumberForm is how an international number is written.
type NumberForm uint8

// Forms of a number.
const (
	Digits NumberForm = iota // 212612000001
	Plus                     // +212612000001
	Zeros                    // 00212612000001
)

// UnmarshalText reads the setting's word.
func (f *NumberForm) UnmarshalText(b []byte) error {
	switch string(b) {
	case "digits":
		*f = Digits
	case "plus":
		*f = Plus
	case "zeros":
		*f = Zeros
	default:
		return fmt.Errorf("%q is no form of a number: write digits, plus or zeros", b)
	}
	return nil
}

// write puts a number, which begins with a plus, into the form.
func (f NumberForm) write(number string) string {
	return [...]string{Digits: "", Plus: "+", Zeros: "00"}[f] + strings.TrimPrefix(number, "+")
}

// Validity is how the time after which a text is worth nothing is told.
type Validity uint8

// Ways to tell it.
const (
	Relative Validity = iota // as a span
	Absolute                 // as an instant, in UTC
	NoValidity
)

// UnmarshalText reads the setting's word.
func (v *Validity) UnmarshalText(b []byte) error {
	switch string(b) {
	case "relative":
		*v = Relative
	case "absolute":
		*v = Absolute
	case "none":
		*v = NoValidity
	default:
		return fmt.Errorf("%q is no way to tell the validity: write relative, absolute or none", b)
	}
	return nil
}
