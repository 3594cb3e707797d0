package texttest

import (
	"testing"
	"testing/fstest"
)

func TestUnknownKeysAreFound(t *testing.T) {
	t.Parallel()
	c := Load(t, fstest.MapFS{"texts/a.toml": {Data: []byte("[\"a.known\"]\nkind = \"option\"\nar = \"أ\"\nfr = \"a\"\nary = \"a\"\nen = \"a\"\n")}})
	for body, want := range map[string]int{
		`text.L("a.known", nil)`:              0,
		`text.L("a.unknown", nil)`:            1,
		`fault.Conflict("a.unknown", nil)`:    1,
		`fault.Invalid("b."+reason, nil)`:     1,
		`text.Label("a."+word)`:               0,
		`form.Again("a.unknown", nil)`:        1,
		`form.Entry{Label: "a.unknown"}`:      1,
		`form.Entry{Name: "a.unknown"}`:       0,
		`s.Key("2026-12-30")`:                 0,
		`casework.Move{Reason: "a.unknown."}`: 0,
	} {
		found, err := unknown(c, fstest.MapFS{"b.go": {Data: []byte("package b\nvar _ = " + body)}})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != want {
			t.Errorf("%s: %v", body, found)
		}
	}
}
