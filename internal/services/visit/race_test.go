package visit_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/services/visit/visittest"
)

// everyone runs fn for each family at once.
func everyone(families []visittest.Family, fn func(visittest.Family)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for _, f := range families {
		all.Go(func() {
			<-start
			fn(f)
		})
	}
	close(start)
	all.Wait()
}

func TestThousandFamiliesOnTenPlaces(t *testing.T) {
	t.Parallel()
	w := visittest.New(t, postgres.Options{MaxConns: 24, LockTimeout: 30 * time.Second, StatementTimeout: 40 * time.Second})
	wed := w.Session("A", time.Wednesday, "09:00", "10:00", 10)
	w.Session("B", time.Thursday, "09:00", "10:00", 2000)
	families := w.Families(1000)
	var booked, full atomic.Int64
	everyone(families, func(f visittest.Family) {
		held, err := w.Visits.Hold(t.Context(), w.Citizen(f), f.Ask(wed[0]))
		if err == nil {
			_, err = w.Visits.Confirm(t.Context(), w.Citizen(f), held.ID)
		}
		switch r, ok := errors.AsType[*visit.Refusal](err); {
		case err == nil:
			booked.Add(1)
		case ok && r.Why == visit.Full && len(r.Next) > 0:
			full.Add(1)
		default:
			t.Errorf("family %d: %v", f.Account, err)
		}
	})
	if booked.Load() != 10 || full.Load() != 990 {
		t.Errorf("%d booked and %d told that it is full, want 10 and 990", booked.Load(), full.Load())
	}
	var n int
	w.Scan([]any{&n}, `select count(*) from visit where occurrence_id = $1 and state = 'BOOKED'`, wed[0])
	if n != 10 {
		t.Errorf("%d rows booked", n)
	}
	w.Verify()
}

// Twenty of those who get a place let their hold run out; others come meanwhile
// and sweepers are at work: in the end every place is booked and none twice.
func TestThousandFamiliesWhileHoldsExpire(t *testing.T) {
	t.Parallel()
	w := visittest.New(t, postgres.Options{MaxConns: 24, LockTimeout: 30 * time.Second, StatementTimeout: 40 * time.Second})
	wed := w.Session("A", time.Wednesday, "09:00", "10:00", 10)
	w.Session("B", time.Thursday, "09:00", "10:00", 2000)
	families := w.Families(1000)
	var booked, full, lapsed atomic.Int64
	everyone(families, func(f visittest.Family) {
		held, err := w.Visits.Hold(t.Context(), w.Citizen(f), f.Ask(wed[0]))
		if err == nil && lapsed.Add(1) <= 20 {
			w.Clock.Add(11 * time.Minute) // everybody's holds run out
			if err := w.Visits.ExpireHolds(t.Context()); err != nil {
				t.Errorf("sweep: %v", err)
			}
			return
		}
		if err == nil {
			_, err = w.Visits.Confirm(t.Context(), w.Citizen(f), held.ID)
		}
		switch r, ok := errors.AsType[*visit.Refusal](err); {
		case err == nil:
			booked.Add(1)
		case ok && r.Why == visit.Full && len(r.Next) > 0:
			full.Add(1)
		case fault.KeyOf(err) == "visit.hold_expired", fault.KeyOf(err) == "case.state_changed", fault.KeyOf(err) == "case.changed":
		default:
			t.Errorf("family %d: %v", f.Account, err)
		}
	})
	w.Clock.Add(11 * time.Minute)
	for _, f := range families { // latecomers take what is left
		_, err := w.Visits.Book(t.Context(), w.Citizen(f), f.Ask(wed[0]))
		if r, ok := errors.AsType[*visit.Refusal](err); ok && r.Why == visit.Full {
			break
		}
		if err == nil {
			booked.Add(1)
		}
	}
	if booked.Load() != 10 {
		t.Errorf("%d booked, %d full, %d lapsed; want 10 booked", booked.Load(), full.Load(), lapsed.Load())
	}
	w.Verify()
}

// Families book, move and cancel among three sessions while staff change
// capacities and close one of them: nothing is overbooked, no deadlock reaches a caller.
func TestBookMoveCancelAndCloseAtOnce(t *testing.T) {
	t.Parallel()
	w := visittest.New(t, postgres.Options{MaxConns: 20, LockTimeout: 20 * time.Second, StatementTimeout: 30 * time.Second})
	var days [3]int64
	for i, room := range []string{"A", "B", "C"} {
		days[i] = w.Session(room, time.Wednesday, []string{"09:00", "10:00", "11:00"}[i], []string{"10:00", "11:00", "12:00"}[i], 12)[0]
	}
	families := w.Families(40)
	staff := make(chan struct{})
	go func() {
		defer close(staff)
		for i := range 6 {
			err := w.Visits.SetCapacity(t.Context(), w.Staff(2, "establishment"), days[1], i+1, 8+i, 40)
			if err != nil && fault.KindOf(err) != fault.KindConflict {
				t.Errorf("capacity: %v", err)
			}
		}
		_, err := w.Visits.Close(t.Context(), w.Staff(2, "establishment"), visit.Closing{
			EstablishmentID: w.House, Day: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), Occurrence: days[2], Reason: "works",
		})
		if err == nil {
			err = w.Visits.RunClosures(t.Context())
		}
		if err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	everyone(families, func(f visittest.Family) {
		for range 6 {
			mine, err := w.Visits.Mine(t.Context(), f.Account)
			if err == nil {
				switch o := days[rand.IntN(3)]; {
				case len(mine) == 0:
					_, err = w.Visits.Book(t.Context(), w.Citizen(f), f.Ask(o))
				case rand.IntN(4) == 0:
					err = w.Visits.Cancel(t.Context(), w.Citizen(f), mine[0].ID, visit.Cancellation{Side: visit.ByFamily})
				default:
					_, err = w.Visits.Move(t.Context(), w.Citizen(f), mine[0].ID, o)
				}
			}
			if err != nil && fault.KindOf(err) != fault.KindConflict {
				t.Errorf("family %d: %v", f.Account, err)
			}
		}
	})
	<-staff
	w.Must(w.Visits.RunClosures(t.Context()))
	var left int
	w.Scan([]any{&left}, `select count(*) from visit where occurrence_id = $1 and stage = 'live'`, days[2])
	if left != 0 {
		t.Errorf("%d visits are left in the closed session", left)
	}
	w.Verify()
}

func TestOneKeyTakesEffectOnce(t *testing.T) {
	t.Parallel()
	w := world(t)
	wed := w.Session("A", time.Wednesday, "09:00", "10:00", 10)
	f := w.Family()
	cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: f.Account}, Channel: "ussd", Key: "one"}
	var mu sync.Mutex
	got := map[visit.Booking]int{}
	everyone(make([]visittest.Family, 20), func(visittest.Family) {
		b, err := w.Visits.Book(t.Context(), cmd, f.Ask(wed[0]))
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		got[b]++
		mu.Unlock()
	})
	if len(got) != 1 {
		t.Errorf("one key gave %d different answers", len(got))
	}
	if n := w.Told(f.Account, "visit.sms.booked"); n != 1 {
		t.Errorf("told %d times", n)
	}
	w.Verify()
}
