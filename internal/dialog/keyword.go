package dialog

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// keyword is what a word asks for: an entry of a service, or something of the
// dialogue itself.
type keyword struct {
	entry string
	does  does
	lang  text.Lang
	shown string // as a person would write it
}

// does is what the dialogue's own words ask for.
type does string

const (
	doesStop   does = "stop"
	doesStart  does = "start"
	doesHelp   does = "help"
	doesMore   does = "more"
	doesStatus does = "status"
	doesLang   does = "lang"
	doesSetAr  does = "ar"
	doesSetFr  does = "fr"
	doesSetAry does = "ary"
	doesSetEn  does = "en"
	doesCancel does = "cancel" // ambiguous: a booking, or our texts?
)

// ownWords are the dialogue's keywords. Those for stop are taken only as a
// whole message; they include the words that gateways use.
func ownWords() map[does]map[text.Lang][]string {
	return map[does]map[text.Lang][]string{
		doesStop: {
			text.French:  {"STOP", "ARRET", "DESABONNER"},
			text.English: {"UNSUBSCRIBE", "OPT-OUT", "QUIT", "REMOVE", "STOPALL", "REVOKE", "TD"},
			text.Darija:  {"7BES", "WA9EF"},
			text.Arabic:  {"توقف", "أوقف", "إيقاف"},
		},
		doesCancel: {text.English: {"CANCEL", "END"}},
		doesStart: {
			text.French: {"START", "REPRENDRE"},
			text.Darija: {"BDA"},
			text.Arabic: {"ابدأ", "استئناف"},
		},
		doesHelp: {
			text.French:  {"AIDE", "MENU"},
			text.English: {"HELP"},
			text.Darija:  {"3AWEN", "3AWENI", "3AWNI", "MOSA3ADA"},
			text.Arabic:  {"مساعدة", "المساعدة", "القائمة"},
		},
		doesMore: {
			text.French:  {"SUITE", "PLUS"},
			text.English: {"MORE"},
			text.Darija:  {"ZID"},
			text.Arabic:  {"المزيد", "تابع"},
		},
		doesStatus: {
			text.French:  {"SUIVI", "ETAT"},
			text.English: {"STATUS", "TRACK"},
			text.Darija:  {"7ALA", "TABE3"},
			text.Arabic:  {"حالة", "تتبع"},
		},
		doesLang: {
			text.French:  {"LANGUE"},
			text.English: {"LANGUAGE"},
			text.Darija:  {"LOGHA"},
			text.Arabic:  {"لغة", "اللغة"},
		},
		doesSetAr:  {text.Arabic: {"AR", "ARABE", "ARABIC", "العربية", "عربي"}},
		doesSetFr:  {text.French: {"FR", "FRANCAIS", "FRENCH", "فرنسية"}},
		doesSetAry: {text.Darija: {"DARIJA", "دارجة"}},
		doesSetEn:  {text.English: {"EN", "ENGLISH", "ANGLAIS"}},
	}
}

// learn fills the map of keywords and refuses a word that two things claim.
func (d *Dialog) learn(entries map[string]form.Entry) error {
	add := func(k keyword) error {
		folded := wordKey(k.shown)
		if folded == "" {
			return fmt.Errorf("keyword %q: nothing is left of it when folded", k.shown)
		}
		if had, ok := d.keywords[folded]; ok {
			if had.entry != k.entry || had.does != k.does {
				return fmt.Errorf("keyword %q: asks for %s%s and for %s%s", k.shown, had.entry, had.does, k.entry, k.does)
			}
			return nil
		}
		d.keywords[folded] = k
		return nil
	}
	for what, byLang := range ownWords() {
		for l, words := range byLang {
			for _, w := range words {
				if err := add(keyword{does: what, lang: l, shown: w}); err != nil {
					return err
				}
			}
		}
	}
	for name, e := range entries {
		for l, words := range e.Keywords {
			for _, w := range words {
				if err := add(keyword{entry: name, lang: l, shown: w}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// request is a text taken apart: [keyword] [reference] [arguments], the first
// two in any order.
type request struct {
	whole   string // normalised
	word    keyword
	known   bool   // word was found
	guess   string // folded word one edit from what was written
	ref     string
	badRef  string // eight digits whose check digit does not hold
	digits  string // the whole text is this short number
	args    []string
	written string // the word that was taken for the keyword
}

// alone tells whether the text is the keyword and nothing else.
func (r request) alone() bool { return r.known && r.written == r.whole }

// parse reads a text.
func (d *Dialog) parse(s string) request {
	tokens := strings.FieldsFunc(normalize(s), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(",;:!?.\"'()[]*#،؛؟…«»“”’", r)
	})
	r := request{whole: strings.Join(tokens, " ")}
	if k, ok := d.keywords[wordKey(r.whole)]; ok {
		r.word, r.known, r.written = k, true, r.whole
		return r
	}
	if len(tokens) == 1 && len(tokens[0]) <= 2 && isDigits(tokens[0]) {
		r.digits = tokens[0]
		return r
	}
	for i := 0; i < len(tokens); i++ {
		tok := tokens[i]
		switch {
		case isDigits(tok):
			r.number(tok)
		case !r.known && r.written == "":
			r.written = tok
			i += d.find(&r, tokens[i:]) - 1
		default:
			r.args = append(r.args, tok)
		}
	}
	return r
}

// number takes a token of digits: the first good reference, else an argument.
func (r *request) number(tok string) {
	switch {
	case r.ref == "" && casework.ValidRef(tok):
		r.ref = tok
	case len(tok) == 8:
		r.badRef = tok
	}
	r.args = append(r.args, tok)
}

// find looks for the keyword that the tokens begin with, of three words at
// most, and tells how many tokens it took. A reference may be glued to it.
func (d *Dialog) find(r *request, tokens []string) int {
	for n := min(3, len(tokens)); n > 0; n-- {
		if k, ok := d.keywords[wordKey(strings.Join(tokens[:n], " "))]; ok {
			r.word, r.known, r.written = k, true, strings.Join(tokens[:n], " ")
			return n
		}
	}
	head, tail := cutDigits(tokens[0])
	if k, ok := d.keywords[wordKey(head)]; ok && tail != "" {
		r.word, r.known, r.written = k, true, head
		r.number(tail)
		return 1
	}
	r.guess = d.near(wordKey(tokens[0]))
	return 1
}

// cutDigits splits PERMIS48213 into word and digits. Shorter runs belong to
// the word: digits stand for letters in Latin Darija.
func cutDigits(tok string) (head, tail string) {
	head = strings.TrimRightFunc(tok, func(r rune) bool { return r >= '0' && r <= '9' })
	if tail = tok[len(head):]; len(tail) < 3 {
		return tok, ""
	}
	return head, tail
}

// near finds the one keyword of five letters or more that is one edit away.
func (d *Dialog) near(folded string) string {
	if len([]rune(folded)) < 5 {
		return ""
	}
	var found []string
	for w := range d.keywords {
		if len([]rune(w)) >= 5 && oneEdit([]rune(w), []rune(folded)) {
			found = append(found, w)
		}
	}
	slices.Sort(found)
	found = slices.CompactFunc(found, func(a, b string) bool {
		x, y := d.keywords[a], d.keywords[b]
		return x.entry == y.entry && x.does == y.does
	})
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// oneEdit tells whether a and b differ by one letter put in, left out, changed
// or swapped with its neighbour.
func oneEdit(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) < len(b):
		return slices.Equal(a[i:], b[i+1:])
	case i == len(a):
		return false
	}
	return slices.Equal(a[i+1:], b[i+1:]) ||
		i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:])
}

// normalize makes texts that look alike equal: compatibility forms, no
// invisible characters, no tatweel and vowel marks, digits 0 to 9.
func normalize(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == 'ـ', unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r), r >= 0xFE00 && r <= 0xFE0F,
			r >= 0x064B && r <= 0x0652, r == 0x0670:
			return -1
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, norm.NFKC.String(strings.ToValidUTF8(s, " ")))
}

// arabicFold makes one letter of those that are written for each other.
var arabicFold = strings.NewReplacer("أ", "ا", "إ", "ا", "آ", "ا", "ٱ", "ا", "ى", "ي", "ة", "ه", "ؤ", "و", "ئ", "ي", "ڭ", "ك", "گ", "ك")

// Digits and pairs of letters that write the same sound in Latin Darija.
var arabizi = strings.NewReplacer("kh", "x", "5", "x", "7", "h", "9", "q", "3", "a", "2", "a", "gh", "g", "4", "g", "8", "g",
	"6", "t", "ch", "c", "sh", "c", "ou", "o", "u", "o", "w", "o", "ee", "i", "y", "i")

// Fold brings a word to the form in which keywords are compared: normalised,
// Arabic letters and Latin accents folded, lower case, in a word the digits that
// stand for letters as one letter each, no letter twice in a row. References,
// being digits only, stay as they are.
func Fold(s string) string {
	var out []string
	for tok := range strings.FieldsSeq(strings.Map(punctuation, normalize(s))) {
		if !isDigits(tok) {
			tok = squeeze(arabizi.Replace(plain(strings.ToLower(arabicFold.Replace(tok)))))
		}
		if tok != "" {
			out = append(out, tok)
		}
	}
	return strings.Join(out, " ")
}

// wordKey is how a keyword is looked up: folded, and written as one word or as
// several alike.
func wordKey(s string) string { return strings.ReplaceAll(Fold(s), " ", "") }

func punctuation(r rune) rune {
	if r == '-' || r == '_' || r == '\'' || r == '’' {
		return -1
	}
	if unicode.IsPunct(r) || unicode.IsSymbol(r) {
		return ' '
	}
	return r
}

// plain drops the accents of Latin letters.
func plain(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s)))
}

func squeeze(s string) string {
	var out strings.Builder
	var last rune
	for _, r := range s {
		if r != last || unicode.IsDigit(r) {
			out.WriteRune(r)
		}
		last = r
	}
	return out.String()
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
