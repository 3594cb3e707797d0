package permit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// booked gives a visit that rests on a permit, in two days or so.
func (w *world) booked(account, self int64, p casework.File) int64 {
	w.T.Helper()
	var detainee, occurrence int64
	w.Scan(&detainee, `select detainee_id from permit where id = $1`, p.ID)
	w.Scan(&occurrence, `select o.id from occurrence o where o.establishment_id = (select establishment_id from detainee where id = $1)
		and o.day = $2::date and o.kind = 'contact' and o.held + o.booked < o.capacity_groups
		and not exists (select from visit v where v.detainee_id = $1 and v.occurrence_id = o.id) order by o.id limit 1`, detainee, w.Now().AddDate(0, 0, 2))
	hold, err := w.Visits.Hold(w.T.Context(), w.by(citizen(account)), visit.Ask{Account: account, Detainee: detainee, Visitors: []int64{self}, Occurrence: occurrence})
	w.Must(err)
	_, err = w.Visits.Confirm(w.T.Context(), w.by(citizen(account)), hold.ID)
	w.Must(err)
	return hold.ID
}

func TestAPermitFallsWithItsVisits(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"suspend", "revoke"} {
		w := newWorld(t)
		account, self := w.Family(text.French)
		p := w.granted(account, self, convicted)
		v := w.booked(account, self, p)
		refused(t, w.Permits.Revoke(t.Context(), w.staff(judge, "authority"), p.ID, p.Version, "whim"), "permit.reason_missing")
		refused(t, w.Permits.Revoke(t.Context(), w.staff(judge, "authority"), p.ID, p.Version+1, "security"), "case.changed")
		refused(t, w.Permits.Revoke(t.Context(), w.staff(judge, "clerk"), p.ID, p.Version, "security"), "case.not_allowed")
		if s := w.file(v).State; s != visit.Booked {
			t.Fatalf("a refused command left the visit %s", s)
		}
		fall := map[string]func() error{
			"suspend": func() error {
				return w.Permits.Suspend(t.Context(), w.staff(judge, "authority"), p.ID, p.Version, "security")
			},
			"revoke": func() error {
				return w.Permits.Revoke(t.Context(), w.staff(judge, "authority"), p.ID, p.Version, "security")
			},
		}
		w.Must(fall[event]())
		if s := w.file(v).State; s != visit.CancelledPrison {
			t.Errorf("%s left the visit %s", event, s)
		}
		w.Must(visit.VerifyCounters(t.Context(), w.DB))
		if event == "revoke" {
			w.wasTold(account, "permit.revoked", p.Ref, "15 jours")
			refused(t, w.Permits.Lift(t.Context(), w.staff(judge, "authority"), p.ID, 2), "case.state_changed")
			continue
		}
		w.wasTold(account, "permit.suspended", p.Ref)
		w.Must(w.Permits.Lift(t.Context(), w.staff(judge, "authority"), p.ID, 2))
		w.wasTold(account, "permit.lifted", p.Ref)
	}
}

// happens records an event about a person of the sample register.
func (w *world) happens(number string, kind establishment.Movement, change func(*establishment.Event)) {
	w.T.Helper()
	e := establishment.Event{SourceKey: w.Key(), Kind: kind, At: w.Now(), DetentionNo: private.NewNationalID(number)}
	if change != nil {
		change(&e)
	}
	w.Must(w.Register.Record(w.T.Context(), w.staff(5, "establishment"), establishment.Source{Name: "test", Country: "MA"}, e))
}

func TestWhoIsFreeNeedsNoPermit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	p := w.granted(account, self, convicted)
	v := w.booked(account, self, p)
	asker, other := w.Family(text.French)
	open := w.send(asker, other, convicted)
	decision := w.decision(open.ID)
	w.happens(convicted, establishment.Released, nil)
	if f := w.file(p.ID); f.State != permit.Closed {
		t.Errorf("the permit is %s", f.State)
	}
	if s := w.file(v).State; s != visit.CancelledPrison {
		t.Errorf("the visit is %s", s)
	}
	if f := w.file(open.ID); f.State != permit.NoObject || f.DueAt != nil {
		t.Errorf("the request is %+v", f)
	}
	if w.count(account, "permit.closed") != 1 || w.count(account, "visit.sms.wait") != 0 {
		t.Errorf("told %q", w.told(account))
	}
	w.wasTold(asker, "permit.no_object", open.Ref)
	_, err := w.Permits.Decide(t.Context(), w.staff(judge, "authority"), decision)
	refused(t, err, "case.changed")
	w.Must(visit.VerifyCounters(t.Context(), w.DB))
}

func TestMovementsOfThoseWhoStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var sale int64
	w.Scan(&sale, `select id from establishment where code = 'SALE'`)
	account, self := w.Family(text.French)
	p := w.granted(account, self, convicted)
	w.happens(convicted, establishment.Transferred, func(e *establishment.Event) { e.Establishment = "SALE" })
	if f := w.file(p.ID); f.State != permit.Active || *f.EstablishmentID != sale {
		t.Errorf("after a transfer %+v", f)
	}
	w.wasTold(account, "permit.still_valid", p.Ref)

	account, self = w.Family(text.French)
	p = w.granted(account, self, onTrial)
	asker, other := w.Family(text.French)
	open := w.send(asker, other, onTrial)
	w.happens(onTrial, establishment.Status, func(e *establishment.Event) { e.Status = establishment.Convicted })
	f := w.file(p.ID)
	if f.State != permit.Review || f.DueAt == nil {
		t.Errorf("after a change of status %+v", f)
	}
	w.wasTold(account, "permit.in_review", p.Ref, f.DueAt.Format("02/01/2006"))
	if s := w.file(open.ID).State; s != permit.UnderReview {
		t.Errorf("the open request is %s", s)
	}
	history, err := casework.History(t.Context(), w.DB, open.ID)
	if err != nil || history[len(history)-1].Action != "permit.person_moved" {
		t.Errorf("history %v %v", history, err)
	}
	w.Must(w.Permits.Confirm(t.Context(), w.staff(judge, "authority"), p.ID, f.Version))
	if f := w.file(p.ID); f.State != permit.Active || f.DueAt != nil {
		t.Errorf("confirmed %+v", f)
	}
	told := len(w.told(account))
	w.happens(onTrial, establishment.Hospital, nil)
	if len(w.told(account)) != told || w.file(p.ID).State != permit.Active {
		t.Error("an absence touched the permit")
	}
}

// What the program must never do is tried past it, in SQL.
func TestTheDatabaseRefusesVisitsWithoutPermits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	sent := w.send(account, self, convicted)
	_, err := w.decide(sent.ID, func(d *permit.Decision) { d.Kind, d.Visits = permit.Counted, 1 })
	w.Must(err)
	view, err := w.Permits.View(t.Context(), sent.ID)
	w.Must(err)
	p := w.file(view.Permits[0].ID)
	v := w.booked(account, self, p)
	for name, sql := range map[string]string{
		"more uses than allowed":             `update permit set visits_used = visits_used + 1 where id = $1`,
		"more commitments than allowed":      `update permit set visits_committed = visits_committed + 1 where id = $1`,
		"a visitor without that permit":      `update visit_visitor set visitor_id = visitor_id + 1 where permit_id = $1`,
		"a permit to see somebody else":      fmt.Sprintf(`update visit_visitor set detainee_id = detainee_id + 1 where permit_id = $1 and visit_id = %d`, v),
		"a once permit for two":              `update permit set kind = 'once', visits_allowed = 2 where id = $1`,
		"an end before the beginning":        `update permit set valid_to = valid_from - 1 where id = $1`,
		"two permits of one person's asking": `insert into permit select * from permit where id = $1`,
	} {
		_, err := w.DB.Exec(t.Context(), sql, p.ID)
		refusal, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || refusal.Code[:2] != "23" && refusal.Code[:2] != "P0" { // a constraint's word, or a trigger's
			t.Errorf("%s: %v", name, err)
		}
	}
	// Suspended behind the program's back, it opens neither a booking nor the gate.
	late, other := w.Family(text.French)
	q := w.granted(late, other, onAppeal)
	w.Must(w.Permits.Suspend(t.Context(), w.staff(judge, "authority"), q.ID, q.Version, "security"))
	if _, err := w.DB.Exec(t.Context(), `insert into visit_visitor (visit_id, visitor_id, detainee_id, permit_id, lead, age, stage, period)
		select visit_id, $2, detainee_id, $1, false, age, stage, period from visit_visitor where visit_id = $3`, q.ID, other, v); err == nil {
		t.Error("a visitor joined on a suspended permit")
	}
}

func TestUsedUpAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account, self := w.Family(text.French)
	p := w.granted(account, self, convicted)
	endings := func() {
		for range 2 {
			w.Must(w.Permits.Endings(t.Context(), w.Now()))
		}
	}
	w.Add(100 * 24 * time.Hour)
	endings()
	if n := w.count(account, "permit.expiring"); n != 0 {
		t.Errorf("warned %d times long before", n)
	}
	w.Add(55 * 24 * time.Hour) // the mark of 30 days passed while nobody looked
	endings()
	w.wasTold(account, "permit.expiring", p.Ref, "01/09/2027")
	w.Add(20 * 24 * time.Hour)
	endings()
	w.Add(2 * 24 * time.Hour)
	endings()
	if n := w.count(account, "permit.expiring"); n != 2 {
		t.Errorf("warned %d times, want at 30 and at 7 days", n)
	}
	w.Add(30 * 24 * time.Hour)
	endings()
	if f := w.file(p.ID); f.State != permit.Expired || f.Version != 2 {
		t.Errorf("%+v", f)
	}

	used := w.send(account, self, onTrial)
	_, err := w.decide(used.ID, func(d *permit.Decision) { d.Kind = permit.Once })
	w.Must(err)
	view, err := w.Permits.View(t.Context(), used.ID)
	w.Must(err)
	if _, err := w.DB.Exec(t.Context(), `update permit set visits_used = 1 where id = $1`, view.Permits[0].ID); err != nil {
		t.Fatal(err)
	}
	endings()
	if s := w.file(view.Permits[0].ID).State; s != permit.Exhausted {
		t.Errorf("used up and %s", s)
	}
	if n := w.count(account, "permit.used_up"); n != 1 {
		t.Errorf("told %d times", n)
	}
}
