package ussd

import (
	"errors"
	"slices"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Coding is how data_coding of what comes in is to be read.
type Coding uint8

const (
	CodingSMPP Coding = iota // as SMPP 3.4 §5.2.19 has it
	CodingCBS                // as cell broadcast has it, the scheme of USSD itself (TS 23.038 §5)
)

// Octets is how many octets a gateway takes for a page: the first of a session,
// and those after it.
type Octets struct {
	First int `toml:"first"`
	Next  int `toml:"next"`
}

// Pages is what the operator's pages hold: by octets where they are set, else
// the budget.
func (d Dialect) Pages() Budget {
	if d.Octets.First == 0 {
		return d.Budget
	}
	b := BudgetFromOctets(d.Octets.First, d.Octets.Next)
	if !d.Packed {
		b.First, b.Next = d.Octets.First, d.Octets.Next
	}
	return b
}

// Payload is a reply's text as the operator wants it on the wire: folded to
// GSM-7 where that is possible, one septet in an octet unless they are packed.
func (d Dialect) Payload(text string) (dataCoding byte, payload []byte) {
	payload, a := gsm.Encode(gsm.Fold(text))
	switch {
	case a == gsm.UCS2:
		return d.CodingUCS2, payload
	case d.Packed:
		payload = pack(payload)
	}
	return d.CodingGSM7, payload
}

// errNoText is returned for octets that hold no text.
var errNoText = errors.New("ussd: data_coding holds no text")

// ReadText is the text of a message from the network.
func (d Dialect) ReadText(dataCoding byte, payload []byte) (string, error) {
	gsm7, ucs2 := d.alphabetIn(dataCoding)
	switch {
	case ucs2 && d.CodingIn == CodingCBS && dataCoding == 0x11:
		return gsm.DecodeUCS2(payload[min(2, len(payload)):]), nil // a language goes before the text
	case ucs2:
		return gsm.DecodeUCS2(payload), nil
	case !gsm7 && d.CodingIn == CodingCBS:
		return "", errNoText
	case !gsm7:
		return gsm.Decode(dataCoding, payload)
	case d.Packed:
		payload = unpack(payload)
	}
	if d.CodingIn == CodingCBS && dataCoding == 0x10 {
		payload = payload[min(3, len(payload)):] // the same in letters, with a line's end
	}
	return gsm.DecodeGSM7(payload), nil
}

// alphabetIn says which of the two alphabets of USSD a data_coding names. What
// we are told to send is read too.
func (d Dialect) alphabetIn(dc byte) (gsm7, ucs2 bool) {
	switch {
	case dc == d.CodingGSM7 && dc != d.CodingUCS2:
		return true, false
	case dc == d.CodingUCS2:
		return false, true
	case d.CodingIn == CodingSMPP:
		return d.Packed && dc == 0x0F, false
	}
	switch {
	case dc == 0x11:
		return false, true
	case dc <= 0x3F: // languages, all in the default alphabet
		return true, false
	case dc <= 0x7F: // general: bits 3 and 2 name the alphabet
		return dc>>2&3 == 0, dc>>2&3 == 2
	case dc >= 0xF0:
		return dc&0x04 == 0, false
	}
	return false, false
}

const carriageReturn = 0x0D

// pack puts eight septets into seven octets, the first into the lowest bits.
// Seven bits left over would read as @: they are a carriage return, and a text
// that ends in one where nothing is left over gets a second (TS 23.038
// §6.1.2.3.1).
func pack(septets []byte) []byte {
	if n := len(septets) % 8; n == 7 || n == 0 && len(septets) > 0 && septets[len(septets)-1] == carriageReturn {
		septets = append(slices.Clip(septets), carriageReturn)
	}
	out := make([]byte, 0, (len(septets)*7+7)/8)
	var bits, held uint
	for _, s := range septets {
		bits |= uint(s&0x7F) << held
		held += 7
		for held >= 8 {
			out = append(out, byte(bits))
			bits >>= 8
			held -= 8
		}
	}
	if held > 0 {
		out = append(out, byte(bits))
	}
	return out
}

// unpack gives the septets of packed octets.
func unpack(octets []byte) []byte {
	out := make([]byte, 0, len(octets)*8/7)
	var bits, held uint
	for _, o := range octets {
		bits |= uint(o) << held
		held += 8
		for held >= 7 {
			out = append(out, byte(bits&0x7F))
			bits >>= 7
			held -= 7
		}
	}
	n := len(out)
	filler := n > 0 && n%8 == 0 || n > 1 && n%8 == 1 && out[n-2] == carriageReturn
	if filler && out[n-1] == carriageReturn {
		out = out[:n-1]
	}
	return out
}
