package ussd

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Keys that mean the same on every screen. Some gateways keep a lone # for
// themselves, so KeyMoreAlso and KeyMoreHash are taken for KeyMore.
const (
	KeyBack     = "0"
	KeyHome     = "00"
	KeyMore     = "98"
	KeyMoreAlso = "99"
	KeyMoreHash = "#"
)

// Item is one line to choose: a key and what it does.
type Item struct {
	Key, Label string
	// Under is a heading that stands once above the neighbours that share it, and
	// again on each page where they go on: the day above its hours.
	Under string
}

// line has no dot after the key: beside Arabic the dot would be shown on the
// wrong side of it.
func (i Item) line() string {
	if i.Label == "" {
		return i.Key
	}
	return i.Key + " " + i.Label
}

// Screen is one step of a dialogue in one language, its values filled in.
type Screen struct {
	Title  string
	Body   string
	Items  []Item
	Footer []Item // keys shown on every page, such as 0 and 00
	End    bool   // the session ends with this screen
}

// Nav labels the keys that paging adds: More wherever pages follow, and Back on
// later pages of a screen whose footer has none; left empty, it is not added.
type Nav struct{ More, Back string }

// Rendered is one page of a screen, ready to be sent.
type Rendered struct {
	Text  string
	Index int // from 0
	Total int
	End   bool // the screen ends the session, and this is its last page
}

// Paginate renders a screen in as many pages as the budget asks for. The first
// page has the budget's First; give Budget.Later for a screen that does not open
// a session. Items stand whole on one page, and text is cut between words. Each
// page but the last offers More; each but the first offers Back. These keys lose
// their labels where that saves a page, or gives a page with hardly a choice
// one more item. Where one item or word leaves no room even so, a word is cut
// between letters, and an item ends where its page does.
func Paginate(s Screen, b Budget, nav Nav) []string {
	b = b.orDefault()
	rest := s.atoms()
	var pages []string
	for {
		first := len(pages) == 0
		text, taken, left := fill(s, rest, b, nav, first)
		pages = append(pages, text)
		rest = rest[taken:]
		if left != nil {
			rest = append([]atom{*left}, rest...)
		}
		if len(rest) == 0 {
			return pages
		}
	}
}

// Page renders page n (from 0) of a screen; beyond the last it is the last.
func Page(s Screen, n int, b Budget, nav Nav) Rendered {
	pages := Paginate(s, b, nav)
	n = max(0, min(n, len(pages)-1))
	return Rendered{Text: pages[n], Index: n, Total: len(pages), End: s.End && n == len(pages)-1}
}

// atom is what is not cut as long as a page can hold it: a word, or an item.
type atom struct {
	text  string
	glue  string // what joins it to the atom before on the same page
	under string // heading of an item
	item  bool
}

// joined is what the atom adds to a page that begins with before.
func (a atom) joined(before []atom) string {
	text := a.text
	if a.under != "" && (len(before) == 0 || before[len(before)-1].under != a.under) {
		text = a.under + "\n" + text
	}
	if len(before) > 0 {
		text = a.glue + text
	}
	return text
}

func (s Screen) atoms() []atom {
	var out []atom
	for _, block := range []string{s.Title, s.Body} {
		for line := range strings.SplitSeq(block, "\n") {
			glue := "\n"
			for _, word := range strings.FieldsFunc(line, breakable) {
				out = append(out, atom{text: word, glue: glue})
				glue = " "
			}
		}
	}
	for _, item := range s.Items {
		out = append(out, atom{text: oneLine(item.line()), glue: "\n", under: oneLine(item.Under), item: true})
	}
	return out
}

// breakable is white space at which a line may be cut: all but the no-break
// spaces.
func breakable(r rune) bool {
	return unicode.IsSpace(r) && r != 0x00A0 && r != 0x202F
}

func lineSpace(r rune) bool { return r == '\n' || r == '\r' }

func oneLine(s string) string { return strings.Join(strings.FieldsFunc(s, lineSpace), " ") }

// aChoice is how many items make a page worth reading.
const aChoice = 3

// fill takes as many atoms as one page holds. left is what remains of an atom
// that had to be cut.
func fill(s Screen, atoms []atom, b Budget, nav Nav, first bool) (text string, taken int, left *atom) {
	for _, bare := range []bool{false, true} {
		if p := (page{lines: joinAtoms(atoms), footer: footer(s, nav, first, false, bare)}); b.holds(p.String(), first) {
			return p.String(), len(atoms), nil
		}
	}
	text, taken = prefix(atoms, footer(s, nav, first, true, false), b, first)
	if barely := items(atoms[:taken]); taken == 0 || barely < aChoice && atoms[taken].item {
		if t, n := prefix(atoms, footer(s, nav, first, true, true), b, first); items(atoms[:n]) > barely || taken == 0 {
			text, taken = t, n
		}
	}
	if taken > 0 {
		return text, taken, nil
	}
	more := len(atoms) > 1 || !atoms[0].item
	for _, foot := range []string{footer(s, nav, first, more, false), footer(s, nav, first, more, true), ""} {
		if text, left = cutAtom(atoms[0], foot, b, first); text != "" {
			return text, 1, left
		}
	}
	return cutRunes(atoms[0], b, first)
}

// cutRunes is for a letter with more marks than a page holds, and for a budget
// that is none: at least one character is taken, so that paging ends.
func cutRunes(a atom, b Budget, first bool) (text string, taken int, left *atom) {
	end := 0
	for i, r := range a.text {
		candidate := gsm.Fold(a.text[:i+utf8.RuneLen(r)])
		if end > 0 && !b.holds(candidate, first) {
			break
		}
		text, end = candidate, i+utf8.RuneLen(r)
	}
	return text, 1, a.after(end)
}

// prefix is the page with the most atoms that holds, if any does.
func prefix(atoms []atom, foot string, b Budget, first bool) (text string, taken int) {
	var lines strings.Builder
	for i, a := range atoms {
		lines.WriteString(a.joined(atoms[:i]))
		candidate := page{lines: lines.String(), footer: foot}.String()
		if !b.holds(candidate, first) {
			return text, i
		}
		text = candidate
	}
	return text, len(atoms)
}

// cutAtom gives the page with the most letters of a, and the rest of it. An item
// has no rest: the end of its label is dropped.
func cutAtom(a atom, foot string, b Budget, first bool) (text string, left *atom) {
	end := 0
	for rest, state := a.text, -1; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		candidate := page{lines: a.text[:end+len(cluster)], footer: foot}.String()
		if !b.holds(candidate, first) {
			break
		}
		end += len(cluster)
		if !a.item || cluster != " " {
			text = candidate
		}
	}
	if a.item || text == "" {
		return text, nil
	}
	return text, a.after(end)
}

func (a atom) after(n int) *atom {
	if n >= len(a.text) || a.item {
		return nil
	}
	return &atom{text: a.text[n:], glue: a.glue}
}

func joinAtoms(atoms []atom) string {
	var out strings.Builder
	for i, a := range atoms {
		out.WriteString(a.joined(atoms[:i]))
	}
	return out.String()
}

// items counts the lines to choose among atoms.
func items(atoms []atom) int {
	n := 0
	for _, a := range atoms {
		if a.item {
			n++
		}
	}
	return n
}

// page is text over the keys that every page offers.
type page struct{ lines, footer string }

// String is the page as it is sent: folded to GSM-7 where that is possible.
func (p page) String() string {
	switch {
	case p.lines == "":
		return gsm.Fold(p.footer)
	case p.footer == "":
		return gsm.Fold(p.lines)
	}
	return gsm.Fold(p.lines + "\n" + p.footer)
}

func (s Screen) render() string {
	return page{lines: joinAtoms(s.atoms()), footer: footer(s, Nav{}, true, false, false)}.String()
}

// footer lists the keys of a page. With bare, their labels give way to the text.
func footer(s Screen, nav Nav, first, more, bare bool) string {
	var items []Item
	if more {
		items = append(items, Item{Key: KeyMore, Label: nav.More})
	}
	hasBack := slices.ContainsFunc(s.Footer, func(i Item) bool { return i.Key == KeyBack })
	if !first && !hasBack && nav.Back != "" {
		items = append(items, Item{Key: KeyBack, Label: nav.Back})
	}
	var lines []string
	for _, item := range append(items, s.Footer...) {
		if bare {
			item.Label = ""
		}
		lines = append(lines, item.line())
	}
	return strings.Join(lines, "\n")
}
