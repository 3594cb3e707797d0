package text_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

func files(s string) fstest.MapFS { return fstest.MapFS{"texts/a.toml": {Data: []byte(s)}} }

const sample = `
["a.plain"]
kind = "screen"
params = { ref = "ref", at = "day", hour = "time", until = "date", what = "label", left = "wait" }
ar = "{ref} {at} {hour} {until} {what} {left}"
fr = "{ref} {at} {hour} {until} {what} {left}"
ary = "{ref} {at} {hour} {until} {what} {left}"
en = "{ref} {at} {hour} {until} {what} {left}"

["a.word"]
kind = "option"
ar = "نعم"
fr = "Oui"
ary = "Ah"
en = "Yes"

["a.count"]
kind = "screen"
params = { who = "short", n = "count", of = "count" }
ar = { zero = "{who} 0 {of}", one = "{who} one {of}", two = "{who} two {of}", few = "{who} few {n} {of}", many = "{who} many {n} {of}", other = "{who} other {n} {of}" }
fr = { one = "{who} one {n} {of}", other = "{who} other {n} {of}" }
ary = { one = "{who} one {of}", few = "{who} few {n} {of}", other = "{who} other {n} {of}" }
en = { one = "{who} one {n} {of}", other = "{who} other {n} {of}" }

["a.staff"]
kind = "staff"
ar = "ع"
fr = "F"
en = "E"
`

func TestWrite(t *testing.T) {
	t.Parallel()
	c := texttest.Load(t, files(sample))
	at := time.Date(2026, 5, 12, 10, 30, 0, 0, time.UTC)
	p := text.Params{"ref": text.Ref("12345671"), "at": at, "hour": at, "until": at, "what": text.Label("a.word"), "left": 61 * time.Minute}
	for l, want := range map[text.Lang]string{
		text.French:  "12345671 mardi 12/05 10:30 12/05/2026 Oui 61 minutes",
		text.Arabic:  "12345671 الثلاثاء 12/05 10:30 12/05/2026 نعم 61 دقيقة",
		text.Darija:  "12345671 tlat 12/05 10:30 12/05/2026 Ah 61 d9i9a",
		text.English: "12345671 Tuesday 12/05 10:30 12/05/2026 Yes 61 minutes",
	} {
		if got := c.Write(l, text.L("a.plain", p)); got != want {
			t.Errorf("%s: %q, want %q", l, got, want)
		}
	}
	p["left"] = 23*time.Hour + time.Second
	if got := c.Write(text.French, text.L("a.plain", p)); !strings.HasSuffix(got, "24 heures") {
		t.Errorf("a long wait: %q", got)
	}
	if got := c.Write(text.Darija, text.L("a.staff", nil)); got != "F" {
		t.Errorf("a staff text in Darija: %q", got)
	}
}

// TestPluralsAreCLDRs compares the forms with those of x/text.
func TestPluralsAreCLDRs(t *testing.T) {
	t.Parallel()
	c := texttest.Load(t, files(sample))
	names := map[plural.Form]string{plural.Zero: "0", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	for l, tag := range map[text.Lang]language.Tag{text.Arabic: language.Arabic, text.French: language.French, text.English: language.English} {
		for n := range 1300 {
			want := names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]
			got := c.Write(l, text.L("a.count", text.Params{"who": "w", "n": n, "of": 1}))
			if !strings.HasPrefix(got, "w "+want) {
				t.Fatalf("%s %d: %q, want form %s", l, n, got, want)
			}
		}
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	c, err := text.Load(files(sample))
	if err != nil {
		t.Fatal(err)
	}
	var heard []error
	c.OnFault(func(err error) { heard = append(heard, err) })
	for i, line := range []text.Line{
		text.L("no.such", nil), text.L("a.plain", nil), text.L("a.count", text.Params{"who": "w", "n": "many", "of": 1}),
		text.L("a.count", text.Params{"who": 3.5, "n": 1, "of": 1}),
	} {
		if got := c.Write(text.French, line); got != string(line.Key) || len(heard) != i+1 {
			t.Errorf("%v gives %q, %d faults heard", line, got, len(heard))
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	whole := "[\"k\"]\nkind = \"screen\"\nar = \"ا\"\nfr = \"f\"\nary = \"d\"\nen = \"e\"\n"
	if _, err := text.Load(files(whole)); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]string{
		"no language":        strings.Replace(whole, "ary = \"d\"\n", "", 1),
		"empty":              strings.Replace(whole, "\"d\"", "\"\"", 1),
		"unknown field":      whole + "de = \"g\"\n",
		"unknown kind":       strings.Replace(whole, "screen", "poster", 1),
		"undeclared":         strings.Replace(whole, "\"f\"", "\"{ref}\"", 1),
		"lone brace":         strings.Replace(whole, "\"f\"", "\"a } b\"", 1),
		"unknown type":       whole + "params = { a = \"colour\" }\n",
		"no other form":      strings.Replace(whole, "\"f\"", "{ one = \"x\" }", 1),
		"unknown form":       strings.Replace(whole, "\"f\"", "{ other = \"x\", dozen = \"y\" }", 1),
		"not a text":         strings.Replace(whole, "\"f\"", "3", 1),
		"taken by this file": strings.Replace(whole, "\"k\"", "\"text.day.1\"", 1),
	} {
		if _, err := text.Load(files(s)); err == nil {
			t.Errorf("%s: loaded", what)
		} else {
			t.Logf("%s: %v", what, err)
		}
	}
}

func TestLintFinds(t *testing.T) {
	t.Parallel()
	write := func(kind, ar, fr, extra string) fstest.MapFS {
		return files("[\"k\"]\nkind = \"" + kind + "\"\n" + extra + "\nar = \"" + ar + "\"\nfr = \"" + fr + "\"\nary = \"d " + "\"\nen = \"e\"\n")
	}
	for want, f := range map[string]fstest.MapFS{
		"k in ar: is longer":                write("screen", strings.Repeat("ا", 71), "f", ""),
		"k in fr: takes more message parts": write("sms", "ا", strings.Repeat("f", 161), ""),
		"k in fr: is longer":                write("option", "ا", strings.Repeat("f", 33), ""),
		"k in ar: takes more message parts": write("sms", strings.Repeat("ا", 60)+" {until}", "{until}", `params = { until = "date" }`),
		"too much (prison)":                 write("sms", "ا", "Votre visite à la Prison", ""),
		"too much (سجن)":                    write("sms", "زيارة السِّجن", "f", ""),
		"instead of what to do":             write("sms", "ا", "Numéro invalide", ""),
		"turns their order round":           write("sms", "482-13", "f", ""),
		"a dot after":                       write("screen", "1. نعم", "f", ""),
		"needs more than":                   write("sms", "ا", "Łódź ✓", ""),
		"k in ar: does not show {ref}":      write("sms", "ا", "{ref}", `params = { ref = "ref" }`),
	} {
		c, err := text.Load(f)
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if found := strings.Join(texttest.Faults(c), "\n"); !strings.Contains(found, want) {
			t.Errorf("%q is not among the faults: %s", want, found)
		}
	}
	if c, err := text.Load(write("sms", "مرحبا", "Être prêt à l'heure", "")); err != nil || len(texttest.Faults(c)) > 0 {
		t.Errorf("a good text: %v %v", err, texttest.Faults(c))
	}
}

func TestOwnTexts(t *testing.T) {
	t.Parallel()
	texttest.Lint(t)
}
