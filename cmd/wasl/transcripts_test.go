package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/dialog/dialogtest"
	"github.com/wasl-sms/wasl/internal/text"
)

// TestTranscripts plays every service's conversations, in every language, over
// USSD and by text, through the real link and on the real servers; and what
// belongs to no service: help, stop, texts that nobody can read, a PIN that is
// locked.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	dialogtest.Run(t, "../../internal/services/*/testdata/*.dialog", played)
	dialogtest.Run(t, "testdata/*.dialog", played)
}

// played is a world with what lines "do" can ask for.
func played(t *testing.T) dialogtest.World {
	w := newWorld(t)
	return dialogtest.World{
		Phone: func(_ *testing.T, number string) dialogtest.Phone { return w.phone(number) },
		Do: map[string]func(*testing.T, []string){
			// family NUMBER LANG: is registered, with the PIN 4826
			"family": func(t *testing.T, args []string) {
				w.family(t, args[0], text.Lang(args[1]), "AB"+args[0][len(args[0])-6:])
			},
			// permitted NUMBER LANG: and has a permit
			"permitted": func(t *testing.T, args []string) {
				account := w.family(t, args[0], text.Lang(args[1]), "AB"+args[0][len(args[0])-6:])
				w.decide(t, w.send(t, account, "41207").ID, true)
				w.heard(t, args[0], 2)
			},
			"grant":  func(t *testing.T, args []string) { w.decide(t, w.byRef(t, args[0]).ID, true) },
			"refuse": func(t *testing.T, args []string) { w.decide(t, w.byRef(t, args[0]).ID, false) },
			// paper REF: a paper is asked for
			"paper": func(t *testing.T, args []string) {
				f := w.byRef(t, args[0])
				err := w.app.permits.AskPapers(t.Context(), w.staff("authority", "paper/"+args[0]), f.ID, f.Version, []string{"family_book"}, "")
				if err != nil {
					t.Fatal(err)
				}
			},
			// shown REF: and shown at a counter
			"shown": func(t *testing.T, args []string) {
				f := w.byRef(t, args[0])
				if err := w.app.permits.Supplied(t.Context(), w.staff("clerk", "shown/"+args[0]), f.ID, f.Version); err != nil {
					t.Fatal(err)
				}
			},
			// unmatched REF: nobody is found by what was keyed
			"unmatched": func(t *testing.T, args []string) {
				f := w.byRef(t, args[0])
				if err := w.app.permits.CannotMatch(t.Context(), w.staff("clerk", "unmatched/"+args[0]), f.ID, f.Version, ""); err != nil {
					t.Fatal(err)
				}
			},
			// later 2h: time passes
			"later": func(t *testing.T, args []string) {
				d, err := time.ParseDuration(args[0])
				if err != nil {
					t.Fatal(err)
				}
				w.clock.forward(d)
			},
			// remind REF: the days come on which that visit's family hears of it
			"remind": func(t *testing.T, args []string) { w.remind(t, args[0]) },
			// full: others take what is left of the first session of the next day
			"full": func(t *testing.T, _ []string) {
				_, err := w.st.db.Exec(t.Context(), `update occurrence o set capacity_groups = held + booked
					from (select e.id, min(lower(o.period)) as start from occurrence o join establishment e on e.id = o.establishment_id
						where e.code = 'AINS' and lower(o.period) > $1::timestamptz + interval '12 hours' group by e.id) first
					where o.establishment_id = first.id and lower(o.period) = first.start`, w.clock.now())
				if err != nil {
					t.Fatal(err)
				}
			},
			// long NUMBER N: sends a text of N letters
			"long": func(t *testing.T, args []string) {
				n, err := strconv.Atoi(args[1])
				if err != nil {
					t.Fatal(err)
				}
				if err := w.phone(args[0]).Text(t.Context(), strings.Repeat("bla ", n/4)); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
}

// remind moves the clock to the first morning on which a visit is reminded of.
func (w *world) remind(t *testing.T, ref string) {
	t.Helper()
	var starts time.Time
	err := w.st.db.QueryRow(t.Context(), `select lower(v.period) from visit v join case_file f on f.id = v.id where f.ref = $1`, ref).Scan(&starts)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.set(starts.AddDate(0, 0, -2).Truncate(24 * time.Hour).Add(11 * time.Hour))
	if err := w.app.visits.Remind(t.Context()); err != nil {
		t.Fatal(err)
	}
}
