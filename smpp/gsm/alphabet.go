package gsm

import (
	"fmt"
	"unicode/utf8"

	"github.com/warthog618/sms/encoding/gsm7/charset"
)

// Alphabet is the character set a whole message is sent in.
type Alphabet uint8

const (
	// GSM7 is the default alphabet of TS 23.038 §6.2.1 with its extension table,
	// one septet in each octet as SMPP carries it.
	GSM7 Alphabet = iota
	// UCS2 is UTF-16 big endian; characters beyond the first plane take a
	// surrogate pair, which handsets have long accepted.
	UCS2
)

func (a Alphabet) String() string {
	if a == GSM7 {
		return "GSM-7"
	}
	return "UCS-2"
}

// DataCoding is the usual SMPP 3.4 §5.2.19 value for the alphabet. Operators
// that want another one say so in their settings.
func (a Alphabet) DataCoding() byte {
	if a == GSM7 {
		return 0x00
	}
	return 0x08
}

const (
	esc   = 0x1B
	space = 0x20
)

// The tables are taken once at start: charset fills its own on first use
// without a lock.
var (
	basicEncoder = charset.DefaultEncoder()
	extraEncoder = charset.DefaultExtEncoder()
	basicDecoder = charset.DefaultDecoder()
	extraDecoder = charset.DefaultExtDecoder()
	latinSeptets = countLatin()
)

// countLatin holds the septets of each character below U+0100, where nearly
// all characters of a Latin text are found.
func countLatin() (t [256]uint8) {
	for r := range t {
		t[r] = uint8(lookUpSeptets(rune(r)))
	}
	return t
}

func lookUpSeptets(r rune) int {
	// U+001B stands in the table for the escape itself: as a character it would
	// swallow the one after it.
	if r == esc {
		return 0
	}
	if _, ok := basicEncoder[r]; ok {
		return 1
	}
	if _, ok := extraEncoder[r]; ok {
		return 2
	}
	return 0
}

// septets is what a character costs in GSM-7, or 0 where it is not in the
// alphabet.
func septets(r rune) int {
	if r >= 0 && int(r) < len(latinSeptets) {
		return int(latinSeptets[r])
	}
	return lookUpSeptets(r)
}

// utf16Units is what a character costs in UCS-2.
func utf16Units(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// Choose returns GSM7 when every character of s is in it, else UCS2.
func Choose(s string) Alphabet {
	for _, r := range s {
		if septets(r) == 0 {
			return UCS2
		}
	}
	return GSM7
}

// Units counts s in the alphabet that Choose gives it: septets for GSM7, where
// a character of the extension table is two, and UTF-16 units for UCS2.
func Units(s string) (n int, a Alphabet) {
	for _, r := range s {
		w := septets(r)
		if w == 0 {
			return unitsUCS2(s), UCS2
		}
		n += w
	}
	return n, GSM7
}

func unitsUCS2(s string) (n int) {
	for _, r := range s {
		n += utf16Units(r)
	}
	return n
}

func (a Alphabet) unitsOf(s string) (n int) {
	if a == UCS2 {
		return unitsUCS2(s)
	}
	for _, r := range s {
		n += septets(r)
	}
	return n
}

// UnmappableError says which character GSM-7 does not have.
type UnmappableError rune

func (e UnmappableError) Error() string {
	return fmt.Sprintf("gsm: %U is not in the GSM 7 bit default alphabet", rune(e))
}

// Encode gives s in the alphabet Choose picks.
func Encode(s string) ([]byte, Alphabet) {
	if a := Choose(s); a == UCS2 {
		return EncodeUCS2(s), a
	}
	b, _ := EncodeGSM7(s)
	return b, GSM7
}

// EncodeGSM7 gives s as unpacked septets, or an UnmappableError and no octets.
func EncodeGSM7(s string) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch septets(r) {
		case 1:
			out = append(out, basicEncoder[r])
		case 2:
			out = append(out, esc, extraEncoder[r])
		default:
			return nil, UnmappableError(r)
		}
	}
	return out, nil
}

// EncodeUCS2 gives s as UTF-16 big endian. Octets that are not UTF-8 become
// U+FFFD.
func EncodeUCS2(s string) []byte {
	out := make([]byte, 0, 2*utf8.RuneCountInString(s))
	for _, r := range s {
		if r > 0xFFFF {
			r -= 0x10000
			hi, lo := 0xD800+r>>10, 0xDC00+r&0x3FF
			out = append(out, byte(hi>>8), byte(hi), byte(lo>>8), byte(lo))
			continue
		}
		out = append(out, byte(r>>8), byte(r))
	}
	return out
}
