package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/links"
)

// Queue is how much of one class waits for an operator, and since when the
// oldest of it is due.
type Queue struct {
	Operator string
	Class    int
	Waiting  int64
	Oldest   time.Duration
}

// Operators is the desk where the links to operators are watched and run.
type Operators struct {
	desk   *Desk
	links  *links.Store
	queues func(context.Context) ([]Queue, error)
}

// NewOperators makes the desk of the links; queues tells what waits.
func NewOperators(d *Desk, l *links.Store, queues func(context.Context) ([]Queue, error)) *Operators {
	return &Operators{desk: d, links: l, queues: queues}
}

// Silent is the word for a bind whose process has stopped to report: how it
// stood last says nothing of now.
const Silent links.State = "silent"

// Link is a bind as staff see it.
type Link struct {
	links.Bind
	links.Standing // in the process that has it best, of those heard of lately
	Others         []links.Standing
	SetByName      string
	Minutes        []links.Minute // of the last hour, each of them, oldest first
	Hour           links.Minute   // together
}

// stand chooses among processes: who reports before who is silent, who is
// bound before who is not.
func stand(b links.Bind) Link {
	l := Link{Bind: b}
	at := slices.Clone(b.At)
	slices.SortStableFunc(at, func(a, b links.Standing) int { return rank(b) - rank(a) })
	for i := range at {
		if at[i].Stale {
			at[i].State, at[i].InFlight, at[i].Resting = Silent, 0, false
		}
	}
	if len(at) > 0 {
		l.Standing, l.Others = at[0], at[1:]
	}
	return l
}

func rank(s links.Standing) int {
	switch {
	case s.Stale:
		return 0
	case s.State == links.Bound:
		return 3
	case s.State == links.Paused || s.State == links.Draining:
		return 2
	}
	return 1
}

// Obeyed tells whether the bind does what was wished.
func (l Link) Obeyed() bool {
	switch l.Wish {
	case links.Pause:
		return l.State != links.Bound
	case links.Drain:
		return l.State == links.Drained
	case links.Run:
	}
	return l.State != links.Paused && l.State != links.Draining && l.State != links.Drained
}

// OperatorRow is an operator on the list of all.
type OperatorRow struct {
	links.Operator
	Links  []Link
	Up     int // binds that are bound
	Queues []Queue
	Hour   links.Minute
}

// List gives every operator with how it stands.
func (o *Operators) List(ctx context.Context, w Who) ([]OperatorRow, error) {
	if err := w.Allow(SeeOperators); err != nil {
		return nil, err
	}
	all, err := o.links.Operators(ctx)
	if err != nil {
		return nil, err
	}
	totals, err := o.links.Totals(ctx, o.desk.now().Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	queues, err := o.queues(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the queues: %w", err)
	}
	rows := make([]OperatorRow, len(all))
	for i, op := range all {
		rows[i] = OperatorRow{Operator: op, Queues: queuesOf(queues, op.Operator), Hour: totals[op.Operator]}
		for _, b := range op.Binds {
			l := stand(b)
			if l.State == links.Bound {
				rows[i].Up++
			}
			rows[i].Links = append(rows[i].Links, l)
		}
	}
	return rows, nil
}

func queuesOf(all []Queue, operator string) []Queue {
	var own []Queue
	for _, q := range all {
		if q.Operator == operator {
			own = append(own, q)
		}
	}
	slices.SortFunc(own, func(a, b Queue) int { return a.Class - b.Class })
	return own
}

// OperatorView is one operator whole.
type OperatorView struct {
	OperatorRow
	Hours   []links.Minute // 24, oldest first; the last is the hour that runs
	Errors  []links.Failure
	Reloads []Reload
}

// Reload is one asking to read the operators file again.
type Reload struct {
	links.Reload
	ByName string
	Silent []string // processes with binds that have not answered yet
}

const (
	errorsShown  = 20
	reloadsShown = 3
	hoursShown   = 24
)

// Operator gives one operator with its binds, its last day and what went wrong.
func (o *Operators) Operator(ctx context.Context, w Who, name string) (OperatorView, error) {
	rows, err := o.List(ctx, w)
	if err != nil {
		return OperatorView{}, err
	}
	i := slices.IndexFunc(rows, func(r OperatorRow) bool { return r.Operator.Operator == name })
	if i < 0 {
		return OperatorView{}, fault.NotFound("desk.no_such_operator", nil)
	}
	v := OperatorView{OperatorRow: rows[i]}
	now := o.desk.now()
	if err := o.lastHour(ctx, v.Links, name, now); err != nil {
		return v, err
	}
	first := now.Truncate(time.Hour).Add(-(hoursShown - 1) * time.Hour)
	hours, err := o.links.Hours(ctx, name, first)
	if err != nil {
		return v, err
	}
	v.Hours = filled(hours, first, time.Hour, hoursShown)
	if v.Errors, err = o.links.Errors(ctx, name, errorsShown); err != nil {
		return v, err
	}
	reloads, err := o.links.Reloads(ctx, reloadsShown)
	if err != nil {
		return v, err
	}
	var staff []int64
	for _, l := range v.Links {
		staff = append(staff, l.SetBy)
	}
	for _, r := range reloads {
		staff = append(staff, r.AskedBy)
	}
	names, err := o.desk.names(ctx, staff)
	if err != nil {
		return v, err
	}
	for i := range v.Links {
		v.Links[i].SetByName = names[v.Links[i].SetBy]
	}
	for _, r := range reloads {
		v.Reloads = append(v.Reloads, Reload{Reload: r, ByName: names[r.AskedBy], Silent: unanswered(r, rows)})
	}
	return v, nil
}

// lastHour fills in what each bind did, minute by minute.
func (o *Operators) lastHour(ctx context.Context, all []Link, operator string, now time.Time) error {
	const minutes = 60
	first := now.Truncate(time.Minute).Add(-(minutes - 1) * time.Minute)
	list, err := o.links.Minutes(ctx, operator, first)
	if err != nil {
		return err
	}
	for i := range all {
		var own []links.Minute
		for _, m := range list {
			if m.Bind == all[i].Bind.Name {
				own = append(own, m)
				all[i].Hour.Add(m)
			}
		}
		all[i].Minutes = filled(own, first, time.Minute, minutes)
	}
	return nil
}

// filled puts in the steps in which nothing happened.
func filled(list []links.Minute, first time.Time, step time.Duration, n int) []links.Minute {
	all := make([]links.Minute, n)
	for i := range all {
		all[i].Minute = first.Add(time.Duration(i) * step)
	}
	for _, m := range list {
		if i := int(m.Minute.Sub(first) / step); i >= 0 && i < n {
			all[i].Add(m)
		}
	}
	return all
}

// unanswered lists the processes heard of lately that have said nothing of a
// reload.
func unanswered(r links.Reload, rows []OperatorRow) []string {
	var silent []string
	for _, row := range rows {
		for _, b := range row.Binds {
			for _, s := range b.At {
				answered := slices.ContainsFunc(r.Done, func(d links.ReloadDone) bool { return d.Process == s.Process })
				if s.Stale || answered || r.Process != "" && r.Process != s.Process || slices.Contains(silent, s.Process) {
					continue
				}
				silent = append(silent, s.Process)
			}
		}
	}
	return silent
}

// Wish has a bind run, pause or drain. It is a Conflict when somebody has
// wished something since version was read.
func (o *Operators) Wish(ctx context.Context, w Who, nonce, operator, bind string, wish links.Wish, version int) error {
	if !slices.Contains([]links.Wish{links.Run, links.Pause, links.Drain}, wish) {
		return fault.Invalid("desk.no_such_wish", nil)
	}
	return o.command(ctx, w, nonce, "bind."+string(wish), operator, bind, func(ctx context.Context, tx *casework.Tx) error {
		return o.links.Wish(ctx, tx.Tx, operator, bind, wish, version, w.StaffID)
	})
}

// TraceFor is how long one wish has a bind recorded.
const TraceFor = 10 * time.Minute

// Trace has a bind recorded for TraceFor, numbers and texts masked, or no
// longer.
func (o *Operators) Trace(ctx context.Context, w Who, nonce, operator, bind string, on bool, version int) error {
	verb, until := "bind.untrace", time.Time{}
	if on {
		verb, until = "bind.trace", o.desk.now().Add(TraceFor)
	}
	return o.command(ctx, w, nonce, verb, operator, bind, func(ctx context.Context, tx *casework.Tx) error {
		return o.links.Trace(ctx, tx.Tx, operator, bind, until, version, w.StaffID)
	})
}

// Reload has every process read its operators file again.
func (o *Operators) Reload(ctx context.Context, w Who, nonce string) error {
	return o.command(ctx, w, nonce, "operators.reload", "", "", func(ctx context.Context, tx *casework.Tx) error {
		return o.links.AskReload(ctx, tx.Tx, w.StaffID)
	})
}

func (o *Operators) command(ctx context.Context, w Who, nonce, verb, operator, bind string, do func(context.Context, *casework.Tx) error) error {
	if err := w.Allow(RunOperators); err != nil {
		return err
	}
	_, err := o.desk.book.Do(ctx, w.Command(verb, nonce), nil, func(ctx context.Context, tx *casework.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		e := casework.Entry{Action: verb, ObjectKind: "operators"}
		if bind != "" {
			e.ObjectKind, e.Detail = "bind", map[string]any{"operator": operator, "bind": bind}
		}
		tx.Audit(e)
		return nil
	})
	return err
}
