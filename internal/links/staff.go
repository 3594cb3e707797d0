package links

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
)

// LongestTrace is how long a bind may be recorded by one wish.
const LongestTrace = time.Hour

// Operator is an operator with its binds as staff see them. One that no
// process has spoken of for a day is forgotten.
type Operator struct {
	About
	SeenAt time.Time
	Binds  []Bind
}

// Bind is a bind, what is wanted of it, and how it stands in each process that
// keeps it, the one last heard of first.
type Bind struct {
	Name string
	Wanted
	At []Standing
}

// Wanted is what staff want of a bind. Without a wish it runs, at version 0.
type Wanted struct {
	Wish       Wish
	TraceUntil time.Time // zero: no trace
	Version    int
	SetBy      int64 // staff; 0: nobody
	SetAt      time.Time
}

// Wish says what a bind should do. It is a Conflict when the wish has changed
// since version was read, and NotFound for a bind that nobody keeps.
func (s *Store) Wish(ctx context.Context, tx pgx.Tx, operator, bind string, w Wish, version int, staff int64) error {
	var now int
	err := tx.QueryRow(ctx, sqlWish, operator, bind, string(w), version, staff, s.now()).Scan(&now, nil)
	return s.wished(ctx, tx, operator, bind, version, now, err)
}

// Trace has a bind recorded until then, or no longer with a zero time.
func (s *Store) Trace(ctx context.Context, tx pgx.Tx, operator, bind string, until time.Time, version int, staff int64) error {
	if until.Sub(s.now()) > LongestTrace {
		return fault.Invalid("links.long_trace", nil)
	}
	var end *time.Time
	if !until.IsZero() {
		end = &until
	}
	var now int
	err := tx.QueryRow(ctx, sqlTrace, operator, bind, end, version, staff, s.now()).Scan(&now, nil)
	return s.wished(ctx, tx, operator, bind, version, now, err)
}

// wished judges the write of a wish: the new version must follow the one that
// was read.
func (s *Store) wished(ctx context.Context, tx pgx.Tx, operator, bind string, read, now int, err error) error {
	if err == nil && now == read+1 {
		return nil
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("links: wish for %s/%s: %w", operator, bind, err)
	}
	var kept bool
	if err := tx.QueryRow(ctx, sqlKept, operator, bind).Scan(&kept); err != nil {
		return fmt.Errorf("links: wish for %s/%s: %w", operator, bind, err)
	}
	if !kept {
		return fault.NotFound("links.unknown", nil)
	}
	return fault.Conflict("links.changed", nil)
}

// AskReload asks every process to read its operators file anew.
func (s *Store) AskReload(ctx context.Context, tx pgx.Tx, staff int64) error {
	if _, err := tx.Exec(ctx, sqlAskReload, staff, s.now()); err != nil {
		return fmt.Errorf("links: ask for a reload: %w", err)
	}
	return nil
}

// Operators lists all operators with their binds, by name.
func (s *Store) Operators(ctx context.Context) ([]Operator, error) {
	rows, err := s.db.Query(ctx, sqlOperators)
	if err != nil {
		return nil, fmt.Errorf("links: list operators: %w", err)
	}
	var list []Operator
	var o Operator
	_, err = pgx.ForEachRow(rows, []any{&o.Operator, &o.Prefixes, &o.ShortCodes, &o.USSDCodes, &o.Fallback, &o.HTTP, &o.SeenAt}, func() error {
		list = append(list, o)
		o = Operator{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("links: list operators: %w", err)
	}
	wishes, err := s.Wishes(ctx)
	if err != nil {
		return nil, err
	}
	standings, err := s.standings(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Binds = bindsOf(list[i].Operator, standings, wishes)
	}
	return list, nil
}

// bindsOf gathers the standings of one operator, which come by bind.
func bindsOf(operator string, standings []Standing, wishes map[Name]Wanted) []Bind {
	var binds []Bind
	for _, st := range standings {
		if st.Operator != operator {
			continue
		}
		if n := len(binds); n == 0 || binds[n-1].Name != st.Bind {
			w, ok := wishes[st.Name]
			if !ok {
				w = Wanted{Wish: Run}
			}
			binds = append(binds, Bind{Name: st.Bind, Wanted: w})
		}
		last := &binds[len(binds)-1]
		last.At = append(last.At, st)
	}
	return binds
}

func (s *Store) standings(ctx context.Context) ([]Standing, error) {
	rows, err := s.db.Query(ctx, sqlStandings, Silence)
	if err != nil {
		return nil, fmt.Errorf("links: list binds: %w", err)
	}
	var list []Standing
	var st Standing
	var cause *Cause
	var code *int64
	var causeAt *time.Time
	into := []any{
		&st.Operator, &st.Bind, &st.Process, &st.Address, &st.Mode, &st.State, &st.Since, &st.Rebinds, &st.Resting,
		&cause, &code, &causeAt, &st.InFlight, &st.Window, &st.TPS, &st.Trace, &st.SeenAt, &st.Stale,
	}
	_, err = pgx.ForEachRow(rows, into, func() error {
		one := st
		if cause != nil {
			one.Failed = &Failure{Name: st.Name, Cause: *cause, Count: 1, Last: *causeAt}
			if code != nil {
				one.Failed.Code = uint32(*code)
			}
		}
		list = append(list, one)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("links: list binds: %w", err)
	}
	return list, nil
}

// Minutes lists what the binds of an operator did since then, oldest first;
// minutes without anything are left out.
func (s *Store) Minutes(ctx context.Context, operator string, since time.Time) ([]Minute, error) {
	rows, err := s.db.Query(ctx, sqlMinutes, operator, since)
	if err != nil {
		return nil, fmt.Errorf("links: minutes of %s: %w", operator, err)
	}
	var list []Minute
	var m Minute
	into := []any{
		&m.Operator, &m.Bind, &m.Minute, &m.Submitted, &m.Sent, &m.Throttled, &m.Temporary, &m.Rejected, &m.Unknown,
		&m.Delivered, &m.Undelivered, &m.Inbound, &m.USSD, &m.ResponseMS,
	}
	if _, err := pgx.ForEachRow(rows, into, func() error { list = append(list, m); return nil }); err != nil {
		return nil, fmt.Errorf("links: minutes of %s: %w", operator, err)
	}
	return list, nil
}

// Errors lists what last went wrong with an operator, newest first.
func (s *Store) Errors(ctx context.Context, operator string, limit int) ([]Failure, error) {
	rows, err := s.db.Query(ctx, sqlErrors, operator, limit)
	if err != nil {
		return nil, fmt.Errorf("links: errors of %s: %w", operator, err)
	}
	var list []Failure
	var f Failure
	var code int64
	_, err = pgx.ForEachRow(rows, []any{&f.Operator, &f.Bind, &f.Cause, &code, &f.Count, &f.Last}, func() error {
		f.Code = uint32(code)
		list = append(list, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("links: errors of %s: %w", operator, err)
	}
	return list, nil
}
