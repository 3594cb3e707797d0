// Package private holds the types of what must not leak: they show a tag, never
// themselves, to a log, a format verb or a JSON encoder. Raw reveals.
package private

// Msisdn is a phone number in E.164 form with its plus sign.
type Msisdn struct{ raw string }

// Raw reveals the number.
func (m Msisdn) Raw() string { return m.raw }
