// Package texttest holds the checks that every package with texts runs on them.
package texttest

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Load reads the texts; a text that can't be written then fails the test.
func Load(t testing.TB, files ...fs.FS) *text.Catalogue {
	t.Helper()
	c, err := text.Load(files...)
	if err != nil {
		t.Fatal(err)
	}
	c.OnFault(func(err error) { t.Errorf("write a text: %v", err) })
	return c
}

// Lint checks every text of the files: the same parameters in each language,
// its length with the longest values, wording that gives nobody away, and
// digits that keep their order in right-to-left text.
func Lint(t testing.TB, files ...fs.FS) {
	t.Helper()
	for _, fault := range Faults(Load(t, files...)) {
		t.Error(fault)
	}
}

// room is how many units one line or page of a kind may take. A page leaves
// room for the keys below it.
var room = map[text.Kind]map[gsm.Alphabet]int{
	text.Screen: {gsm.GSM7: 140, gsm.UCS2: 70},
	text.Option: {gsm.GSM7: 32, gsm.UCS2: 26},
	text.Native: {gsm.GSM7: 32, gsm.UCS2: 26},
	text.Nav:    {gsm.GSM7: 14, gsm.UCS2: 12},
}

// telling are the stems of words that would tell a bystander why the person
// uses the service.
var telling = map[text.Lang][]string{
	text.Arabic:  {"سجن", "سجين", "سجناء", "حبس", "معتقل", "اعتقال", "محبوس", "زنزان", "نزيل", "نزلاء", "موقوف"},
	text.French:  {"prison", "detenu", "detention", "incarcer", "ecrou", "penitenti", "cellule", "maison d'arret", "bagne", "parloir"},
	text.Darija:  {"7bs", "7abs", "7ebs", "hbs", "habs", "hebs", "msjoun", "mesjoun", "masjoun", "m7bous", "mhbous", "sijn", "sejn", "prison"},
	text.English: {"prison", "jail", "inmate", "detain", "detention", "gaol", "custody", "penitenti"},
}

var blunt = map[text.Lang][]string{
	text.Arabic:  {"غير صالح", "غير صحيح"},
	text.French:  {"invalide"},
	text.Darija:  {"invalide"},
	text.English: {"invalid"},
}

var (
	reversed = regexp.MustCompile(`[0-9]-[0-9]`)
	dotted   = regexp.MustCompile(`(^|\n)[0-9]+\.`)
)

// Faults lists what is wrong with the texts of a catalogue.
func Faults(c *text.Catalogue) []string {
	var faults []string
	for _, tx := range c.All() {
		for _, l := range tx.Languages() {
			for _, f := range faultsIn(c, tx, l) {
				faults = append(faults, string(tx.Key)+" in "+string(l)+": "+f)
			}
		}
	}
	return faults
}

func faultsIn(c *text.Catalogue, tx *text.Text, l text.Lang) []string {
	var faults []string
	for _, p := range tx.Params {
		if !slices.Contains(tx.Uses(l), p.Name) {
			faults = append(faults, "does not show {"+p.Name+"}")
		}
	}
	worst, err := c.Worst(tx, l)
	if err != nil {
		return append(faults, err.Error())
	}
	for _, s := range worst {
		if reversed.MatchString(s) {
			faults = append(faults, "a dash between digits turns their order round in Arabic: "+s)
		}
		if dotted.MatchString(s) {
			faults = append(faults, "a dot after a menu number: "+s)
		}
		if tx.Kind == text.StaffRow {
			continue
		}
		faults = append(faults, lengthFaults(tx, l, s)...)
		plain := bare(s)
		for _, w := range telling[l] {
			if strings.Contains(plain, w) {
				faults = append(faults, "tells a bystander too much ("+w+"): "+s)
			}
		}
		for _, w := range blunt[l] {
			if strings.Contains(plain, w) {
				faults = append(faults, "says "+w+" instead of what to do: "+s)
			}
		}
	}
	return faults
}

func lengthFaults(tx *text.Text, l text.Lang, s string) []string {
	s = gsm.Fold(s)
	n, alphabet := gsm.Units(s)
	if l != text.Arabic && tx.Kind != text.Native && alphabet != gsm.GSM7 {
		return []string{"needs more than the GSM-7 alphabet: " + s}
	}
	if tx.Kind == text.SMS {
		if gsm.Parts(s) > tx.Parts(l) {
			return []string{"takes more message parts than its budget with the longest values: " + s}
		}
		return nil
	}
	if n > room[tx.Kind][alphabet]*tx.Parts(l) {
		return []string{"is longer than its place with the longest values: " + s}
	}
	return nil
}

// bare gives s in lower case without accents and vowel marks.
func bare(s string) string {
	out, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(s))
	if err != nil {
		return strings.ToLower(s)
	}
	return out
}
