package visit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/visit"
)

func TestGenerateAtOnceMakesEachOccurrenceOnce(t *testing.T) {
	t.Parallel()
	w := world(t)
	w.Session("A", time.Wednesday, "09:00", "10:00", 3)
	w.Exec(`delete from occurrence_pool`)
	w.Exec(`delete from occurrence`)
	w.Exec(`update session_template set every_weeks = 2`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := w.Visits.Generate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var occurrences, pools int
	w.Scan([]any{&occurrences, &pools}, `select (select count(*) from occurrence), (select count(*) from occurrence_pool)`)
	if occurrences != 2 || pools != 2 {
		t.Errorf("%d occurrences with %d pools, want every other Wednesday of five weeks", occurrences, pools)
	}
}

func TestKeptBackPlaces(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	_, err := w.Visits.AddTemplate(ctx, w.Staff(2, "establishment"), visit.Template{
		EstablishmentID: w.House, Room: "A", Kind: "contact", Weekday: time.Friday, Starts: "09:00", Ends: "10:00",
		ValidFrom: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), CapacityGroups: 3, CapacityHeads: 9,
		Pools: []visit.TemplatePool{{Pool: "far", Places: 2, ReleaseDays: 2}},
	})
	w.Must(err)
	var friday int64
	w.Scan([]any{&friday}, `select id from occurrence where day = '2026-03-06'`)
	f := w.Families(4)
	_, err = w.Visits.Book(ctx, w.Citizen(f[0]), f[0].Ask(friday))
	w.Must(err)
	_, err = w.Visits.Book(ctx, w.Citizen(f[1]), f[1].Ask(friday))
	if r := why(t, err); r != visit.Full {
		t.Errorf("a place kept back was given: %s", r)
	}
	far := f[1].Ask(friday)
	far.Pool = "far"
	_, err = w.Visits.Book(ctx, w.Citizen(f[1]), far)
	w.Must(err)
	w.Must(w.Visits.ReleasePools(ctx))
	_, err = w.Visits.Book(ctx, w.Citizen(f[2]), f[2].Ask(friday))
	if r := why(t, err); r != visit.Full {
		t.Errorf("released too early: %s", r)
	}
	w.Clock.Set(time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC))
	w.Must(w.Visits.ReleasePools(ctx))
	_, err = w.Visits.Book(ctx, w.Citizen(f[2]), f[2].Ask(friday))
	w.Must(err)
	_, err = w.Visits.Book(ctx, w.Citizen(f[3]), f[3].Ask(friday))
	if r := why(t, err); r != visit.Full {
		t.Errorf("a fourth in three places: %s", r)
	}
	d, err := w.Visits.OccurrenceDetail(ctx, friday)
	w.Must(err)
	if len(d.Visits) != 3 || len(d.Pools) != 2 || d.Booked != 3 || len(d.Visits[0].Guests) != 1 {
		t.Errorf("detail %+v", d)
	}
	list, err := w.Visits.DayList(ctx, w.Staff(4, "gate"), w.House, time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC))
	w.Must(err)
	if len(list) != 3 || list[0].Code == "" || list[0].Guests[0].PermitRef == "" {
		t.Errorf("day list %+v", list)
	}
	week, err := w.Visits.Timetable(ctx, w.House, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
	w.Must(err)
	if len(week) != 1 || week[0].Starts.Format("15:04") != "09:00" {
		t.Errorf("timetable %+v", week)
	}
	w.Verify()
}

func TestExtraRightAndEndedSession(t *testing.T) {
	t.Parallel()
	w := world(t)
	ctx := t.Context()
	wed := w.Session("A", time.Wednesday, "09:00", "10:00", 3)
	thu := w.Session("A", time.Thursday, "09:00", "10:00", 3)
	f := w.Family()
	_, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(wed[0]))
	w.Must(err)
	w.Must(w.Visits.GrantExtra(ctx, w.Staff(2, "establishment"), f.Detainee, time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC), "contact", "abroad"))
	b, err := w.Visits.Book(ctx, w.Citizen(f), f.Ask(thu[0]))
	w.Must(err)
	var template int64
	w.Scan([]any{&template}, `select template_id from occurrence where id = $1`, thu[0])
	kept, err := w.Visits.EndTemplate(ctx, w.Staff(2, "establishment"), template, time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC))
	w.Must(err)
	if kept != 1 {
		t.Errorf("%d occurrences kept, want the one that is booked", kept)
	}
	if err := w.Visits.Refuse(ctx, w.Staff(4, "gate"), b.ID, "house_incident", ""); fault.KeyOf(err) != "visit.gate.other_day" {
		t.Errorf("refused before the day: %v", err)
	}
	w.Clock.Set(time.Date(2026, 3, 5, 8, 45, 0, 0, time.UTC))
	w.Must(w.Visits.Refuse(ctx, w.Staff(4, "gate"), b.ID, "house_incident", ""))
	var used int
	w.Scan([]any{&used}, `select used from entitlement_week where detainee_id = $1`, f.Detainee)
	if used != 1 || w.Told(f.Account, "visit.sms.refused") != 1 {
		t.Errorf("turned away by the house: %d of the week used", used)
	}
	if err := w.Visits.Missed(ctx, w.Staff(4, "gate"), b.ID); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("missed after it was refused: %v", err)
	}
	w.Verify()
}
