package gsm

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// charsets guards the national tables, which charset fills on first use.
var charsets sync.Mutex

// Fold rewrites s so that it can be sent in GSM-7: accents that the alphabet
// has stay (à é è ù and others), the rest are dropped, typographic quotes,
// dashes and spaces become plain ones, and marks that only steer display go.
// A text that GSM-7 can't carry even so (Arabic, an emoji) comes back as it
// was, since UCS-2 carries every character the author wrote.
func Fold(s string) string {
	if Choose(s) == GSM7 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for _, r := range norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n")) {
		if septets(r) > 0 {
			out.WriteRune(r)
			continue
		}
		plain, ok := foldRune(r)
		if !ok {
			return s
		}
		out.WriteString(plain)
	}
	return out.String()
}

func foldRune(r rune) (string, bool) {
	if p, ok := folds[r]; ok {
		return p, true
	}
	switch {
	case unicode.Is(unicode.Zs, r):
		return " ", true
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r), r >= 0xFE00 && r <= 0xFE0F:
		return "", true
	}
	if !unicode.In(r, unicode.Latin, unicode.Mn) {
		return "", false
	}
	var out strings.Builder
	for _, d := range norm.NFD.String(string(r)) {
		switch {
		case unicode.Is(unicode.Mn, d):
		case septets(d) > 0:
			out.WriteRune(d)
		default:
			p, ok := folds[d]
			if !ok {
				return "", false
			}
			out.WriteString(p)
		}
	}
	return out.String(), true
}

// folds lists what decomposition alone does not reach. 0x09 is capital Ç in the
// standard and small ç in the Unicode mapping file; phones mostly show the
// capital, so small ç loses its cedilla.
var folds = map[rune]string{
	'œ': "oe", 'Œ': "OE", 'ç': "c", 'þ': "th", 'Þ': "Th", 'ð': "d", 'Ð': "D",
	'đ': "d", 'Đ': "D", 'ł': "l", 'Ł': "L", 'ı': "i", 'ħ': "h", 'Ħ': "H",
	'ɣ': "gh", 'Ɣ': "Gh", 'ɛ': "e", 'Ɛ': "E", 'ə': "e", 'ʷ': "w",
	'’': "'", '‘': "'", '‚': "'", '‛': "'", 'ʼ': "'", 'ʾ': "'", 'ʿ': "'", '′': "'", '´': "'", '`': "'",
	'“': `"`, '”': `"`, '„': `"`, '«': `"`, '»': `"`, '″': `"`, '‹': `"`, '›': `"`,
	'–': "-", '—': "-", '‐': "-", '‑': "-", '‒': "-", '―': "-", '−': "-", '•': "-",
	'…': "...", '·': ".", '°': "o", 'º': "o", 'ª': "a", '×': "x", '÷': "/", '№': "No",
	'¹': "1", '²': "2", '³': "3", '¼': "1/4", '½': "1/2", '¾': "3/4",
	'\t': " ", '\u2028': "\n", '\u2029': "\n", '\u0085': "\n",
}
