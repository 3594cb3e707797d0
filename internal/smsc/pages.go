package smsc

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"

	"golang.org/x/text/language"
)

//go:embed phone/*.html phone/*.js phone/*.css phone/*.svg phone/texts/*.json phone/fonts/*.woff2 phone/fonts/OFL.txt
var phoneFiles embed.FS

// What follows panics where a file is missing or wrong: they are part of the
// binary.

func pageFiles() fs.FS {
	static, err := fs.Sub(phoneFiles, "phone")
	if err != nil {
		panic(err)
	}
	return static
}

func parsePage(static fs.FS, name string) *template.Template {
	return template.Must(template.ParseFS(static, name, "head.html"))
}

// pageLanguages are those of the pages' own texts; the phone's screens come from
// the application in the citizen's language.
var pageLanguages = []string{"ar", "fr", "en"}

var pageMatcher = language.NewMatcher([]language.Tag{language.French, language.Arabic, language.English})

// loadTexts reads a page's texts in each language.
func loadTexts[T any](static fs.FS, page string) map[string]T {
	all := make(map[string]T)
	for _, lang := range pageLanguages {
		var words T
		b, err := fs.ReadFile(static, "texts/"+page+lang+".json")
		if err == nil {
			err = json.Unmarshal(b, &words)
		}
		if err != nil {
			panic(fmt.Sprintf("smsc: texts %s%s: %v", page, lang, err))
		}
		all[lang] = words
	}
	return all
}

func pageLanguage(r *http.Request) string {
	lang := r.URL.Query().Get("lang")
	if slices.Contains(pageLanguages, lang) {
		return lang
	}
	tag, _ := language.MatchStrings(pageMatcher, r.Header.Get("Accept-Language"))
	base, _ := tag.Base()
	return base.String()
}

func direction(lang string) string {
	if lang == "ar" {
		return "rtl"
	}
	return "ltr"
}

func pageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
	h.Set("Vary", "Accept-Language")
}
