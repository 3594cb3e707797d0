package main

import (
	"strings"
	"testing"
)

// telephone is one by whatever way its steps come in. Each step is made
// twice, as networks make them, and the page that came both times is given;
// the end is marked by a line below the text.
type telephone interface {
	dial() string
	answer(input string) string
}

func expect(t *testing.T, got string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			t.Fatalf("%q is not on the screen:\n%s", want, got)
		}
	}
	if n := len([]rune(got)); n > 100+len("\nend") {
		t.Errorf("%d characters where 100 fit:\n%s", n, got)
	}
}

// registers is the conversation of every way in: begin, wrong answers, back,
// pages, end. One account comes of it.
func (w *site) registers(t *testing.T, c telephone, card string) {
	t.Helper()
	accounts := func() int { return w.count(t, `select count(*) from account`) }
	before := accounts()
	expect(t, c.dial(), "1 العربية", "2 Français")
	expect(t, c.answer("8"), "اضغط رقما من القائمة")
	expect(t, c.answer("٢"), "1 M'inscrire", "2 Informations")
	expect(t, c.answer("1"), "Service gratuit", "98 Suite")
	expect(t, c.answer("98"), "1 J'accepte", "0 Retour")
	expect(t, c.answer("0"), "Service gratuit", "98 Suite")
	expect(t, c.answer("1"), "Vous etes", "1 Famille")
	expect(t, c.answer("0"), "Service gratuit")
	c.answer("1")
	expect(t, c.answer("1"), "Numéro de votre carte")
	expect(t, c.answer("AB12"), "La carte a 1 ou 2 lettres")
	expect(t, c.answer(card), "naissance")
	expect(t, c.answer("05031985"), "code secret")
	c.answer("4826")
	expect(t, c.answer("4826"), "C'est fait", "end")
	if got := accounts(); got != before+1 {
		t.Fatalf("%d accounts came of one registration, each step made twice", got-before)
	}
}
