package visit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/batch"
	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// Houses tells of establishments and the rules that hold there.
type Houses interface {
	Establishment(ctx context.Context, id int64) (establishment.Establishment, error)
	Rules(ctx context.Context, establishmentID int64, at time.Time) (establishment.Rules, error)
}

// Codes makes what a visit code is drawn from.
type Codes interface {
	CodeMAC(what string) []byte
}

// Questions binds a bare number in answer to a text of ours to an entry.
type Questions interface {
	Expect(ctx context.Context, tx pgx.Tx, account int64, entry string, args []string, until time.Time) error
}

// Service books visits. It is safe for concurrent use.
type Service struct {
	db        *postgres.DB
	book      *casework.Book
	houses    Houses
	codes     Codes
	questions Questions
	now       func() time.Time

	rules  *batch.Same[int64, house] // houses as they are now
	coming *batch.Same[days, []Slot] // what many families ask for at once
}

// New makes a Service.
func New(db *postgres.DB, book *casework.Book, houses Houses, codes Codes, now func() time.Time) *Service {
	s := &Service{db: db, book: book, houses: houses, codes: codes, now: now}
	s.rules, s.coming = batch.NewSame(s.openHouse), batch.NewSame(s.slots)
	return s
}

// Bind says who binds answers to the questions that go out by text. It is to
// be called before the service is used; without it the texts are sent and a
// bare number in answer is not understood.
func (s *Service) Bind(q Questions) { s.questions = q }

// Ask is a wish for a place. The first adult among the visitors leads.
type Ask struct {
	Account    int64
	Detainee   int64
	Visitors   []int64
	Occurrence int64
	Pool       string // "": public
	Replaces   int64  // visit to be given up once this one is sure
	Staff      bool   // entered at the desk: the notice does not bind
}

func (a Ask) pool() string {
	if a.Pool == "" {
		return "public"
	}
	return a.Pool
}

// Visit is a visit as it stands. Times are in UTC until shown.
type Visit struct {
	ID              int64
	Ref             string
	Code            string
	AccountID       int64
	DetaineeID      int64
	EstablishmentID int64
	OccurrenceID    int64
	Day             time.Time
	Starts, Ends    time.Time
	Kind            string
	Pool            string
	Heads           int
	WeekStart       *time.Time
	Channel         string
	Replaces        *int64
	State           casework.State
	Stage           string
	Excused         bool
	HoldExpiresAt   *time.Time
	LateCancel      bool
	CheckedInAt     *time.Time
	Outcome         string
	Visitors        []int64 // the lead first
	Permits         []int64
}

// Hold is a place kept for a while.
type Hold struct {
	ID    int64     `json:"id"`
	Ref   string    `json:"ref"`
	Until time.Time `json:"until"`
}

// Booking is a visit that is sure; without a code it is a wish that the
// establishment has yet to answer.
type Booking struct {
	ID   int64  `json:"id"`
	Ref  string `json:"ref"`
	Code string `json:"code"`
}

// Refusal says why a slot can't be had and, where the person could take
// another, which come next. errors.As also finds its *fault.Fault.
type Refusal struct {
	Why  Reason
	Next []Slot
	err  *fault.Fault
}

func refusal(why Reason) *Refusal {
	if why == NoPermit || why == TooManyOpen {
		return &Refusal{Why: why, err: fault.Forbidden(why.Text(), nil)}
	}
	return &Refusal{Why: why, err: fault.Conflict(why.Text(), nil)}
}

func (r *Refusal) Error() string { return fmt.Sprintf("slot refused: %s: %v", r.Why, r.err) }
func (r *Refusal) Unwrap() error { return r.err }

// constraints names what the database refuses when two come at once, in the
// terms of the rules.
var constraints = map[string]Reason{
	"occurrence_groups":       Full,
	"occurrence_heads":        Full,
	"occurrence_pool_places":  Full,
	"occurrence_open":         Closed,
	"entitlement_week_used":   WeekFull,
	"permit_uses":             PermitUsed,
	"visit_visitor_permitted": NoPermit,
	"visit_detainee_once":     TakenDetainee,
	"visit_visitor_once":      TakenVisitor,
}

// explain turns what the database refused into a Refusal.
func explain(err error) error {
	if why := constraints[postgres.Violated(err)]; why != "" {
		r := refusal(why)
		r.err = r.err.With(err)
		return r
	}
	return err
}

// do runs a command of this service.
func (s *Service) do(ctx context.Context, cmd casework.Command, verb string, result any,
	fn func(context.Context, *casework.Tx) error,
) error {
	cmd.Verb = verb
	_, err := s.book.Do(ctx, cmd, result, fn)
	return explain(err)
}

// visit reads one visit without locking it.
func (s *Service) visit(ctx context.Context, q querier, id int64) (Visit, error) {
	rows, err := q.Query(ctx, sqlVisit, id)
	if err != nil {
		return Visit{}, fmt.Errorf("read visit %d: %w", id, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Visit])
	if errors.Is(err, pgx.ErrNoRows) {
		return v, fault.NotFound("visit.unknown", nil)
	}
	if err != nil {
		return v, fmt.Errorf("read visit %d: %w", id, err)
	}
	return v, nil
}

// before reads a visit and its house ahead of a command.
func (s *Service) before(ctx context.Context, visitID int64) (Visit, house, error) {
	v, err := s.visit(ctx, s.db, visitID)
	if err != nil {
		return v, house{}, err
	}
	h, err := s.house(ctx, v.EstablishmentID)
	return v, h, err
}

// own refuses a citizen another account's visit as if there were none.
func own(v Visit, a casework.Actor) error {
	if a.Kind == casework.Citizen && a.ID != v.AccountID {
		return fault.NotFound("visit.unknown", nil)
	}
	return nil
}

// take locks a visit with its family and its permits and gives it as it stands
// then.
func (s *Service) take(ctx context.Context, tx *casework.Tx, v Visit) (Visit, casework.File, error) {
	if err := lockFamily(ctx, tx.Tx, Ask{Account: v.AccountID}, v); err != nil {
		return v, casework.File{}, err
	}
	f, err := tx.Read(ctx, v.ID)
	if err != nil {
		return v, f, err
	}
	v, err = s.visit(ctx, tx, v.ID)
	return v, f, err
}

// settle runs one command on one visit with all its rows locked.
func (s *Service) settle(ctx context.Context, cmd casework.Command, verb string, v Visit,
	fn func(context.Context, *casework.Tx, Visit, casework.File) error,
) error {
	return s.do(ctx, cmd, verb, nil, func(ctx context.Context, tx *casework.Tx) error {
		v, f, err := s.take(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := lockPlaces(ctx, tx.Tx, v); err != nil {
			return err
		}
		return fn(ctx, tx, v, f)
	})
}

// lockFamily locks the account, the detainees, and the permits of the visits
// and of the visitors in ask, each permit before its case.
func lockFamily(ctx context.Context, tx pgx.Tx, ask Ask, visits ...Visit) error {
	detainees := []int64{ask.Detainee}
	var permits []int64
	for _, v := range visits {
		detainees, permits = append(detainees, v.DetaineeID), append(permits, v.Permits...)
	}
	batch := &pgx.Batch{}
	batch.Queue(sqlLockAccount, ask.Account)
	batch.Queue(sqlLockDetainees, detainees)
	batch.Queue(sqlLockPermits, ask.Detainee, ask.Visitors, permits)
	batch.Queue(sqlLockPermitCases, ask.Detainee, ask.Visitors, permits)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("lock a family: %w", err)
	}
	return nil
}

// lockPlaces locks the weeks and the occurrences of visits.
func lockPlaces(ctx context.Context, tx pgx.Tx, visits ...Visit) error {
	var detainees, occurrences []int64
	var weeks []time.Time
	for _, v := range visits {
		detainees, occurrences = append(detainees, v.DetaineeID), append(occurrences, v.OccurrenceID)
		if v.WeekStart != nil {
			weeks = append(weeks, *v.WeekStart)
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(sqlLockWeeks, detainees, weeks)
	batch.Queue(sqlLockOccurrences, occurrences)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("lock places: %w", err)
	}
	return nil
}
