package permit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

// walker does to one family's cases whatever comes, in any order.
type walker struct {
	*world
	account, self int64
	request       int64
	people        []int64 // of the register
}

// act is a command whose version and decider are looked up when it is made, so
// that some come too late and some from the wrong desk.
type act func(ctx context.Context, cmd casework.Command) error

func (k *walker) acts() map[string]act {
	f := k.file(k.request)
	p := casework.File{}
	if v, err := k.Permits.View(k.T.Context(), k.request); err == nil && len(v.Permits) > 0 {
		p = k.file(v.Permits[len(v.Permits)-1].ID)
	}
	s := k.Permits
	decide := func(change func(*permit.Decision)) act {
		d := k.decision(k.request)
		if change != nil {
			change(&d)
		}
		return func(ctx context.Context, cmd casework.Command) error { _, err := s.Decide(ctx, cmd, d); return err }
	}
	return map[string]act{
		"withdraw": func(ctx context.Context, cmd casework.Command) error { return s.Withdraw(ctx, cmd, f.ID, f.Version) },
		"appeal":   func(ctx context.Context, cmd casework.Command) error { return s.Appeal(ctx, cmd, f.ID, f.Version) },
		"correct": func(ctx context.Context, cmd casework.Command) error {
			return s.Correct(ctx, cmd, f.ID, f.Version, permit.Claim{Number: onTrial})
		},
		"mistake": func(ctx context.Context, cmd casework.Command) error {
			return s.Correct(ctx, cmd, f.ID, f.Version, permit.Claim{Number: nobody})
		},
		"again": func(ctx context.Context, cmd casework.Command) error { return s.Again(ctx, cmd, f.ID) },
		"unmatch": func(ctx context.Context, cmd casework.Command) error {
			return s.CannotMatch(ctx, cmd, f.ID, f.Version, "")
		},
		"supplied": func(ctx context.Context, cmd casework.Command) error { return s.Supplied(ctx, cmd, f.ID, f.Version) },
		"papers": func(ctx context.Context, cmd casework.Command) error {
			return s.AskPapers(ctx, cmd, f.ID, f.Version, []string{"id_card"}, "")
		},
		"match": func(ctx context.Context, cmd casework.Command) error {
			return s.Match(ctx, cmd, f.ID, f.Version, k.people[0])
		},
		"refer": func(ctx context.Context, cmd casework.Command) error {
			return s.Refer(ctx, cmd, f.ID, f.Version, 1+int64(f.Version%6), "conflict")
		},
		"no_object": func(ctx context.Context, cmd casework.Command) error {
			return s.CloseNoObject(ctx, cmd, f.ID, f.Version, "doubled")
		},
		"uphold": func(ctx context.Context, cmd casework.Command) error {
			return s.Judge(ctx, cmd, f.ID, f.Version, true, "security")
		},
		"overturn": func(ctx context.Context, cmd casework.Command) error {
			return s.Judge(ctx, cmd, f.ID, f.Version, false, "")
		},
		"grant":  decide(nil),
		"unseen": decide(func(d *permit.Decision) { d.Sighted = false }),
		"refuse": decide(refuseAll),
		"sight":  func(ctx context.Context, cmd casework.Command) error { return s.Sight(ctx, cmd, p.ID) },
		"suspend": func(ctx context.Context, cmd casework.Command) error {
			return s.Suspend(ctx, cmd, p.ID, p.Version, "security")
		},
		"lift":    func(ctx context.Context, cmd casework.Command) error { return s.Lift(ctx, cmd, p.ID, p.Version) },
		"confirm": func(ctx context.Context, cmd casework.Command) error { return s.Confirm(ctx, cmd, p.ID, p.Version) },
		"revoke": func(ctx context.Context, cmd casework.Command) error {
			return s.Revoke(ctx, cmd, p.ID, p.Version, "security")
		},
	}
}

func (k *walker) actors() []casework.Actor {
	return []casework.Actor{
		citizen(k.account), citizen(k.account),
		{Kind: casework.Staff, ID: 7, Role: "authority"},
		{Kind: casework.Staff, ID: 8, Role: "authority"},
		{Kind: casework.Staff, ID: 7, Role: "authority"},
		{Kind: casework.Staff, ID: 3, Role: "clerk"},
		{Kind: casework.Staff, ID: 9, Role: "gate"},
		{Kind: casework.Job, Role: "due"},
	}
}

// trace is all that the family's cases and texts amount to.
func (k *walker) trace() (n [2]int) {
	k.Scan(&n[0], `select coalesce(sum(version), 0)::int from case_file where account_id = $1`, k.account)
	k.Scan(&n[1], `select count(*)::int from message where account_id = $1`, k.account)
	return n
}

// standing fails the test when a case stands where the tables of moves do not
// let it, or got there by another way.
func (k *walker) standing(t *rapid.T) {
	rows, err := k.DB.Query(k.T.Context(), `select t.machine, t.from_state, t.event, t.to_state, t.actor_kind, t.role, c.state, t.seq = c.version
		from transition t join case_file c on c.id = t.case_id where c.account_id = $1 order by c.id, t.seq`, k.account)
	k.Must(err)
	machines := map[string]casework.Machine{"permit_request": permit.RequestLife(), "permit": permit.Life()}
	for rows.Next() {
		var machine string
		var from, to, now casework.State
		var event casework.Event
		var by casework.Actor
		var last bool
		k.Must(rows.Scan(&machine, &from, &event, &to, &by.Kind, &by.Role, &now, &last))
		rule, err := machines[machine].Next(from, event, by)
		if err != nil || rule.To != to {
			t.Errorf("%s: %s by %s/%s from %q to %s: %v", machine, event, by.Kind, by.Role, from, to, err)
		}
		if last && now != to {
			t.Errorf("%s stands at %s, its last move led to %s", machine, now, to)
		}
	}
	k.Must(rows.Err())
}

// Whatever is tried in whatever order by whomever, cases move only by their
// tables, a command that comes twice or twice at once counts once, and nobody
// is told of a mistake of ours.
func TestRandomWalks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var person int64
	w.Scan(&person, `select id from detainee where legal_status = 'cassation' and country = 'MA'`)
	rapid.Check(t, func(t *rapid.T) {
		k := &walker{world: w, people: []int64{person}}
		k.account, k.self = w.Family(text.French)
		number := rapid.SampledFrom([]string{convictedSale, nobody}).Draw(t, "number")
		k.request = w.send(k.account, k.self, number).ID
		for range rapid.IntRange(1, 14).Draw(t, "steps") {
			acts := k.acts()
			name := rapid.SampledFrom([]string{
				"grant", "grant", "refuse", "refuse", "unseen", "papers", "supplied", "unmatch", "correct", "mistake", "match",
				"refer", "withdraw", "appeal", "appeal", "uphold", "overturn", "again", "no_object", "sight", "suspend", "lift", "confirm", "revoke", "job", "moved",
			}).Draw(t, "act")
			switch name {
			case "job":
				k.Must(k.Permits.Alarms(k.T.Context(), k.Now().Add(20*24*time.Hour)))
				k.Must(k.Permits.Lapses(k.T.Context(), k.Now().Add(20*24*time.Hour)))
				continue
			case "moved":
				status := rapid.SampledFrom([]establishment.LegalStatus{establishment.Convicted, establishment.Appeal}).Draw(t, "status")
				k.happens(convictedSale, establishment.Status, func(e *establishment.Event) { e.Status = status })
				k.standing(t)
				continue
			}
			cmd := k.by(rapid.SampledFrom(k.actors()).Draw(t, "who"))
			errs := make([]error, 2)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { errs[i] = acts[name](k.T.Context(), cmd) })
			}
			wg.Wait()
			for _, err := range errs {
				if err != nil && fault.KindOf(err) == fault.KindInternal {
					t.Fatalf("%s by %s/%s: %v", name, cmd.Actor.Kind, cmd.Actor.Role, err)
				}
			}
			if (errs[0] == nil) != (errs[1] == nil) {
				t.Errorf("%s twice at once: %v and %v", name, errs[0], errs[1])
			}
			before := k.trace()
			if err := acts[name](k.T.Context(), cmd); (err == nil) != (errs[0] == nil) {
				t.Errorf("%s once more: %v, before %v", name, err, errs[0])
			}
			if after := k.trace(); after != before {
				t.Errorf("%s once more: %v became %v", name, before, after)
			}
			k.standing(t)
			var anew int64
			k.Scan(&anew, `select coalesce(max(id), 0) from permit_request where replaces = $1`, k.request)
			if anew != 0 {
				k.request = anew
			}
		}
	})
}
