package gateway

import (
	"fmt"
	"strconv"
	"strings"
)

// IDForm is how an operator writes a message id. Operators write one and the
// same id in hex in the response and in decimal in the receipt, with leading
// zeros or without, in either case.
type IDForm uint8

// Forms of an id.
const (
	IDText IDForm = iota
	IDDec
	IDHex
)

// UnmarshalText reads the setting's word.
func (f *IDForm) UnmarshalText(b []byte) error {
	switch string(b) {
	case "text":
		*f = IDText
	case "dec":
		*f = IDDec
	case "hex":
		*f = IDHex
	default:
		return fmt.Errorf("%q is no form of a message id: write text, dec or hex", b)
	}
	return nil
}

// maxID is the longest id that is kept. [SMPP 3.4 §5.2.23 allows 64]
const maxID = 64

// normal is the form under which an id is stored and looked for. An id that is
// not what the setting says is taken as text.
func (f IDForm) normal(id string) string {
	id = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, id)
	if len(id) > maxID {
		id = id[:maxID]
	}
	base := map[IDForm]int{IDDec: 10, IDHex: 16}[f]
	if base != 0 {
		if n, err := strconv.ParseUint(id, base, 64); err == nil {
			return strconv.FormatUint(n, 10)
		}
	}
	id = strings.ToLower(id)
	if short := strings.TrimLeft(id, "0"); short != "" || id == "" {
		return short
	}
	return "0"
}
