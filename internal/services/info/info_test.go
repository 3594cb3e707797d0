package info_test

import (
	"fmt"
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
	"github.com/wasl-sms/wasl/internal/services/info"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/internal/text/texttest"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	db := dbtest.DB(t, postgres.Options{})
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	ring, texts := keys.New(), texttest.Load(t, info.Texts())
	persons := person.New(db, ring, clock)
	box := outbox.New(outbox.Config{
		DB: db, Texts: texts, Contacts: persons, Vault: ring,
		Route: func(private.Msisdn) string { return "demo" }, Now: clock,
	})
	s := info.New(establishment.New(db, ring, clock), persons, casework.NewBook(db, box, clock))
	flows := map[string]form.Flow{}
	for _, e := range s.Definition().Entries {
		flows[e.Name] = e.Flow
	}
	number, err := private.ParseMsisdn("0661947302", "MA")
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	ask := func(ch form.Channel, l text.Lang, entry string, args []string, answers ...string) (string, form.Draft) {
		t.Helper()
		w := form.Who{Msisdn: number, Lang: l, Channel: ch, Now: now}
		draft, err := flows[entry].Start(t.Context(), w, args)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			p, _, err := flows[entry].Prompt(t.Context(), w, draft)
			if err != nil {
				return string(fault.KeyOf(err)), draft
			}
			for _, o := range p.Options {
				texts.Write(l, o.Label)
			}
			if draft, err = flows[entry].Answer(t.Context(), w, draft, a); err != nil {
				t.Fatal(err)
			}
		}
		runs++
		r, err := flows[entry].Finish(t.Context(), w, fmt.Sprint("run", runs), draft)
		if err != nil {
			return string(fault.KeyOf(err)), draft
		}
		return texts.Write(l, r.Say), draft
	}
	if got, _ := ask(form.USSD, text.French, "info.place", nil, "1"); got != "info.none_yet" {
		t.Errorf("no place: %q", got)
	}
	if _, err := db.Exec(t.Context(), `
		insert into establishment (id, code, country, name_ar, name_fr, short_name, short_name_ar, tz, week_start) values
			(1, 'AS01', 'MA', 'عين السبع', 'Aïn Sebaâ', 'Ain Sebaa', 'عين السبع', 'Africa/Casablanca', 1),
			(2, 'OU02', 'MA', 'عكاشة', 'Oukacha', 'Oukacha', 'عكاشة', 'Africa/Casablanca', 0);
		insert into establishment_info (establishment_id, topic, lang, body) values (2, 'hours', 'fr', 'Du lundi au jeudi, 9:00 à 15:30')`); err != nil {
		t.Fatal(err)
	}
	general := texts.Write(text.French, text.L("info.default.papers", nil))
	for _, c := range []struct {
		name    string
		got     func() (string, form.Draft)
		want    string
		message int
	}{
		{"USSD sends a text", func() (string, form.Draft) { return ask(form.USSD, text.French, "info.place", nil, "2", "3") }, texts.Write(text.French, text.L("info.sent", nil)), 1},
		{"what the staff wrote", func() (string, form.Draft) { return ask(form.SMS, text.French, "info.hours", []string{"ou02"}) }, "Du lundi au jeudi, 9:00 à 15:30", 1},
		{"the general answer", func() (string, form.Draft) { return ask(form.SMS, text.French, "info.papers", []string{"AS01"}) }, general, 1},
		{"in another language", func() (string, form.Draft) { return ask(form.SMS, text.Arabic, "info.hours", []string{"OU02"}) }, texts.Write(text.Arabic, text.L("info.default.hours", nil)), 1},
		{"both in one text", func() (string, form.Draft) {
			return ask(form.SMS, text.French, "info.place", []string{"papers", "AS01"})
		}, general, 1},
	} {
		got, _ := c.got()
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		var n int
		if err := db.QueryRow(t.Context(), `select count(*) from message`).Scan(&n); err != nil || n != c.message {
			t.Errorf("%s: %d texts, want %d (%v)", c.name, n, c.message, err)
		}
	}
}
