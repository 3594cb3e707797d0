package smsc_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each language of the page has the same words with the same values in them,
// and each word is used.
func TestPhoneWords(t *testing.T) {
	t.Parallel()
	code := ""
	for _, name := range []string{"phone.html", "phone.js", "handset.js"} {
		b, err := os.ReadFile("phone/" + name)
		if err != nil {
			t.Fatal(err)
		}
		code += string(b)
	}
	// Reasons come from the network by name; key_ and the key's name are joined.
	for _, sent := range []string{
		"no_dialogue", "no_application", "no_answer", "expired", "aborted", "busy", "refused",
		"key_left", "key_right", "key_up", "key_down", "key_green", "key_red",
	} {
		code += `"` + sent + `"`
	}
	read := func(lang string) map[string]string {
		b, err := os.ReadFile("phone/texts/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var w map[string]string
		if err := json.Unmarshal(b, &w); err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		return w
	}
	french := read("fr")
	for _, lang := range []string{"ar", "en"} {
		other := read(lang)
		if d := cmp.Diff(slices.Sorted(maps.Keys(french)), slices.Sorted(maps.Keys(other))); d != "" {
			t.Errorf("words of %s differ from French:\n%s", lang, d)
		}
		for key, s := range other {
			for _, value := range []string{"{n}", "{code}"} {
				if strings.Contains(s, value) != strings.Contains(french[key], value) {
					t.Errorf("%s %q has %s in one language only", lang, key, value)
				}
			}
		}
	}
	for key := range french {
		if !strings.Contains(code, `"`+key+`"`) && !strings.Contains(code, ".Words."+key+"}") {
			t.Errorf("no one uses %q", key)
		}
	}
}
