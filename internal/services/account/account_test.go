package account_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/services/account"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

type phone struct {
	t       *testing.T
	db      *postgres.DB
	persons *person.Registry
	flows   map[string]form.Flow
	texts   *text.Catalogue
	ring    *keys.Ring
	who     form.Who
	runs    int
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	db := dbtest.DB(t, postgres.Options{})
	clock := func() time.Time { return now }
	p := &phone{t: t, db: db, ring: keys.New(), flows: map[string]form.Flow{}}
	p.texts = texttest.Load(t, account.Texts(), establishment.Texts(), form.Texts())
	p.persons = person.New(db, p.ring, clock)
	box := outbox.New(outbox.Config{
		DB: db, Texts: p.texts, Contacts: p.persons, Vault: p.ring,
		Route: func(private.Msisdn) string { return "demo" }, Now: clock,
	})
	s := account.New(p.persons, establishment.New(db, p.ring, clock), casework.NewBook(db, box, clock), "*369#")
	for _, e := range s.Definition().Entries {
		p.flows[e.Name] = e.Flow
		p.texts.Write(text.French, text.L(e.Label, nil))
	}
	number, err := private.ParseMsisdn("0661947302", "MA")
	if err != nil {
		t.Fatal(err)
	}
	p.who = form.Who{Msisdn: number, Lang: text.French, Channel: form.USSD, Now: now, PINGiven: true}
	return p
}

// play answers a flow's questions in order; "?key" expects that the answer
// before it was asked again with that text. It gives the last screen's key.
func (p *phone) play(name string, answers ...string) (text.Key, form.Draft, string) {
	p.t.Helper()
	ctx, flow := p.t.Context(), p.flows[name]
	draft, err := flow.Start(ctx, p.who, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for i, a := range answers {
		if strings.HasPrefix(a, "?") {
			continue
		}
		prompt, ok, err := flow.Prompt(ctx, p.who, draft)
		if err != nil || !ok {
			p.t.Fatalf("%s: nothing left to ask before %q: %v", name, a, err)
		}
		p.texts.Write(p.who.Lang, prompt.Ask)
		for _, o := range prompt.Options {
			p.texts.Write(p.who.Lang, o.Label)
		}
		next, err := flow.Answer(ctx, p.who, draft, a)
		if i+1 < len(answers) && strings.HasPrefix(answers[i+1], "?") {
			var again *form.Retry
			if !errors.As(err, &again) || "?"+string(again.Why.Key) != answers[i+1] {
				p.t.Fatalf("%s: %q was answered with %v, want %s", name, a, err, answers[i+1])
			}
			p.texts.Write(p.who.Lang, again.Why)
			continue
		}
		if err != nil {
			p.t.Fatalf("%s: %q: %v", name, a, err)
		}
		draft = next
	}
	if prompt, ok, err := flow.Prompt(ctx, p.who, draft); ok || err != nil {
		p.t.Fatalf("%s still asks %s, %v", name, prompt.Question, err)
	}
	p.runs++
	key := fmt.Sprint("run", p.runs)
	return p.finish(name, key, draft), draft, key
}

func (p *phone) finish(name, key string, draft form.Draft) text.Key {
	p.t.Helper()
	r, err := p.flows[name].Finish(p.t.Context(), p.who, key, draft)
	if err != nil {
		return fault.KeyOf(err)
	}
	p.texts.Write(p.who.Lang, r.Say)
	return r.Say.Key
}

func (p *phone) count(sql string) (n int) {
	p.t.Helper()
	if err := p.db.QueryRow(p.t.Context(), sql).Scan(&n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *phone) register() {
	p.t.Helper()
	if got, _, _ := p.play("account.register", "1", "1", "AB123456", "01021980", "5937", "5937"); got != "account.done" {
		p.t.Fatalf("registration ended with %s", got)
	}
	a, err := p.persons.Lookup(p.t.Context(), p.who.Msisdn)
	if err != nil {
		p.t.Fatal(err)
	}
	p.who.Account = a.ID
}

func TestRegister(t *testing.T) {
	t.Parallel()
	p := newPhone(t)
	if got, _, _ := p.play("account.register", "2"); got != "account.declined" || p.count(`select count(*) from account`) != 0 {
		t.Errorf("declined: %s", got)
	}
	got, draft, key := p.play("account.register", "3", "?form.choose", "1", "2",
		"12", "?id_shape.cin", "😀", "?id_shape.cin", strings.Repeat("9", 2000), "?id_shape.cin", "ab123456",
		"31021980", "?form.date", "01022030", "?birth.future", "abc", "?form.date", "01021980",
		"1980", "?pin.birth", "1234", "?pin.too_simple", "7302", "?pin.own_number", "12", "?pin.length", "5937",
		"5938", "?pin.differs", "5937")
	if got != "account.done" {
		t.Fatalf("ended with %s", got)
	}
	for _, secret := range []string{`"5937"`, ":5937"} {
		if strings.Contains(string(draft), secret) {
			t.Errorf("the draft holds the PIN: %s", draft)
		}
	}
	// The operator repeats the last step: the same screen, nothing twice.
	if again := p.finish("account.register", key, draft); again != "account.done" {
		t.Errorf("repeated: %s", again)
	}
	a, err := p.persons.Lookup(t.Context(), p.who.Msisdn)
	if err != nil || a.Quality != person.Lawyer || a.ConsentVersion != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if err := p.persons.CheckPIN(t.Context(), a.ID, "5937", ""); err != nil {
		t.Error(err)
	}
	if n := p.count(`select count(*) from message`); n != 1 {
		t.Errorf("%d texts", n)
	}
	p.who.Account = a.ID
	if again := p.finish("account.register", key, draft); again != "account.done" {
		t.Errorf("repeated by the known number: %s", again)
	}
	if got := p.finish("account.register", "other", draft); got != "account.known" {
		t.Errorf("registered again: %s", got)
	}
}

func TestHouseholdErrands(t *testing.T) {
	t.Parallel()
	p := newPhone(t)
	p.register()
	add := []string{"1", "x12345", "12052010", "3"}
	if got, draft, key := p.play("account.household", add...); got != "account.added" || p.finish("account.household", key, draft) != "account.added" {
		t.Fatalf("added: %s", got)
	}
	if got, _, _ := p.play("account.household", add...); got != "household.known" {
		t.Errorf("added again: %s", got)
	}
	if got, _, _ := p.play("account.household", "2", "2"); got != "account.unchanged" {
		t.Errorf("kept: %s", got)
	}
	if got, _, _ := p.play("account.household", "2", "1"); got != "account.removed" {
		t.Errorf("removed: %s", got)
	}
	if n := p.count(`select count(*) from visitor where removed_at is null`); n != 1 {
		t.Errorf("%d people left", n)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	p := newPhone(t)
	p.register()
	for _, c := range []struct {
		answers []string
		want    text.Key
	}{
		{[]string{"1", "3"}, "account.lang_set"},
		{[]string{"2", "1980", "?pin.birth", "7302", "?pin.own_number", "3456", "?pin.too_simple", "86024", "86025", "?pin.differs", "86024"}, "account.pin_set"},
		{[]string{"3"}, "account.data_sent"},
		{[]string{"4"}, "account.quiet_set"},
		{[]string{"4"}, "account.loud_set"},
	} {
		if got, _, _ := p.play("account.settings", c.answers...); got != c.want {
			t.Errorf("%v: %s, want %s", c.answers, got, c.want)
		}
	}
	a, err := p.persons.Account(t.Context(), p.who.Account)
	if err != nil || a.Lang != text.Darija || a.OptOut {
		t.Errorf("%+v, %v", a, err)
	}
	if err := p.persons.CheckPIN(t.Context(), a.ID, "86024", ""); err != nil {
		t.Error(err)
	}
	if err := p.persons.CheckPIN(t.Context(), a.ID, "5937", ""); fault.KeyOf(err) != "pin.wrong" {
		t.Error(err)
	}
	if n := p.count(`select count(*) from message`); n != 3 { // registered, PIN changed, my data
		t.Errorf("%d texts", n)
	}
	p.who.PINGiven = false
	if got, _, _ := p.play("account.settings", "2", "70419", "70419"); got != "pin.needed" {
		t.Errorf("PIN changed without the PIN: %s", got)
	}
}
