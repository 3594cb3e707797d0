package sessions

import (
	"strings"
	"unicode/utf8"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Forms of a packed text.
const (
	formUTF8   = iota
	formArabic // one octet a character: ASCII, or U+0600 to U+067F above 0x7F
	formGSM7   // septets packed as in 3GPP TS 23.038 §6.1.2.1
)

// Pack writes a screen in few octets, for keeping it as a reply: seven bits for
// a character of GSM-7, an octet for an Arabic one. Seal it after packing.
func Pack(text string) []byte {
	if septets, err := gsm.EncodeGSM7(text); err == nil {
		return packSeptets([]byte{formGSM7}, septets)
	}
	out := append(make([]byte, 0, 1+len(text)), formArabic)
	for _, r := range text {
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r >= 0x0600 && r < 0x0680:
			out = append(out, byte(r-0x0600)|0x80)
		default:
			return append(append(out[:0], formUTF8), text...)
		}
	}
	return out
}

// Unpack gives back what Pack was given. Octets it never wrote give "".
func Unpack(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	switch form, b := b[0], b[1:]; form {
	case formUTF8:
		if utf8.Valid(b) {
			return string(b)
		}
	case formGSM7:
		return gsm.DecodeGSM7(unpackSeptets(b))
	case formArabic:
		var out strings.Builder
		for _, c := range b {
			if c < 0x80 {
				out.WriteByte(c)
			} else {
				out.WriteRune(0x0600 + rune(c&0x7F))
			}
		}
		return out.String()
	}
	return ""
}

// packSeptets puts the number of septets, modulo 8, in front: seven spare bits
// at the end would else read as one more.
func packSeptets(out, septets []byte) []byte {
	out = append(out, byte(len(septets)%8))
	bits, have := uint(0), 0
	for _, s := range septets {
		bits |= uint(s) << have
		for have += 7; have >= 8; have -= 8 {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	if have > 0 {
		out = append(out, byte(bits))
	}
	return out
}

func unpackSeptets(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	rest, b := int(b[0]%8), b[1:]
	var out []byte
	bits, have := uint(0), 0
	for _, c := range b {
		bits |= uint(c) << have
		for have += 8; have >= 7; have -= 7 {
			out = append(out, byte(bits&0x7F))
			bits >>= 7
		}
	}
	if rest == 7 && len(out)%8 == 0 && len(out) > 0 {
		out = out[:len(out)-1]
	}
	return out
}
