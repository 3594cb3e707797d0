package web_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
	"github.com/wasl-sms/wasl/internal/web"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t, web.Texts())
}

var named = regexp.MustCompile(`(?:t|text\.L\(|text\.Key\() ?"(web\.[a-z_.]*[a-z_])"`)

// Every key that a page or a handler names is in the catalogue, and nothing
// else is written in a page.
func TestPagesUseTheCatalogue(t *testing.T) {
	t.Parallel()
	c := texttest.Load(t, web.Texts())
	dir := os.DirFS(".")
	files, err := fs.Glob(dir, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := fs.Glob(dir, "*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range append(files, sources...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			n++
			if !c.Has(text.Key(m[1])) {
				t.Errorf("%s names %s, which is not in the catalogue", name, m[1])
			}
		}
		if strings.HasSuffix(name, ".html") {
			bare := regexp.MustCompile(`(?s)\{\{.*?\}\}|<[^>]*>`).ReplaceAllString(string(b), " ")
			if words := regexp.MustCompile(`[\p{L}]{3,}`).FindAllString(bare, -1); len(words) > 0 {
				for _, word := range words {
					if !strings.Contains("Wasl Enter", word) {
						t.Errorf("%s says %q by itself", name, word)
					}
				}
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d keys found", n)
	}
}

// Every state and every move has its words.
func TestWordsForEveryMove(t *testing.T) {
	t.Parallel()
	c := texttest.Load(t, web.Texts())
	for _, m := range []casework.Machine{permit.RequestLife(), permit.Life(), visit.Life()} {
		for _, s := range m.States() {
			if key := text.Key("web.state." + string(s)); !c.Has(key) {
				t.Errorf("no %s", key)
			}
		}
		for _, r := range m.Rules {
			if key := text.Key("web.act." + m.Name + "." + string(r.Event)); !c.Has(key) {
				t.Errorf("no %s", key)
			}
		}
	}
}
