package visit_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/services/visit/visittest"
)

func world(t *testing.T) *visittest.World {
	t.Helper()
	return visittest.New(t, postgres.Options{MaxConns: 16})
}

// why gives the reason of a refusal.
func why(t *testing.T, err error) visit.Reason {
	t.Helper()
	r, ok := errors.AsType[*visit.Refusal](err)
	if !ok {
		t.Fatalf("error %v, want a refusal", err)
	}
	return r.Why
}

func TestBookFromHoldToGate(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 5)
	f := w.Family()
	w.AddVisitor(&f, time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC))

	offer, err := w.Visits.Slots(ctx, f.Ask(0), 10)
	w.Must(err)
	if len(offer.Slots) != 3 || offer.Slots[0].ID != days[0] {
		t.Fatalf("offered %+v, want the three Wednesdays of the window", offer.Slots)
	}
	held, err := w.Visits.Hold(ctx, w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	again, err := w.Visits.Hold(ctx, w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	if again.ID != held.ID {
		t.Errorf("asked again for the held place: visit %d, want %d", again.ID, held.ID)
	}
	cmd := w.Citizen(f)
	b, err := w.Visits.Confirm(ctx, cmd, held.ID)
	w.Must(err)
	twice, err := w.Visits.Confirm(ctx, cmd, held.ID)
	w.Must(err)
	if b != twice || !casework.ValidRef(b.Code) {
		t.Errorf("confirmed twice under one key: %+v and %+v", b, twice)
	}
	if n := w.Told(f.Account, "visit.sms.booked"); n != 1 {
		t.Errorf("told %d times of the booking", n)
	}
	if r := why(t, second(w.Visits.Hold(ctx, w.Citizen(f), f.Ask(days[0])))); r != visit.TakenDetainee {
		t.Errorf("the same hour again: %s", r)
	}

	gate := w.Staff(4, "gate")
	v, err := w.Visits.GateLookup(ctx, gate, w.House, b.Ref)
	w.Must(err)
	if v.Light != visit.Red || v.Why != "visit.gate.other_day" {
		t.Errorf("two days early: %s %s", v.Light, v.Why)
	}
	if err := w.Visits.TurnAway(ctx, w.Staff(4, "gate"), b.ID, f.Visitors[1], "identity"); fault.KeyOf(err) != "visit.gate.other_day" {
		t.Errorf("turned away two days early: %v", err)
	}
	w.Clock.Set(v.Starts.Add(-20 * time.Minute))
	v, err = w.Visits.GateLookup(ctx, w.Staff(4, "gate"), w.House, b.Code)
	w.Must(err)
	if v.Light != visit.Green || len(v.Guests) != 2 {
		t.Fatalf("on the day: %s %s, guests %+v", v.Light, v.Why, v.Guests)
	}
	if err := w.Visits.CheckIn(ctx, w.Staff(4, "gate"), b.ID, f.Visitors[1]); fault.KeyOf(err) != "visit.gate.lead_first" {
		t.Errorf("the child first: %v", err)
	}
	w.Must(w.Visits.CheckIn(ctx, w.Staff(4, "gate"), b.ID, f.Visitors[0]))
	w.Must(w.Visits.TurnAway(ctx, w.Staff(4, "gate"), b.ID, f.Visitors[1], "identity"))
	w.Must(w.Visits.Finish(ctx, w.Staff(4, "gate"), b.ID, "normal"))
	if s := w.State(b.ID); s != visit.Done {
		t.Errorf("state %s", s)
	}
	var used, committed [2]int
	for i, p := range f.Permits {
		w.Scan([]any{&used[i], &committed[i]}, `select visits_used, visits_committed from permit where id = $1`, p)
	}
	if used != [2]int{1, 0} || committed != [2]int{0, 0} {
		t.Errorf("permits used %v, committed %v; want the one who came", used, committed)
	}
	w.Verify()
}

func second[T any](_ T, err error) error { return err }

func TestMoveKeepsTheOldUntilTheNewIsSure(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 1)
	other := w.Session("A", time.Thursday, "09:00", "10:00", 1)
	families := w.Families(2)
	f, g := families[0], families[1]
	first, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
	w.Must(err)
	_, err = w.Visits.Book(ctx, w.Citizen(g), g.Ask(other[0]))
	w.Must(err)

	// The week's only right and the place in time are the old visit's own; they do not stand in its way.
	_, err = w.Visits.Move(ctx, w.Citizen(f), first.ID, other[0])
	if r := why(t, err); r != visit.Full {
		t.Errorf("moved into a full session: %s", r)
	}
	if s := w.State(first.ID); s != visit.Booked {
		t.Fatalf("after a move that failed the old visit is %s", s)
	}
	w.Must(w.Visits.Cancel(ctx, w.Citizen(g), mustOne(w, g), visit.Cancellation{Side: visit.ByFamily}))
	moved, err := w.Visits.Move(ctx, w.Citizen(f), first.ID, other[0])
	w.Must(err)
	if w.State(first.ID) != visit.Superseded || w.State(moved.ID) != visit.Booked {
		t.Errorf("old %s, new %s", w.State(first.ID), w.State(moved.ID))
	}
	if w.Told(f.Account, "visit.sms.moved") != 1 || w.Told(g.Account, "visit.sms.cancelled") != 1 {
		t.Error("one of them was not told")
	}
	w.Verify()
}

func mustOne(w *visittest.World, f visittest.Family) int64 {
	w.T.Helper()
	mine, err := w.Visits.Mine(w.T.Context(), f.Account)
	w.Must(err)
	if len(mine) != 1 {
		w.T.Fatalf("%d visits, want one", len(mine))
	}
	return mine[0].ID
}

func TestCancelGivesTheWeekBack(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	wed := w.Session("A", time.Wednesday, "09:00", "10:00", 5)
	thu := w.Session("A", time.Thursday, "09:00", "10:00", 5)
	f := w.Family()
	b, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(wed[0]))
	w.Must(err)
	_, err = w.Visits.Book(ctx, w.Citizen(f), f.Ask(thu[0]))
	if r := why(t, err); r != visit.WeekFull {
		t.Errorf("a second visit in the week: %s", r)
	}
	r, _ := errors.AsType[*visit.Refusal](err)
	if len(r.Next) == 0 || slices.ContainsFunc(r.Next, func(o visit.Slot) bool { return o.ID == thu[0] || o.ID == wed[0] }) {
		t.Errorf("next slots %v, want some of another week", r.Next)
	}
	w.Must(w.Visits.Cancel(ctx, w.Citizen(f), b.ID, visit.Cancellation{Side: visit.ByFamily}))
	w.Must(w.Visits.Cancel(ctx, w.Citizen(f), b.ID, visit.Cancellation{Side: visit.ByFamily}))
	_, err = w.Visits.Book(ctx, w.Citizen(f), f.Ask(thu[0]))
	w.Must(err)
	stranger := w.Family()
	if err := w.Visits.Cancel(ctx, w.Citizen(stranger), mustOne(w, f), visit.Cancellation{Side: visit.ByFamily}); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a stranger cancelled: %v", err)
	}
	w.Verify()
}

func TestExpiredHoldsMakeRoom(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 1)
	families := w.Families(3)
	held, err := w.Visits.Hold(ctx, w.Citizen(families[0]), families[0].Ask(days[0]))
	w.Must(err)
	_, err = w.Visits.Hold(ctx, w.Citizen(families[1]), families[1].Ask(days[0]))
	if r := why(t, err); r != visit.Full {
		t.Fatalf("held by another: %s", r)
	}
	w.Clock.Add(6 * time.Minute)
	w.Must(w.Visits.NudgeHolds(ctx))
	w.Must(w.Visits.NudgeHolds(ctx))
	if n := w.Told(families[0].Account, "visit.sms.held"); n != 1 {
		t.Errorf("told %d times that the place is kept", n)
	}
	w.Clock.Add(5 * time.Minute)
	if _, err := w.Visits.Confirm(ctx, w.Citizen(families[0]), held.ID); fault.KeyOf(err) != "visit.hold_expired" {
		t.Errorf("confirmed after the time: %v", err)
	}
	_, err = w.Visits.Hold(ctx, w.Citizen(families[1]), families[1].Ask(days[0]))
	w.Must(err)
	if s := w.State(held.ID); s != visit.HoldExpired {
		t.Errorf("the old hold is %s", s)
	}
	w.Clock.Add(11 * time.Minute)
	w.Must(w.Visits.ExpireHolds(ctx))
	_, err = w.Visits.Book(ctx, w.Citizen(families[2]), families[2].Ask(days[0]))
	w.Must(err)
	w.Verify()
}

func TestCapacityBelowWhatIsTakenIsRefused(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 5)
	for _, f := range w.Families(3) {
		_, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
		w.Must(err)
	}
	err := w.Visits.SetCapacity(ctx, w.Staff(2, "establishment"), days[0], 1, 2, 6)
	if fault.KeyOf(err) != "visit.capacity_taken" {
		t.Errorf("two places for three: %v", err)
	}
	w.Must(w.Visits.SetCapacity(ctx, w.Staff(2, "establishment"), days[0], 1, 3, 9))
	f := w.Family()
	_, err = w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
	if r := why(t, err); r != visit.Full {
		t.Errorf("a fourth: %s", r)
	}
	if err := w.Visits.SetCapacity(ctx, w.Staff(2, "establishment"), days[0], 1, 9, 27); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("an old version: %v", err)
	}
	w.Verify()
}

func TestClosingTellsEachFamilyOnceAndGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Wednesday, "09:00", "10:00", 30)
	families := w.Families(12)
	for _, f := range families {
		_, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0]))
		w.Must(err)
	}
	day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	closing := visit.Closing{EstablishmentID: w.House, Day: day, Reason: "works"}
	preview, err := w.Visits.ClosePreview(ctx, closing)
	w.Must(err)
	if preview.Visits != 12 || preview.Families != 12 {
		t.Errorf("preview %+v", preview)
	}
	id, err := w.Visits.Close(ctx, w.Staff(2, "establishment"), closing)
	w.Must(err)
	late := w.Family()
	_, err = w.Visits.Book(ctx, w.Citizen(late), late.Ask(days[0]))
	if r := why(t, err); r != visit.Closed {
		t.Errorf("booked a closed day: %s", r)
	}
	// A crash after some: the context ends between two visits.
	w.Exec(`create function stop_after_five() returns trigger language plpgsql as $$
		begin if (select count(*) from closure_visit where done_at is not null) >= 5 then raise exception 'power cut'; end if; return new; end $$;
		create trigger power before update on closure_visit for each row execute function stop_after_five()`)
	if err := w.Visits.RunClosures(ctx); err == nil {
		t.Fatal("the closing survived a power cut")
	}
	c, err := w.Visits.Closure(ctx, id)
	w.Must(err)
	if c.Total != 12 || c.Done != 5 || c.FinishedAt != nil {
		t.Errorf("after the cut: %d of %d, finished %v", c.Done, c.Total, c.FinishedAt)
	}
	w.Exec(`drop trigger power on closure_visit`)
	w.Must(w.Visits.RunClosures(ctx))
	w.Must(w.Visits.RunClosures(ctx))
	for _, f := range families {
		if n := w.Told(f.Account, "visit.sms.closed_offers") + w.Told(f.Account, "visit.sms.closed"); n != 1 {
			t.Errorf("family %d was told %d times", f.Account, n)
		}
	}
	if c, err = w.Visits.Closure(ctx, id); err != nil || c.Done != 12 || c.FinishedAt == nil {
		t.Errorf("at the end: %+v %v", c, err)
	}
	w.Verify()
}

func TestRemindersGoOutOnceOnTheirDays(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	days := w.Session("A", time.Friday, "09:00", "10:00", 5)
	f := w.Family()
	_, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(days[0])) // Friday, booked on Monday
	w.Must(err)
	w.Clock.Set(time.Date(2026, 3, 4, 7, 0, 0, 0, time.UTC)) // too early in the day
	w.Must(w.Visits.Remind(ctx))
	if n := w.Told(f.Account, "visit.sms.reminder"); n != 0 {
		t.Errorf("reminded %d times before ten", n)
	}
	w.Clock.Set(time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC))
	w.Must(w.Visits.Remind(ctx))
	w.Clock.Add(10 * time.Minute)
	w.Must(w.Visits.Remind(ctx))
	w.Clock.Set(time.Date(2026, 3, 6, 6, 30, 0, 0, time.UTC))
	w.Must(w.Visits.Remind(ctx))
	w.Must(w.Visits.Remind(ctx))
	if a, b := w.Told(f.Account, "visit.sms.reminder"), w.Told(f.Account, "visit.sms.today"); a != 1 || b != 1 {
		t.Errorf("reminded %d times ahead and %d on the day", a, b)
	}
	w.Clock.Set(time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC))
	w.Must(w.Visits.SettlePast(ctx))
	var id int64
	w.Scan([]any{&id}, `select id from visit where account_id = $1`, f.Account)
	if s := w.State(id); s != visit.NoShow {
		t.Errorf("nobody came: %s", s)
	}
	w.Must(w.Visits.Correct(ctx, w.Staff(2, "establishment"), id, "late", "they were there"))
	if err := w.Visits.Correct(ctx, w.Staff(2, "establishment"), id, "late", ""); fault.KeyOf(err) != "visit.second_person" {
		t.Errorf("the same person corrected twice: %v", err)
	}
	w.Verify()
}
