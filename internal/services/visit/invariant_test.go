package visit_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/services/visit/visittest"
)

// What the commands would never do, the database refuses from anyone.
func TestDatabaseRefuses(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 3)
	beside := w.Session("B", time.Wednesday, "09:30", "10:30", 3)
	f := w.Family()
	b, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
	w.Must(err)

	// insert begins a case and a visit beside the commands, with the party of f.
	insert := func(occurrence int64, week any, permit int64, change string) error {
		_, err := w.Book.Do(ctx, w.Citizen(f), nil, func(ctx context.Context, tx *casework.Tx) error {
			file, err := tx.Begin(ctx, visit.Life(), casework.Opening{AccountID: f.Account, EstablishmentID: &w.House}, casework.Move{Event: "hold"})
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `
				insert into visit (id, account_id, detainee_id, establishment_id, occurrence_id, day, period, kind, pool, heads,
					week_start, channel, state, hold_expires_at)
				select $1, $2, $3, o.establishment_id, o.id, o.day, o.period, o.kind, 'public', 1, $5::date, 'ussd', 'HELD', '2026-03-02 12:00Z'
				from occurrence o where o.id = $4`, file.ID, f.Account, f.Detainee, occurrence, week)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `
				insert into visit_visitor (visit_id, visitor_id, country, person, detainee_id, permit_id, lead, age, period, stage)
				select id, $2, '', '', detainee_id, $3, true, 40, period, stage from visit where id = $1`, file.ID, f.Visitors[0], permit)
			if err == nil && change != "" {
				_, err = tx.Exec(ctx, change, file.ID)
			}
			return err
		})
		return err
	}
	stranger := w.Family()
	for _, c := range []struct{ name, constraint, sql string }{
		{"more booked than there are places", "occurrence_groups", `update occurrence set booked = capacity_groups + 1 where id = $1`},
		{"fewer places than are taken", "occurrence_groups", `update occurrence set capacity_groups = 0 where id = $1`},
		{"more heads than seats", "occurrence_heads", `update occurrence set heads = capacity_heads + 1 where id = $1`},
		{"more out of a pool than is in it", "occurrence_pool_places", `update occurrence_pool set used = places + 1 where occurrence_id = $1`},
	} {
		_, err := w.DB.Exec(ctx, c.sql, days[0])
		if got := postgres.Violated(err); got != c.constraint {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	_, err = w.DB.Exec(ctx, `update entitlement_week set used = allowed + extra + 1 where detainee_id = $1`, f.Detainee)
	if postgres.Violated(err) != "entitlement_week_used" {
		t.Errorf("a visit beyond the week's right: %v", err)
	}
	w.Exec(`update permit set visits_allowed = 5 where id = $1`, f.Permits[0])
	_, err = w.DB.Exec(ctx, `update permit set visits_used = 5 where id = $1`, f.Permits[0])
	if postgres.Violated(err) != "permit_uses" {
		t.Errorf("a use beyond what the permit allows: %v", err)
	}
	for _, c := range []struct {
		name, constraint string
		err              error
	}{
		{"detainee in two places", "visit_detainee_once", insert(beside[0], nil, f.Permits[0], "")},
		{"somebody else's permit", "visit_visitor_permit_id_visitor_id_detainee_id_fkey", insert(days[1], nil, stranger.Permits[0], "")},
		{"a week nobody opened", "entitlement_week_used", insert(days[1], "2026-03-09", f.Permits[0], "")},
		{"a party without its lead", "visit_party_whole", insert(days[1], nil, f.Permits[0], `update visit_visitor set lead = false where visit_id = $1 and lead`)},
	} {
		if got := postgres.Violated(c.err); got != c.constraint {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	for name, sql := range map[string]string{
		"a state beside its case":     `update visit set state = 'DONE' where id = $1`,
		"another place for the visit": `update visit set pool = 'far' where id = $1`,
		"a visit taken away":          `delete from visit where id = $1`,
		"a visitor taken away":        `delete from visit_visitor where visit_id = $1`,
	} {
		if _, err := w.DB.Exec(ctx, sql, b.ID); err == nil && w.State(b.ID) != visit.Booked {
			t.Errorf("%s went through", name)
		}
	}
	if _, err := w.DB.Exec(ctx, `delete from visit where id = $1`, b.ID); err == nil || !strings.Contains(err.Error(), "append-only") {
		t.Errorf("a visit was deleted: %v", err)
	}
	w.Exec(`update permit set valid_to = '2026-03-03', kind = 'period' where id = $1`, f.Permits[0])
	if err := insert(days[1], nil, f.Permits[0], ""); postgres.Violated(err) != "visit_visitor_permitted" {
		t.Errorf("a permit that ends before the day: %v", err)
	}
	if err := visit.VerifyCounters(ctx, w.DB); err == nil || !strings.Contains(err.Error(), "permit in force") {
		t.Errorf("the verifier passed over a booked visit whose permit was cut short: %v", err)
	}
}

func TestVerifierFailsLoudly(t *testing.T) {
	t.Parallel()
	w := world(t)
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 3)
	f := w.Family()
	_, err := w.Visits.Book(t.Context(), w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	w.Exec(`update occurrence set booked = 2, heads = 0 where id = $1`, days[0])
	w.Exec(`update occurrence_pool set used = 0 where occurrence_id = $1`, days[0])
	w.Exec(`update entitlement_week set used = 0`)
	w.Exec(`update permit set visits_committed = 3`)
	err = visit.VerifyCounters(t.Context(), w.DB)
	for _, want := range []string{"places booked", "heads", "pool public", "week 2026-03-02", "permit commitments"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the verifier did not name %q: %v", want, err)
		}
	}
}

// revoke takes a permit back as an authority does: the visits first, in one transaction.
func revoke(w *visittest.World, permit int64) error {
	callOff, err := w.Visits.Resting(w.T.Context(), permit)
	if err != nil {
		return err
	}
	life := casework.Machine{Name: "permit", Version: 1, Rules: []casework.Rule{
		{From: "ACTIVE", Event: "revoke", To: "REVOKED", By: []string{"authority"}, HumanOnly: true, NeedsReason: true},
	}}
	_, err = w.Book.Do(w.T.Context(), w.Staff(9, "authority"), nil, func(ctx context.Context, tx *casework.Tx) error {
		f, err := tx.Read(ctx, permit)
		if err != nil {
			return err
		}
		if err := callOff(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Move(ctx, life, f, casework.Move{Event: "revoke", Reason: "conduct"})
		return err
	})
	return err
}

// A permit is revoked while its holder books: in no order is there a booked
// visit without a permit in force.
func TestRevokedWhileBooking(t *testing.T) {
	t.Parallel()
	w := visittest.New(t, postgres.Options{MaxConns: 16, LockTimeout: 20 * time.Second, StatementTimeout: 30 * time.Second})
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 100)
	var all sync.WaitGroup
	for _, f := range w.Families(30) {
		all.Go(func() {
			_, err := w.Visits.Book(t.Context(), w.Citizen(f), f.Ask(days[0]))
			if r, refused := errors.AsType[*visit.Refusal](err); err != nil && (!refused || r.Why != visit.NoPermit) {
				t.Errorf("book: %v", err)
			}
		})
		all.Go(func() {
			for { // a visit booked in between is found by the next try
				err := revoke(w, f.Permits[0])
				if err == nil {
					return
				}
				if fault.KindOf(err) != fault.KindConflict {
					t.Errorf("revoke: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	var booked int
	w.Scan([]any{&booked}, `select count(*) from visit where stage = 'live'`)
	if booked != 0 {
		t.Errorf("%d visits stand on revoked permits", booked)
	}
	w.Verify()
}

func TestFlagsStopTheGateAndWarnTheFamily(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 3)
	f := w.Family()
	b, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	for range 2 { // the register's event comes twice
		_, err = w.Book.Do(ctx, w.Staff(9, "establishment"), nil, func(ctx context.Context, tx *casework.Tx) error {
			n, err := w.Visits.FlagDetainee(ctx, tx, f.Detainee, visit.Flag{Kind: "hospital", Source: "event-1", BlocksGate: true, Useless: true})
			if n != 1 {
				t.Errorf("%d visits flagged", n)
			}
			return err
		})
		w.Must(err)
	}
	if n := w.Told(f.Account, "visit.sms.wait"); n != 1 {
		t.Errorf("warned %d times", n)
	}
	w.Clock.Set(time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC))
	v, err := w.Visits.GateLookup(ctx, w.Staff(4, "gate"), w.House, b.Code)
	w.Must(err)
	if v.Light != visit.Amber || v.Why != "visit.gate.flagged" {
		t.Errorf("gate shows %s %s", v.Light, v.Why)
	}
	if err := w.Visits.CheckIn(ctx, w.Staff(4, "gate"), b.ID, f.Visitors[0]); err == nil {
		t.Error("checked in under a flag")
	}
	w.Must(w.Visits.Unflag(ctx, w.Staff(4, "gate"), b.ID, "kept"))
	w.Must(w.Visits.CheckIn(ctx, w.Staff(4, "gate"), b.ID, f.Visitors[0]))
}

// From the moment a visitor is named until the visit is stored, the permit
// can't be taken back.
func TestPermitWaitsForTheVisitThatRestsOnIt(t *testing.T) {
	t.Parallel()
	w := world(t)
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 3)
	f := w.Family()
	_, err := w.Book.Do(t.Context(), w.Citizen(f), nil, func(ctx context.Context, tx *casework.Tx) error {
		file, err := tx.Begin(ctx, visit.Life(), casework.Opening{AccountID: f.Account, EstablishmentID: &w.House}, casework.Move{Event: "hold"})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into visit (id, account_id, detainee_id, establishment_id, occurrence_id, day, period, kind, heads, channel, state, hold_expires_at)
			select $1, $2, $3, o.establishment_id, o.id, o.day, o.period, o.kind, 1, 'ussd', 'HELD', '2026-03-02 12:00Z'
			from occurrence o where o.id = $4`, file.ID, f.Account, f.Detainee, days[0])
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into visit_visitor (visit_id, visitor_id, country, person, detainee_id, permit_id, lead, age, period, stage)
			select id, $2, '', '', detainee_id, $3, true, 40, period, stage from visit where id = $1`, file.ID, f.Visitors[0], f.Permits[0])
		if err != nil {
			return err
		}
		_, err = w.DB.Exec(ctx, `select id from case_file where id = $1 for no key update nowait`, f.Permits[0])
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "55P03" {
			t.Errorf("the permit's case could be moved meanwhile: %v", err)
		}
		return nil
	})
	w.Must(err)
	w.Verify()
}
