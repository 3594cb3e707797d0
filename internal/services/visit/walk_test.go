package visit_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/services/visit/visittest"
)

// Any acts in any order: each either is refused in words or moves a visit as
// the table allows, and the counters always equal the rows they count.
func TestRandomWalks(t *testing.T) {
	t.Parallel()
	w := world(t)
	allowed := map[[2]casework.State]bool{}
	for _, r := range visit.Life().Rules {
		allowed[[2]casework.State{r.From, r.To}] = true
	}
	rapid.Check(t, func(rt *rapid.T) {
		w.Clock.Set(visittest.Start)
		day := time.Weekday(rapid.IntRange(2, 5).Draw(rt, "weekday"))
		room := w.Key() // each walk has rooms of its own
		days := append(w.Session(room, day, "09:00", "10:00", 2), w.Session(room+"2", day, "10:00", "11:00", 1)...)
		families := w.Families(3)
		walk := walker{w: w, rt: rt, days: days, families: families}
		rt.Repeat(map[string]func(*rapid.T){
			"hold":    walk.hold,
			"book":    walk.book,
			"move":    walk.on(visit.Booked, walk.move),
			"confirm": walk.on(visit.Held, func(v visit.Visit, c casework.Command) error { return second(w.Visits.Confirm(t.Context(), c, v.ID)) }),
			"release": walk.on(visit.Held, func(v visit.Visit, c casework.Command) error { return w.Visits.Release(t.Context(), c, v.ID) }),
			"cancel": walk.on(visit.Booked, func(v visit.Visit, c casework.Command) error {
				return w.Visits.Cancel(t.Context(), c, v.ID, visit.Cancellation{Side: visit.ByFamily})
			}),
			"decline": walk.by("establishment", func(v visit.Visit, c casework.Command) error {
				return w.Visits.Cancel(t.Context(), c, v.ID, visit.Cancellation{Side: visit.ByDetainee})
			}),
			"close": walk.by("establishment", func(v visit.Visit, c casework.Command) error {
				return w.Visits.Cancel(t.Context(), c, v.ID, visit.Cancellation{Side: visit.ByHouse, Reason: "works"})
			}),
			"check in": walk.by("gate", func(v visit.Visit, c casework.Command) error {
				return w.Visits.CheckIn(t.Context(), c, v.ID, v.Visitors[0])
			}),
			"refuse": walk.by("gate", func(v visit.Visit, c casework.Command) error {
				return w.Visits.Refuse(t.Context(), c, v.ID, rapid.SampledFrom(visit.RefuseReasons()).Draw(rt, "reason"), "")
			}),
			"finish": walk.by("gate", func(v visit.Visit, c casework.Command) error {
				return w.Visits.Finish(t.Context(), c, v.ID, "normal")
			}),
			"miss":   walk.by("gate", func(v visit.Visit, c casework.Command) error { return w.Visits.Missed(t.Context(), c, v.ID) }),
			"excuse": walk.by("establishment", func(v visit.Visit, c casework.Command) error { return w.Visits.Excuse(t.Context(), c, v.ID, "late") }),
			"correct": walk.by("establishment", func(v visit.Visit, c casework.Command) error {
				return w.Visits.Correct(t.Context(), c, v.ID, "late", "")
			}),
			"go to the gate": walk.by("gate", func(v visit.Visit, c casework.Command) error {
				w.Clock.Set(v.Starts.Add(-10 * time.Minute))
				return w.Visits.CheckIn(t.Context(), c, v.ID, v.Visitors[0])
			}),
			"time passes": func(*rapid.T) {
				w.Clock.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "minutes")) * time.Minute)
				walk.check(w.Visits.ExpireHolds(t.Context()))
			},
			"night": func(*rapid.T) { walk.check(w.Visits.SettlePast(t.Context())) },
		})
		if err := visit.VerifyCounters(t.Context(), w.DB); err != nil {
			rt.Fatalf("counters differ from their rows: %v", err)
		}
		rows, err := w.DB.Query(t.Context(), `
			select t.from_state, t.to_state from transition t join visit v on v.id = t.case_id
			where v.account_id = any($1)`, []int64{families[0].Account, families[1].Account, families[2].Account})
		w.Must(err)
		defer rows.Close()
		for rows.Next() {
			var from, to casework.State
			w.Must(rows.Scan(&from, &to))
			if !allowed[[2]casework.State{from, to}] {
				rt.Fatalf("moved from %q to %q, which the table does not allow", from, to)
			}
		}
	})
}

type walker struct {
	w        *visittest.World
	rt       *rapid.T
	days     []int64
	families []visittest.Family
}

// check wants an act done, or refused in words.
func (k walker) check(err error) {
	if err == nil {
		return
	}
	if kind := fault.KindOf(err); kind != fault.KindConflict && kind != fault.KindForbidden && kind != fault.KindNotFound {
		k.rt.Fatalf("neither done nor refused in words: %v", err)
	}
}

func (k walker) family() visittest.Family { return rapid.SampledFrom(k.families).Draw(k.rt, "family") }
func (k walker) day() int64               { return rapid.SampledFrom(k.days).Draw(k.rt, "day") }

func (k walker) hold(*rapid.T) {
	f := k.family()
	ask := f.Ask(k.day())
	if old := k.visits(f, visit.Booked); len(old) > 0 && rapid.Bool().Draw(k.rt, "to replace") {
		ask.Replaces = old[0].ID
	}
	_, err := k.w.Visits.Hold(k.w.T.Context(), k.w.Citizen(f), ask)
	k.check(err)
}

func (k walker) book(*rapid.T) {
	f := k.family()
	_, err := k.w.Visits.Book(k.w.T.Context(), k.w.Citizen(f), f.Ask(k.day()))
	k.check(err)
}

func (k walker) move(v visit.Visit, c casework.Command) error {
	return second(k.w.Visits.Move(k.w.T.Context(), c, v.ID, k.day()))
}

func (k walker) visits(f visittest.Family, states ...casework.State) []visit.Visit {
	rows, err := k.w.DB.Query(k.w.T.Context(), `select id from visit where account_id = $1 order by id`, f.Account)
	k.w.Must(err)
	var ids []int64
	for rows.Next() {
		var id int64
		k.w.Must(rows.Scan(&id))
		ids = append(ids, id)
	}
	rows.Close()
	var out []visit.Visit
	for _, id := range ids {
		v, err := k.w.Visits.Get(k.w.T.Context(), id)
		k.w.Must(err)
		if len(states) == 0 || slices.Contains(states, v.State) {
			out = append(out, v)
		}
	}
	return out
}

// on acts for the family on one of its visits in a state.
func (k walker) on(s casework.State, act func(visit.Visit, casework.Command) error) func(*rapid.T) {
	return func(*rapid.T) {
		f := k.family()
		if all := k.visits(f, s); len(all) > 0 {
			k.check(act(rapid.SampledFrom(all).Draw(k.rt, "visit"), k.w.Citizen(f)))
		}
	}
}

// by acts as staff on any visit, in whatever state it is.
func (k walker) by(role string, act func(visit.Visit, casework.Command) error) func(*rapid.T) {
	return func(*rapid.T) {
		if all := k.visits(k.family()); len(all) > 0 {
			id := rapid.Int64Range(1, 3).Draw(k.rt, "staff")
			k.check(act(rapid.SampledFrom(all).Draw(k.rt, "visit"), k.w.Staff(id, role)))
		}
	}
}
