package dialog_test

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wasl-sms/wasl/internal/dialog"
)

// TestKeywords reads testdata/keywords.txt: what people write, and what it
// asks for. Each is sent as the first text of a conversation.
func TestKeywords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{HelpPerDay: 100_000}, nil)
	f, err := os.Open("testdata/keywords.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		want, body, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("line %d: want a meaning, a tab and a text", n)
		}
		if got := w.dialog.Meaning(body); got != strings.TrimSpace(want) {
			t.Errorf("line %d: %q asks for %q, want %q", n, body, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"RDV", "MAW3ID", "تَسْجِيل", "  7JEZ ", "PERMIS48213", "é̀", "ﷺ", "\xff", "1-2-3", "٣٤", "ﻻ", "ǅ", "ΐ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := dialog.Fold(s)
		if !utf8.ValidString(folded) {
			t.Errorf("%q folds to broken text", s)
		}
		if strings.TrimSpace(folded) != folded || strings.Contains(folded, "  ") {
			t.Errorf("%q folds to %q", s, folded)
		}
		if upper := strings.ToUpper(s); isASCII(s) && dialog.Fold(upper) != folded {
			t.Errorf("%q and %q fold apart: %q, %q", s, upper, folded, dialog.Fold(upper))
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
