package permit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// request is a stored request beside its case file.
type request struct {
	ID              int64
	EstablishmentID *int64
	DetaineeID      *int64
	Claim           []byte
	Purpose         string
	Hint            string
	SubmittedAt     time.Time
	Referrals       int16
	Papers          []string
	AnswerBy        *time.Time
	Visitors        []Asked `db:"-"`
}

// Asked is one visitor of a request and what was decided.
type Asked struct {
	VisitorID  int64
	Relation   string
	Result     string // "pending", "granted", "refused"
	ReasonCode *string
}

func (r request) hint() establishment.Hint { return establishment.Hint(r.Hint) }

func (r request) visitorIDs() []int64 {
	ids := make([]int64, len(r.Visitors))
	for i, v := range r.Visitors {
		ids[i] = v.VisitorID
	}
	slices.Sort(ids)
	return ids
}

// claimUnclear tells whether the request waits for the family to correct what
// it keyed, and not for papers.
func (r request) claimUnclear(f casework.File) bool {
	return f.State == InfoNeeded && len(r.Papers) == 0 && f.ClockLeft != nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// own refuses a citizen another account's case as if there were none.
func own(f casework.File, a casework.Actor) error {
	if a.Kind == casework.Citizen && a.ID != f.AccountID {
		return fault.NotFound("case.unknown", nil)
	}
	return nil
}

// batcher is a pool or a transaction.
type batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func load(ctx context.Context, db batcher, id int64) (request, error) {
	var r request
	batch := &pgx.Batch{}
	batch.Queue(sqlRequest, id).Query(func(rows pgx.Rows) (err error) {
		r, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByNameLax[request])
		return err
	})
	batch.Queue(sqlRequestVisitors, id).Query(func(rows pgx.Rows) (err error) {
		r.Visitors, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Asked])
		return err
	})
	err := db.SendBatch(ctx, batch).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return r, fault.NotFound("case.unknown", nil)
	}
	if err != nil {
		return r, fmt.Errorf("read request %d: %w", id, err)
	}
	return r, nil
}

// read locks a request for a change; the caller's version must still hold.
func (s *Service) read(ctx context.Context, tx *casework.Tx, id int64, version int) (casework.File, request, error) {
	f, err := tx.Read(ctx, id)
	if err != nil {
		return f, request{}, err
	}
	if f.Machine != RequestLife().Name {
		return f, request{}, fault.NotFound("case.unknown", nil)
	}
	if err := own(f, tx.Command().Actor); err != nil {
		return f, request{}, err
	}
	if f.Version != version {
		return f, request{}, fault.Conflict("case.changed", nil)
	}
	r, err := load(ctx, tx, id)
	return f, r, err
}

func (s *Service) look(ctx context.Context, id int64) (casework.File, request, error) {
	f, err := casework.Look(ctx, s.db, id)
	if err != nil {
		return f, request{}, err
	}
	r, err := load(ctx, s.db, id)
	return f, r, err
}

func (s *Service) rules(ctx context.Context, r request, at time.Time) (establishment.Rules, error) {
	return s.rulesAt(ctx, r.EstablishmentID, at)
}

func (s *Service) rulesAt(ctx context.Context, place *int64, at time.Time) (establishment.Rules, error) {
	if place != nil {
		return s.places.Rules(ctx, *place, at)
	}
	return s.places.DefaultRules(ctx, at)
}

// View is what a case page shows of a request. Names and numbers in it are for
// staff whose scope was checked; reading it is audited by the desk.
type View struct {
	File     casework.File
	Claim    Claim
	Hint     establishment.Hint
	Detainee *int64
	Place    *int64
	Visitors []Asked
	Papers   []string
	AnswerBy *time.Time
	Permits  []PermitRow
}

// PermitRow is one permit of a request.
type PermitRow struct {
	ID        int64
	Ref       string
	Code      string
	VisitorID int64
	State     casework.State
	ValidTo   *time.Time
}

// View gives a request for its case page.
func (s *Service) View(ctx context.Context, id int64) (View, error) {
	f, r, err := s.look(ctx, id)
	if err != nil {
		return View{}, err
	}
	claim, err := s.openClaim(id, r.Claim)
	if err != nil {
		return View{}, err
	}
	rows, err := s.db.Query(ctx, sqlPermitsOfRequest, id)
	if err != nil {
		return View{}, fmt.Errorf("permits of request %d: %w", id, err)
	}
	permits, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PermitRow])
	if err != nil {
		return View{}, fmt.Errorf("permits of request %d: %w", id, err)
	}
	return View{
		File: f, Claim: claim, Hint: r.hint(), Detainee: r.DetaineeID, Place: r.EstablishmentID, Visitors: r.Visitors,
		Papers: r.Papers, AnswerBy: r.AnswerBy, Permits: permits,
	}, nil
}

// mine is one line of "my requests".
type mine struct {
	ID        int64
	Ref       string
	Machine   string
	State     casework.State
	Version   int
	CreatedAt time.Time
	DueAt     *time.Time
	AnswerBy  *time.Time
	Papers    []string
	AccountID int64
}

// unclear tells whether the family is to correct what it keyed.
func (m mine) unclear() bool { return m.State == InfoNeeded && len(m.Papers) == 0 }

// listed bounds "my requests": the last five, newest first.
const listed = 5

func (s *Service) mine(ctx context.Context, account int64) ([]mine, error) {
	rows, err := s.db.Query(ctx, sqlMine, account, listed)
	if err != nil {
		return nil, fmt.Errorf("requests of an account: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[mine])
}

func (s *Service) byRef(ctx context.Context, account int64, ref string) (mine, bool, error) {
	m, err := s.refs.Do(ctx, owned{account, ref})
	return m, m.ID != 0, err
}

// owned names a request by its reference, for the account it is of.
type owned struct {
	account int64
	ref     string
}

// allByRef looks up what several families ask for at once. One that is not
// theirs, or nobody's, is left empty.
func (s *Service) allByRef(ctx context.Context, list []owned) ([]mine, error) {
	accounts, refs := make([]int64, len(list)), make([]string, len(list))
	for i, o := range list {
		accounts[i], refs[i] = o.account, o.ref
	}
	found := make(map[owned]mine, len(list))
	b := postgres.ByIndex()
	b.Queue(sqlByRef, accounts, refs).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[mine])
		for _, m := range all {
			found[owned{m.AccountID, m.Ref}] = m
		}
		return err
	})
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("requests by reference: %w", err)
	}
	out := make([]mine, len(list))
	for i, o := range list {
		out[i] = found[o]
	}
	return out, nil
}
