package ussd

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Budget is how much text an operator's page holds: in septets when the page
// fits GSM-7, in UTF-16 units when it needs UCS-2. Some gateways put a line of
// their own on the first page of a session, so it may hold less.
type Budget struct {
	First     int `toml:"first"` // septets
	Next      int `toml:"next"`
	FirstUCS2 int `toml:"first_ucs2"` // UTF-16 units
	NextUCS2  int `toml:"next_ucs2"`
}

// DefaultBudget is what nearly all gateways carry.
func DefaultBudget() Budget { return Budget{First: 160, Next: 160, FirstUCS2: 70, NextUCS2: 70} }

// MostOctets is what the network carries in a page: 182 septets or 80 UCS-2
// units (TS 23.038 §6.1.2.3).
const MostOctets = 160

// BudgetFromOctets is the budget of a gateway that counts octets and packs
// septets.
func BudgetFromOctets(first, next int) Budget {
	return Budget{First: first * 8 / 7, Next: next * 8 / 7, FirstUCS2: first / 2, NextUCS2: next / 2}
}

// Later is the budget of every screen but the first of a session.
func (b Budget) Later() Budget {
	b = b.orDefault()
	b.First, b.FirstUCS2 = b.Next, b.NextUCS2
	return b
}

// Smallest lets no page hold more than the tightest one: the budget to check
// texts against that may come anywhere in a session.
func (b Budget) Smallest() Budget {
	b = b.orDefault()
	septets, units := min(b.First, b.Next), min(b.FirstUCS2, b.NextUCS2)
	return Budget{First: septets, Next: septets, FirstUCS2: units, NextUCS2: units}
}

// Least a budget can be for pages to make sense: a word and the key for more.
const (
	leastSeptets = 40
	leastUnits   = 20
)

// Validate says what is wrong with a configured budget. Fields left 0 take their
// default.
func (b Budget) Validate() error {
	b = b.orDefault()
	if min(b.First, b.Next) < leastSeptets || min(b.FirstUCS2, b.NextUCS2) < leastUnits {
		return fmt.Errorf("ussd: a page must hold at least %d septets and %d UCS-2 units", leastSeptets, leastUnits)
	}
	return nil
}

func (b Budget) orDefault() Budget {
	d := DefaultBudget()
	for _, f := range []struct{ have, want *int }{
		{&b.First, &d.First}, {&b.Next, &d.Next}, {&b.FirstUCS2, &d.FirstUCS2}, {&b.NextUCS2, &d.NextUCS2},
	} {
		if *f.have <= 0 {
			*f.have = *f.want
		}
	}
	return b
}

// limit is the room on a page for text in an alphabet.
func (b Budget) limit(first bool, a gsm.Alphabet) int {
	switch {
	case first && a == gsm.GSM7:
		return b.First
	case first:
		return b.FirstUCS2
	case a == gsm.GSM7:
		return b.Next
	}
	return b.NextUCS2
}

func (b Budget) holds(text string, first bool) bool {
	n, a := gsm.Units(text)
	return n <= b.limit(first, a)
}

// TooLongError says by how much a text misses its page.
type TooLongError struct {
	Units, Limit int
	Alphabet     gsm.Alphabet
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("ussd: %d units of %v where %d fit", e.Units, e.Alphabet, e.Limit)
}

var (
	// ErrBidi is returned for a line that a handset would show in another order
	// than it is meant: digit groups joined by a hyphen, or a plus sign before a
	// number, beside Arabic; or any bidirectional control.
	ErrBidi = errors.New("ussd: digits would be shown out of order beside Arabic")
	// ErrKey is returned for an item whose key can't be keyed, or comes twice.
	ErrKey = errors.New("ussd: key is not made of digits, or comes twice")
)

// Fits checks a screen, filled with the longest values it can have, against the
// tightest page of a budget: it must take one page whole, and its lines must be
// shown in order. Lists that are meant to run over several pages are checked
// with FitsPages.
func Fits(s Screen, b Budget) error {
	if err := s.lint(); err != nil {
		return err
	}
	b = b.Smallest()
	text := s.render()
	n, a := gsm.Units(text)
	if limit := b.limit(false, a); n > limit {
		return &TooLongError{Units: n, Limit: limit, Alphabet: a}
	}
	return nil
}

// FitsPages checks a screen that may take several pages: no item may be so long
// that it has to be cut, and there may be at most most pages.
func FitsPages(s Screen, b Budget, nav Nav, most int) error {
	if err := s.lint(); err != nil {
		return err
	}
	b = b.Smallest()
	for _, item := range s.Items {
		text := page{lines: joinAtoms(Screen{Items: []Item{item}}.atoms()), footer: footer(s, nav, false, true, false)}.String()
		n, a := gsm.Units(text)
		if limit := b.limit(false, a); n > limit {
			return fmt.Errorf("item %s: %w", item.Key, &TooLongError{Units: n, Limit: limit, Alphabet: a})
		}
	}
	if n := len(Paginate(s, b, nav)); n > most {
		return fmt.Errorf("ussd: %d pages where %d are allowed", n, most)
	}
	return nil
}

func (s Screen) lint() error {
	seen := map[string]bool{}
	for _, item := range append(append([]Item(nil), s.Items...), s.Footer...) {
		if strings.Trim(item.Key, "0123456789#*") != "" || item.Key == "" || seen[item.Key] {
			return fmt.Errorf("key %q: %w", item.Key, ErrKey)
		}
		seen[item.Key] = true
	}
	for line := range strings.SplitSeq(s.render(), "\n") {
		if !ordered(line) {
			return ErrBidi
		}
	}
	return nil
}

// ordered reports whether the Unicode bidirectional algorithm, and a phone that
// has none, leave the digits of a line as they are written.
func ordered(line string) bool {
	arabic := false
	for _, r := range line {
		if isBidiControl(r) {
			return false
		}
		arabic = arabic || unicode.Is(unicode.Arabic, r)
	}
	if !arabic {
		return true
	}
	digit := func(i int) bool { return i >= 0 && i < len(line) && line[i] >= '0' && line[i] <= '9' }
	for i := range len(line) {
		if line[i] == '-' && digit(i-1) && digit(i+1) || line[i] == '+' && digit(i+1) {
			return false
		}
	}
	return true
}

func isBidiControl(r rune) bool {
	return r == 0x061C || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}
