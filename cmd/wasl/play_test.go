package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

// pin is every test family's.
const pin = "4826"

// family registers a person as the dialogue would.
func (w *world) family(t *testing.T, number string, lang text.Lang, card string) int64 {
	t.Helper()
	n, err := private.ParseMsisdn(number, "MA")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := w.app.persons.HashPIN(t.Context(), pin)
	if err != nil {
		t.Fatal(err)
	}
	var id int64
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen}, Channel: "ussd", Key: "register/" + number, Verb: "account.register"}
	_, err = w.app.book.Do(t.Context(), cmd, &id, func(ctx context.Context, tx *casework.Tx) error {
		a, err := w.app.persons.Register(ctx, tx, person.Registration{
			Msisdn: n, Lang: lang, Quality: person.Family, IDType: "cin",
			IDNumber: card, BirthDate: time.Date(1985, 3, 5, 0, 0, 0, 0, time.UTC), PIN: hash, ConsentVersion: 1, Channel: "ussd",
		})
		id = a.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// send files a request for the account's holder.
func (w *world) send(t *testing.T, account int64, detentionNo string) permit.Sent {
	t.Helper()
	household, err := w.app.persons.Household(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := w.app.permits.Send(t.Context(), casework.Command{
		Actor: casework.Actor{Kind: casework.Citizen, ID: account}, Channel: "ussd",
		Key: fmt.Sprintf("send/%d/%s", account, detentionNo), Verb: "permit.send",
	}, permit.Sending{
		AccountID: account,
		Claim:     permit.Claim{Number: detentionNo}, Hint: establishment.HintYes,
		Visitors: []permit.Coming{{VisitorID: household[0].ID, Relation: "parent"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// decide grants or refuses every visitor of a request, as the authority it lies with.
func (w *world) decide(t *testing.T, id int64, grant bool) {
	t.Helper()
	v, err := w.app.permits.View(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	d := permit.Decision{
		RequestID: id, Version: v.File.Version, AuthorityID: *v.File.AuthorityID, Kind: permit.Period, Sighted: true,
		From: w.clock.now(), To: w.clock.now().AddDate(0, 6, 0),
	}
	for _, asked := range v.Visitors {
		verdict := permit.Verdict{VisitorID: asked.VisitorID, Grant: grant}
		if !grant {
			verdict.Reason = "link_not_shown"
		}
		d.Verdicts = append(d.Verdicts, verdict)
	}
	if _, err := w.app.permits.Decide(t.Context(), w.staff("authority", fmt.Sprintf("decide/%d", id)), d); err != nil {
		t.Fatal(err)
	}
}

func (w *world) staff(role, key string) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Staff, ID: 1, Role: role}, Channel: "desk", Key: key, Verb: key}
}

// byRef finds a case.
func (w *world) byRef(t *testing.T, ref string) casework.File {
	t.Helper()
	var id int64
	if err := w.st.db.QueryRow(t.Context(), `select id from case_file where ref = $1`, ref).Scan(&id); err != nil {
		t.Fatal(err)
	}
	f, err := casework.Look(t.Context(), w.st.db, id)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
