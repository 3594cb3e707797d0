package ussd

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Move is what a key asks for on any screen.
type Move uint8

const (
	MoveNone Move = iota
	MoveBack
	MoveHome
	MoveMore
)

// Input is what a person keyed. Move is set where the text is one of the keys
// that mean the same everywhere; a screen that asks for a number may still take
// Text as the answer.
type Input struct {
	Text string
	Move Move
}

// ParseInput reads keyed text: compatibility forms and Arabic-Indic digits
// become plain ones, invisible characters and space around it go, and a # that
// closes a number is dropped.
func ParseInput(s string) Input {
	s = Normalize(s)
	if short := strings.TrimSuffix(s, "#"); short != "" && allDigits(short) {
		s = short
	}
	in := Input{Text: s}
	switch s {
	case KeyBack:
		in.Move = MoveBack
	case KeyHome:
		in.Move = MoveHome
	case KeyMore, KeyMoreAlso, KeyMoreHash:
		in.Move = MoveMore
	}
	return in
}

// Normalize makes texts that look alike equal: NFKC, digits of the Arabic
// keyboards as 0 to 9, no invisible characters, single spaces, none around.
func Normalize(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r), r >= 0xFE00 && r <= 0xFE0F:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(norm.NFKC.String(s)), " ")
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// ParseDial reads what opened a session: *369# is the code alone, and
// *369*1*2# leads past the first menus. ok is false for anything else.
func ParseDial(s string) (code string, path []string, ok bool) {
	s = Normalize(s)
	if len(s) < 3 || s[0] != '*' && s[0] != '#' || s[len(s)-1] != '#' {
		return "", nil, false
	}
	inner := strings.TrimLeft(s[:len(s)-1], "*#")
	parts := strings.Split(inner, "*")
	for _, p := range parts {
		if p == "" || !allDigits(p) {
			return "", nil, false
		}
	}
	return s[:len(s)-1-len(inner)] + parts[0] + "#", parts[1:], true
}
