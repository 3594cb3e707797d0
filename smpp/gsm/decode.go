package gsm

import (
	"errors"
	"strings"
	"unicode/utf16"

	"github.com/warthog618/sms/encoding/gsm7/charset"
)

// ErrBinary is returned by Decode for a data_coding that carries no text.
var ErrBinary = errors.New("gsm: data_coding holds no text")

// Decode reads a payload by its SMPP data_coding, which is also a GSM data
// coding scheme above 0x0F (SMPP 3.4 §5.2.19, TS 23.038 §4 and §5). Text in an
// alphabet that is not known here is returned as ErrBinary, never as a guess.
func Decode(dataCoding byte, payload []byte) (string, error) {
	return DecodeLanguage(dataCoding, Language{}, payload)
}

// DecodeLanguage is Decode for a message whose user data header named national
// language tables; they apply to GSM-7 only (TS 23.038 §6.2.1.2).
func DecodeLanguage(dataCoding byte, l Language, payload []byte) (string, error) {
	switch encodingOf(dataCoding) {
	case encodingGSM7:
		return decodeGSM7(payload, l), nil
	case encodingUCS2:
		return DecodeUCS2(payload), nil
	case encodingLatin1:
		return DecodeLatin1(payload), nil
	default:
		return "", ErrBinary
	}
}

type encoding uint8

const (
	encodingBinary encoding = iota
	encodingGSM7
	encodingUCS2
	encodingLatin1
)

// String names the alphabet for people.
func (e encoding) String() string { return [...]string{"binary", "GSM-7", "UCS-2", "Latin-1"}[e] }

// AlphabetOf names what Decode reads a data_coding as: "GSM-7", "UCS-2",
// "Latin-1", or "binary" where it holds no text.
func AlphabetOf(dataCoding byte) string { return encodingOf(dataCoding).String() }

func encodingOf(dc byte) encoding {
	switch {
	case dc == 0x00, dc == 0x0F: // 0x0F: cell broadcast scheme, seen on USSD
		return encodingGSM7
	case dc == 0x01, dc == 0x03: // IA5 is the lower half of Latin-1
		return encodingLatin1
	case dc == 0x08:
		return encodingUCS2
	case dc <= 0x0F:
		return encodingBinary
	case dc <= 0x7F: // general groups: bits 3 and 2 name the alphabet
		switch dc >> 2 & 3 {
		case 0:
			return encodingGSM7
		case 2:
			return encodingUCS2
		}
		return encodingBinary
	case dc >= 0xC0 && dc <= 0xDF: // message waiting, GSM-7
		return encodingGSM7
	case dc >= 0xE0 && dc <= 0xEF: // message waiting, UCS-2
		return encodingUCS2
	case dc >= 0xF0 && dc&0x04 == 0:
		return encodingGSM7
	}
	return encodingBinary
}

// DecodeGSM7 reads unpacked septets. An escape that leads nowhere, with what
// follows it, becomes a space. An octet above 0x7F can't be a septet: message
// centres that take Latin-1 for their default alphabet send them, so they are
// read as that.
func DecodeGSM7(b []byte) string { return decodeGSM7(b, Language{}) }

func decodeGSM7(b []byte, l Language) string {
	basic, extra := basicDecoder, extraDecoder
	if l != (Language{}) {
		basic, extra = l.tables()
	}
	var out strings.Builder
	out.Grow(len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == esc {
			r, ok := rune(0), false
			if i++; i < len(b) {
				r, ok = extra[b[i]]
			}
			if !ok {
				r = space
			}
			out.WriteRune(r)
			continue
		}
		if r, ok := basic[c]; ok {
			out.WriteRune(r)
		} else {
			out.WriteRune(latin1(c))
		}
	}
	return out.String()
}

// DecodeLatin1 reads ISO 8859-1; the unused range 0x80 to 0x9F becomes spaces.
func DecodeLatin1(b []byte) string {
	var out strings.Builder
	out.Grow(len(b))
	for _, c := range b {
		if c < 0x80 {
			out.WriteByte(c)
		} else {
			out.WriteRune(latin1(c))
		}
	}
	return out.String()
}

func latin1(c byte) rune {
	if c < 0xA0 {
		return space
	}
	return rune(c)
}

// DecodeUCS2 reads UTF-16 big endian, or little endian after a byte order mark
// that says so. Half a surrogate pair and an odd last octet become U+FFFD.
func DecodeUCS2(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	hi, lo := 0, 1
	if len(b) >= 2 && b[0] == 0xFF && b[1] == 0xFE {
		hi, lo, b = 1, 0, b[2:]
	} else if len(b) >= 2 && b[0] == 0xFE && b[1] == 0xFF {
		b = b[2:]
	}
	units := make([]uint16, 0, len(b)/2+1)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i+hi])<<8|uint16(b[i+lo]))
	}
	if len(b)%2 == 1 {
		units = append(units, 0xFFFD)
	}
	return string(utf16.Decode(units))
}

// Language names the national tables of a message, as in TS 23.038 §6.2.1.2.4;
// zero is the default table.
type Language struct{ Locking, Single byte }

func (l Language) tables() (basic, extra charset.Decoder) {
	charsets.Lock()
	defer charsets.Unlock()
	return charset.NewDecoder(int(l.Locking)), charset.NewExtDecoder(int(l.Single))
}
