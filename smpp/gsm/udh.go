package gsm

import "errors"

// Concat places one part in its message (TS 23.040 §9.2.3.24.1, §9.2.3.24.8).
// The zero Concat is a message of one part.
type Concat struct {
	Ref        uint16
	Wide       bool // the reference has 16 bits
	Total, Seq uint8
}

// Multipart reports whether the message has further parts.
func (c Concat) Multipart() bool { return c.Total > 1 }

// impossible reports a part number that can't be. Of the zero Concat it is
// false.
func (c Concat) impossible() bool { return c != (Concat{}) && (c.Seq == 0 || c.Seq > c.Total) }

// UDH is the header that says this, with its length octet in front.
func (c Concat) UDH() []byte {
	if c.Wide {
		return []byte{6, ieConcat16, 4, byte(c.Ref >> 8), byte(c.Ref), c.Total, c.Seq}
	}
	return []byte{5, ieConcat8, 3, byte(c.Ref), c.Total, c.Seq}
}

// Information elements of TS 23.040 §9.2.3.24 that are read here.
const (
	ieConcat8      = 0x00
	ieConcat16     = 0x08
	ieSingleShift  = 0x24
	ieLockingShift = 0x25
)

var (
	// ErrUDH is returned for a header whose lengths do not add up.
	ErrUDH = errors.New("gsm: user data header is cut short")
	// ErrConcat is returned for a part number that can't be: part 0, or a part
	// beyond the last.
	ErrConcat = errors.New("gsm: part number outside its message")
)

// ParseUDH reads the part's place from a header that starts with its length
// octet. A header without one (ports, language, …) gives the zero Concat.
// Elements it does not know are skipped, and of a repeated one the last counts
// (TS 23.040 §9.2.3.24).
func ParseUDH(udh []byte) (Concat, error) {
	c, _, err := ParseHeader(udh)
	return c, err
}

// ParseHeader is ParseUDH with the national language tables the header names.
func ParseHeader(udh []byte) (c Concat, l Language, err error) {
	if len(udh) == 0 {
		return Concat{}, Language{}, nil
	}
	if int(udh[0]) != len(udh)-1 {
		return Concat{}, Language{}, ErrUDH
	}
	for b := udh[1:]; len(b) > 0; {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return Concat{}, Language{}, ErrUDH
		}
		data := b[2 : 2+int(b[1])]
		switch {
		case b[0] == ieConcat8 && len(data) == 3:
			c = Concat{Ref: uint16(data[0]), Total: data[1], Seq: data[2]}
		case b[0] == ieConcat16 && len(data) == 4:
			c = Concat{Ref: uint16(data[0])<<8 | uint16(data[1]), Wide: true, Total: data[2], Seq: data[3]}
		case b[0] == ieSingleShift && len(data) == 1:
			l.Single = data[0]
		case b[0] == ieLockingShift && len(data) == 1:
			l.Locking = data[0]
		}
		b = b[2+len(data):]
	}
	if c.impossible() {
		return Concat{}, l, ErrConcat
	}
	return c, l, nil
}
