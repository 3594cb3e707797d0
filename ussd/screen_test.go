package ussd_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

var (
	french = ussd.Nav{More: "Suite", Back: "Retour"}
	arabic = ussd.Nav{More: "المزيد", Back: "رجوع"}
)

func TestPaginate(t *testing.T) {
	t.Parallel()
	small := ussd.Budget{First: 40, Next: 40, FirstUCS2: 24, NextUCS2: 24}
	footer := []ussd.Item{{Key: "0", Label: "Retour"}}
	tests := []struct {
		name   string
		screen ussd.Screen
		budget ussd.Budget
		nav    ussd.Nav
		want   []string
	}{
		{
			"one page",
			ussd.Screen{Title: "Menu", Items: []ussd.Item{{Key: "1", Label: "Permis"}, {Key: "2", Label: "Visite"}}, Footer: footer},
			ussd.DefaultBudget(), french,
			[]string{"Menu\n1 Permis\n2 Visite\n0 Retour"},
		},
		{
			"accents are folded before they are counted",
			ussd.Screen{Body: "Fenêtre d’accès"},
			ussd.DefaultBudget(), french,
			[]string{"Fenetre d'accès"},
		},
		{
			"items stay whole",
			ussd.Screen{Title: "Lieu", Items: []ussd.Item{
				{Key: "1", Label: "Ain Sebaa"}, {Key: "2", Label: "Oukacha"}, {Key: "3", Label: "Tanger deux"}, {Key: "4", Label: "Souk Larbaa"},
			}, Footer: footer},
			small, french,
			[]string{
				"Lieu\n1 Ain Sebaa\n2 Oukacha\n98\n0", // without labels one more item stands here
				"3 Tanger deux\n4 Souk Larbaa\n0 Retour",
			},
		},
		{
			"a heading stands once a page",
			ussd.Screen{Items: []ussd.Item{
				{Key: "1", Label: "09:00", Under: "lundi 01/03"},
				{Key: "2", Label: "10:00", Under: "lundi 01/03"},
				{Key: "3", Label: "11:00", Under: "lundi 01/03"},
				{Key: "4", Label: "09:00", Under: "mardi 02/03"},
				{Key: "9", Label: "fin"},
			}, Footer: footer},
			ussd.Budget{First: 55, Next: 55},
			french,
			[]string{
				"lundi 01/03\n1 09:00\n2 10:00\n3 11:00\n98 Suite\n0 Retour",
				"mardi 02/03\n4 09:00\n9 fin\n0 Retour",
			},
		},
		{
			"a heading is said again",
			ussd.Screen{Items: []ussd.Item{
				{Key: "1", Label: "09:00", Under: "lundi"},
				{Key: "2", Label: "10:00", Under: "lundi"},
				{Key: "3", Label: "11:00", Under: "lundi"},
				{Key: "4", Label: "14:00", Under: "lundi"},
				{Key: "5", Label: "16:00", Under: "lundi"},
				{Key: "6", Label: "17:00", Under: "lundi"},
			}, Footer: footer},
			ussd.Budget{First: 50, Next: 50},
			french,
			[]string{
				"lundi\n1 09:00\n2 10:00\n3 11:00\n98 Suite\n0 Retour", "lundi\n4 14:00\n5 16:00\n6 17:00\n0 Retour",
			},
		},
		{
			"labels of keys go when that saves a page",
			ussd.Screen{Body: "un deux trois quatre cinq six sept huit", Footer: footer},
			ussd.Budget{First: 42, Next: 42},
			french,
			[]string{"un deux trois quatre cinq six sept huit\n0"},
		},
		{
			"back appears on later pages",
			ussd.Screen{Body: "un deux trois quatre cinq six sept huit neuf dix onze"},
			small, french,
			[]string{
				"un deux trois quatre cinq six\n98 Suite",
				"sept huit neuf dix onze\n0 Retour",
			},
		},
		{
			"lines of a text stay",
			ussd.Screen{Body: "un\n\ndeux   trois"},
			small, french,
			[]string{"un\ndeux trois"},
		},
		{
			"arabic",
			ussd.Screen{Items: []ussd.Item{{Key: "1", Label: "طلب جديد"}, {Key: "2", Label: "حالة الطلب"}, {Key: "3", Label: "حجز"}}},
			small, arabic,
			[]string{"1 طلب جديد\n98 المزيد", "2 حالة الطلب\n3 حجز\n0"},
		},
		{
			"a word longer than a page",
			ussd.Screen{Body: strings.Repeat("x", 45)},
			small, french,
			[]string{strings.Repeat("x", 31) + "\n98 Suite", strings.Repeat("x", 14) + "\n0 Retour"},
		},
		{
			"an item longer than a page",
			ussd.Screen{Items: []ussd.Item{{Key: "1", Label: strings.Repeat("x", 60)}, {Key: "2", Label: "b"}}},
			small, french,
			[]string{"1 " + strings.Repeat("x", 29) + "\n98 Suite", "2 b\n0 Retour"},
		},
		{"nothing", ussd.Screen{}, small, french, []string{""}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, ussd.Paginate(tt.screen, tt.budget, tt.nav)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
}

func TestFirstPageHoldsLess(t *testing.T) {
	t.Parallel()
	b := ussd.Budget{First: 140, Next: 160}
	s := ussd.Screen{Body: strings.TrimSpace(strings.Repeat("aaaa ", 31))}
	if n := len(ussd.Paginate(s, b, french)); n != 2 {
		t.Errorf("155 septets on a first page of 140 took %d pages", n)
	}
	if n := len(ussd.Paginate(s, b.Later(), french)); n != 1 {
		t.Errorf("155 septets on a later page of 160 took %d pages", n)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	s := ussd.Screen{Body: strings.Repeat("mot ", 100), End: true}
	all := ussd.Paginate(s, ussd.DefaultBudget(), french)
	for n, want := range map[int]int{-1: 0, 0: 0, 1: 1, len(all) - 1: len(all) - 1, 99: len(all) - 1} {
		got := ussd.Page(s, n, ussd.DefaultBudget(), french)
		if got.Index != want || got.Total != len(all) || got.Text != all[want] || got.End != (want == len(all)-1) {
			t.Errorf("Page %d = %+v", n, got)
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(ussd.Budget{First: 160, Next: 182, FirstUCS2: 70, NextUCS2: 80}, ussd.BudgetFromOctets(140, 160)); diff != "" {
		t.Error(diff)
	}
	if err := (ussd.Budget{}).Validate(); err != nil {
		t.Errorf("the default budget: %v", err)
	}
	if err := (ussd.Budget{First: 20}).Validate(); err == nil {
		t.Error("20 septets pass for a page")
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	full := ussd.Screen{Body: strings.Repeat("a", 160)}
	if err := ussd.Fits(full, ussd.DefaultBudget()); err != nil {
		t.Errorf("160 septets: %v", err)
	}
	var long *ussd.TooLongError
	if err := ussd.Fits(full, ussd.Budget{First: 140}); !errors.As(err, &long) || long.Limit != 140 || long.Units != 160 {
		t.Errorf("160 septets on 140: %v", err)
	}
	if err := ussd.Fits(ussd.Screen{Body: strings.Repeat("ا", 71)}, ussd.DefaultBudget()); !errors.As(err, &long) || long.Alphabet != gsm.UCS2 {
		t.Errorf("71 Arabic letters: %v", err)
	}
	for text, want := range map[string]error{
		"موعد 12-05-2026":  ussd.ErrBidi,
		"موعد 10-12":       ussd.ErrBidi,
		"رقم +212600":      ussd.ErrBidi,
		"موعد \u200f12/05": ussd.ErrBidi,
		"موعد 12/05/2026":  nil,
		"موعد 10:30":       nil,
		"12-05 le matin":   nil,
		"سطر\n12-05":       nil,
	} {
		if err := ussd.Fits(ussd.Screen{Body: text}, ussd.DefaultBudget()); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	for _, items := range [][]ussd.Item{{{Key: "", Label: "a"}}, {{Key: "a", Label: "b"}}, {{Key: "1", Label: "a"}, {Key: "1", Label: "b"}}, {{Key: "1.", Label: "a"}}} {
		if err := ussd.Fits(ussd.Screen{Items: items}, ussd.DefaultBudget()); !errors.Is(err, ussd.ErrKey) {
			t.Errorf("items %v: %v", items, err)
		}
	}
	list := ussd.Screen{Items: []ussd.Item{{Key: "1", Label: strings.Repeat("a", 100)}, {Key: "2", Label: strings.Repeat("b", 100)}}}
	if err := ussd.FitsPages(list, ussd.DefaultBudget(), french, 2); err != nil {
		t.Errorf("two pages: %v", err)
	}
	if err := ussd.FitsPages(list, ussd.DefaultBudget(), french, 1); err == nil {
		t.Error("two pages pass for one")
	}
	list.Items[1].Label = strings.Repeat("b", 155)
	if err := ussd.FitsPages(list, ussd.DefaultBudget(), french, 5); !errors.As(err, &long) {
		t.Errorf("an item that has to be cut: %v", err)
	}
}

func screenGen() *rapid.Generator[ussd.Screen] {
	word := rapid.SampledFrom([]string{"visite", "dossier", "é", "fenêtre", "œuvre", "€", "طلب", "لَّيل", "زيارة", "👍🏽", "e\u0301te", "🇲🇦", "a", "10:30"})
	line := func(low, high int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(word, low, high).Draw(t, "words"), " ")
		})
	}
	return rapid.Custom(func(t *rapid.T) ussd.Screen {
		s := ussd.Screen{Title: line(0, 2).Draw(t, "title"), Body: line(0, 60).Draw(t, "body")}
		for i := range rapid.IntRange(0, 12).Draw(t, "items") {
			s.Items = append(s.Items, ussd.Item{Key: strings.Repeat("1", i+1), Label: line(1, 2).Draw(t, "label")})
		}
		if rapid.Bool().Draw(t, "back") {
			s.Footer = []ussd.Item{{Key: "0", Label: "Ret"}}
		}
		return s
	})
}

func TestPaginateProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := screenGen().Draw(t, "screen")
		low := rapid.IntRange(60, 182).Draw(t, "septets")
		b := ussd.Budget{First: low, Next: low + 10, FirstUCS2: low/2 + 1, NextUCS2: low/2 + 5}
		nav := ussd.Nav{More: "Suite", Back: "Ret"}
		pages := ussd.Paginate(s, b, nav)
		var content []string
		for i, page := range pages {
			n, a := gsm.Units(page)
			limit := map[bool]int{true: b.First, false: b.Next}[i == 0]
			if a == gsm.UCS2 {
				limit = map[bool]int{true: b.FirstUCS2, false: b.NextUCS2}[i == 0]
			}
			if n > limit {
				t.Fatalf("page %d has %d units of %v, %d fit: %q", i, n, a, limit, page)
			}
			lines := strings.Split(page, "\n")
			more, back := false, false
			for len(lines) > 0 {
				last := lines[len(lines)-1]
				key, label, _ := strings.Cut(last, " ")
				if key != "98" && key != "0" || label != "" && label != "Suite" && label != "Ret" {
					break
				}
				more, back = more || key == "98", back || key == "0"
				lines = lines[:len(lines)-1]
			}
			if more != (i < len(pages)-1) {
				t.Fatalf("page %d of %d offers more: %v", i, len(pages), more)
			}
			if i > 0 && !back {
				t.Fatalf("page %d offers no way back", i)
			}
			content = append(content, strings.Join(lines, "\n"))
		}
		// Words are compared folded as a whole: which pages fold depends on what
		// stands beside them.
		plain := func(parts ...string) (out []string) {
			for w := range strings.FieldsSeq(strings.Join(parts, "\n")) {
				out = append(out, gsm.Fold(w))
			}
			return out
		}
		want := plain(s.Title, s.Body)
		for _, item := range s.Items {
			want = append(want, plain(item.Key, item.Label)...)
		}
		if diff := cmp.Diff(want, plain(content...)); diff != "" {
			t.Fatalf("words were lost, cut or moved: -want +got\n%s", diff)
		}
		for _, item := range s.Items {
			count := 0
			for _, page := range content {
				for line := range strings.SplitSeq(page, "\n") {
					if gsm.Fold(line) == gsm.Fold(item.Key+" "+item.Label) {
						count++
					}
				}
			}
			if count != 1 {
				t.Fatalf("item %s stands whole on %d lines", item.Key, count)
			}
		}
	})
}

func FuzzPaginate(f *testing.F) {
	f.Add("Titre", "Un texte assez long pour deux pages. "+strings.Repeat("mot ", 60), "Choix", 60)
	f.Add("", "ا"+strings.Repeat("\u064e", 300), "👨‍👩‍👧👨‍👩‍👧", 41)
	f.Fuzz(func(t *testing.T, title, body, label string, size int) {
		size = 40 + max(0, size%150)
		b := ussd.Budget{First: size, Next: size, FirstUCS2: size / 2, NextUCS2: size / 2}
		s := ussd.Screen{Title: title, Body: body, Items: []ussd.Item{{Key: "1", Label: label}, {Key: "2", Label: label}}, Footer: []ussd.Item{{Key: "0", Label: "Ret"}}}
		pages := ussd.Paginate(s, b, french)
		letters := 0
		for _, page := range pages {
			n, a := gsm.Units(page)
			if limit := map[gsm.Alphabet]int{gsm.GSM7: size, gsm.UCS2: size / 2}[a]; n > limit {
				t.Fatalf("%d units of %v, %d fit: %q", n, a, limit, page)
			}
			letters += uniseg.GraphemeClusterCount(page)
		}
		if len(pages) > len(title)+len(body)+2*len(label)+3 || len(pages) == 0 {
			t.Fatalf("%d pages", len(pages))
		}
	})
}

func TestPaginateKeepsLettersWhole(t *testing.T) {
	t.Parallel()
	letters := []string{"👨‍👩‍👧", "ب\u0651\u064e", "لَّ", "🇲🇦", "ب"}
	rapid.Check(t, func(t *rapid.T) {
		word := strings.Join(rapid.SliceOfN(rapid.SampledFrom(letters), 1, 80).Draw(t, "letters"), "\u0645")
		var out []string
		for _, page := range ussd.Paginate(ussd.Screen{Body: word}, ussd.Budget{FirstUCS2: 30, NextUCS2: 30}, ussd.Nav{}) {
			page = strings.TrimSuffix(page, "\n98")
			for g := uniseg.NewGraphemes(page); g.Next(); {
				out = append(out, g.Str())
			}
		}
		var want []string
		for g := uniseg.NewGraphemes(word); g.Next(); {
			want = append(want, g.Str())
		}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
	})
}

func BenchmarkPaginate(b *testing.B) {
	s := ussd.Screen{Title: "Lieu", Footer: []ussd.Item{{Key: "0", Label: "Retour"}, {Key: "00", Label: "Accueil"}}}
	for i := range 12 {
		s.Items = append(s.Items, ussd.Item{Key: string(rune('1' + i)), Label: "Etablissement"})
	}
	b.ReportAllocs()
	for b.Loop() {
		ussd.Paginate(s, ussd.DefaultBudget(), french)
	}
}
