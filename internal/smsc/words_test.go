package smsc_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/smsc"
)

// Each language of the page has the same words with the same values in them,
// and each word is used.
func TestPhoneWords(t *testing.T) {
	t.Parallel()
	code := ""
	for _, name := range []string{"head.html", "phone.html", "phone.js", "handset.js"} {
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

// The page of faults says each fault and each act, in each language.
func TestFaultWords(t *testing.T) {
	t.Parallel()
	type said struct {
		Page   map[string]string
		Faults map[string]struct{ Label, Shows string }
		Acts   map[string]string
	}
	keys := func(lang string) (page, faults, acts []string) {
		b, err := os.ReadFile("phone/texts/faults." + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var w said
		if err := json.Unmarshal(b, &w); err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		for name, f := range w.Faults {
			if f.Label == "" || f.Shows == "" {
				t.Errorf("%s: %s says nothing", lang, name)
			}
		}
		return slices.Sorted(maps.Keys(w.Page)), slices.Sorted(maps.Keys(w.Faults)), slices.Sorted(maps.Keys(w.Acts))
	}
	french, _, _ := keys("fr")
	for _, lang := range []string{"ar", "fr", "en"} {
		page, faults, acts := keys(lang)
		if d := cmp.Diff(french, page); d != "" {
			t.Errorf("words of %s differ from French:\n%s", lang, d)
		}
		if d := cmp.Diff(slices.Sorted(slices.Values(smsc.Names())), faults); d != "" {
			t.Errorf("%s: faults:\n%s", lang, d)
		}
		if d := cmp.Diff(slices.Sorted(slices.Values(smsc.Acts())), acts); d != "" {
			t.Errorf("%s: acts:\n%s", lang, d)
		}
	}
}
