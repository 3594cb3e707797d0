// Package private holds the types of what must not leak: phone numbers,
// names, identity numbers and the bodies of messages. A log, a format verb
// or a JSON encoder shows a tag; Raw reveals, and is easy to search for.
package private

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"unique"
)

// secret holds a string behind a pointer: fmt asks no method of a value in an
// unexported field, and would print a string there. Equal strings make equal
// secrets.
type secret struct{ h unique.Handle[string] }

func hide(s string) secret {
	if s == "" {
		return secret{}
	}
	return secret{unique.Make(s)}
}

func (s secret) reveal() string {
	if s == (secret{}) {
		return ""
	}
	return s.h.Value()
}

// Msisdn is a phone number in E.164 form with its plus sign. The zero
// value is no number. Like the others it may be compared with == and be the
// key of a map.
type Msisdn struct{ secret }

// Name is a person's name.
type Name struct{ secret }

// NationalID is the number of an identity document, without spaces.
type NationalID struct{ secret }

// Body is the text of a message.
type Body struct{ secret }

// NewName wraps a name as it was given, without the spaces around it.
func NewName(s string) Name { return Name{hide(strings.Join(strings.Fields(s), " "))} }

// NewNationalID wraps an identity number: no spaces, upper case.
func NewNationalID(s string) NationalID {
	return NationalID{hide(strings.ToUpper(strings.Join(strings.Fields(s), "")))}
}

// NewBody wraps a text.
func NewBody(s string) Body { return Body{hide(s)} }

// Raw reveals the number.
func (m Msisdn) Raw() string { return m.reveal() }

// Raw reveals the name.
func (n Name) Raw() string { return n.reveal() }

// Raw reveals the identity number.
func (n NationalID) Raw() string { return n.reveal() }

// Raw reveals the text.
func (b Body) Raw() string { return b.reveal() }

// IsZero reports whether there is no number.
func (m Msisdn) IsZero() bool { return m == Msisdn{} }

// IsZero reports whether there is no name.
func (n Name) IsZero() bool { return n == Name{} }

// IsZero reports whether there is no identity number.
func (n NationalID) IsZero() bool { return n == NationalID{} }

// IsZero reports whether there is no text.
func (b Body) IsZero() bool { return b == Body{} }

// String gives the last two digits only: enough to tell two lines of a log
// apart, and shared by a million others.
func (m Msisdn) String() string {
	raw := m.Raw()
	if len(raw) < 4 {
		return "number:"
	}
	return "number:…" + raw[len(raw)-2:]
}

func (n Name) String() string       { return tag("name", n.IsZero()) }
func (n NationalID) String() string { return tag("id", n.IsZero()) }

// String gives the length in characters.
func (b Body) String() string { return fmt.Sprintf("body:%d characters", len([]rune(b.Raw()))) }

func tag(kind string, empty bool) string {
	if empty {
		return kind + ":"
	}
	return kind + ":…"
}

// Format prints the tag for every verb: %x and %#v would look inside.
func (m Msisdn) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }

// Format prints the tag for every verb.
func (n Name) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(n.String())) }

// Format prints the tag for every verb.
func (n NationalID) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(n.String())) }

// Format prints the tag for every verb.
func (b Body) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(b.String())) }

// LogValue logs the tag.
func (m Msisdn) LogValue() slog.Value { return slog.StringValue(m.String()) }

// LogValue logs the tag.
func (n Name) LogValue() slog.Value { return slog.StringValue(n.String()) }

// LogValue logs the tag.
func (n NationalID) LogValue() slog.Value { return slog.StringValue(n.String()) }

// LogValue logs the tag.
func (b Body) LogValue() slog.Value { return slog.StringValue(b.String()) }

// MarshalJSON writes the tag; there is no way back.
func (m Msisdn) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// MarshalJSON writes the tag; there is no way back.
func (n Name) MarshalJSON() ([]byte, error) { return json.Marshal(n.String()) }

// MarshalJSON writes the tag; there is no way back.
func (n NationalID) MarshalJSON() ([]byte, error) { return json.Marshal(n.String()) }

// MarshalJSON writes the tag; there is no way back.
func (b Body) MarshalJSON() ([]byte, error) { return json.Marshal(b.String()) }
