package smpp

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Types of number and numbering plans in use. [SMPP 3.4 §5.2.5, §5.2.6]
const (
	TONUnknown       = 0
	TONInternational = 1
	TONNational      = 2
	TONShortCode     = 3 // "network specific", as most operators use it
	TONAlphanumeric  = 5
	NPIUnknown       = 0
	NPIISDN          = 1
)

// Address is a source or destination address. It never prints a subscriber's
// number: an address with six digits or more shows its last two only. Use
// Addr to read it.
type Address struct {
	TON, NPI uint8
	Addr     string
}

func (a Address) masked() string {
	digits := 0
	for _, c := range []byte(a.Addr) {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if digits < 6 {
		return a.Addr
	}
	return "…" + a.Addr[len(a.Addr)-2:]
}

// String is safe to log.
func (a Address) String() string { return fmt.Sprintf("%d/%d %s", a.TON, a.NPI, a.masked()) }

// Format keeps every verb safe to log.
func (a Address) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, a.String()) }

// LogValue is safe to log.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalJSON is safe to log.
func (a Address) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }
