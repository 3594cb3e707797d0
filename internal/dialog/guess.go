package dialog

import (
	"slices"
	"strings"
	"unicode"

	"github.com/wasl-sms/wasl/internal/text"
)

// Words that give a language away, in folded form.
var (
	frenchWords  = folded("je", "le", "la", "les", "une", "pour", "est", "mon", "ma", "mes", "bonjour", "merci", "vous", "quand", "demande", "avec", "dans", "svp", "salut")
	englishWords = folded("the", "my", "is", "hello", "please", "when", "what", "how", "need", "want", "have", "can", "thanks")
	darijaWords  = folded("ana", "dyali", "dial", "dyal", "bghit", "fin", "salam", "wach", "chno", "kifach", "3afak", "fo9ach", "choukran", "lah", "nhar", "bach", "had", "makayn", "3andi")
)

func folded(words ...string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = Fold(w)
	}
	return out
}

// guess tells the language of a text: by its script, then by small words, then
// by accents and by digits written as letters. fallback is for none of these.
func guess(s string, fallback text.Lang) text.Lang {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r) }) {
		return text.Arabic
	}
	scores := map[text.Lang]int{}
	for tok := range strings.FieldsSeq(s) {
		f := Fold(tok)
		for l, words := range map[text.Lang][]string{text.French: frenchWords, text.English: englishWords, text.Darija: darijaWords} {
			if slices.Contains(words, f) {
				scores[l] += 2
			}
		}
		if word, _ := cutDigits(tok); strings.ContainsAny(word, "379") && strings.ContainsFunc(word, unicode.IsLetter) {
			scores[text.Darija]++
		}
		if strings.ContainsAny(strings.ToLower(tok), "éèçàêôî") {
			scores[text.French]++
		}
	}
	best, most := fallback, 0
	for _, l := range text.Citizen() {
		if scores[l] > most {
			best, most = l, scores[l]
		}
	}
	return best
}
