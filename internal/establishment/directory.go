package establishment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

// Querier reads: a pool, or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Keys seals what names a person and makes the keyed hashes that find it.
type Keys interface {
	Seal(table, column string, row int64, plaintext []byte) ([]byte, error)
	Open(table, column string, row int64, sealed []byte) ([]byte, error)
	BlindIndex(kind, value string) []byte
}

// Directory answers questions about places, authorities and the people held.
// It is safe for concurrent use.
type Directory struct {
	db   Querier
	keys Keys
	now  func() time.Time
}

// New makes a Directory.
func New(db Querier, keys Keys, now func() time.Time) *Directory {
	return &Directory{db: db, keys: keys, now: now}
}

// Establishment is one house.
type Establishment struct {
	ID          int64
	Code        string
	Country     string
	NameAr      string
	NameFr      string
	ShortName   string // at most 12 characters, fits a menu line
	ShortNameAr string
	TZ          string
	WeekStart   int16 // 0 is Sunday
	Phone       string
	Active      bool
	Version     int
}

// Short gives the name for a menu line in a language.
func (e Establishment) Short(l text.Lang) string {
	if l == text.Arabic {
		return e.ShortNameAr
	}
	return e.ShortName
}

// Name gives the full name in a language.
func (e Establishment) Name(l text.Lang) string {
	if l == text.Arabic {
		return e.NameAr
	}
	return e.NameFr
}

// Location is the establishment's time zone.
func (e Establishment) Location() (*time.Location, error) {
	loc, err := time.LoadLocation(e.TZ)
	if err != nil {
		return nil, fmt.Errorf("establishment %s: %w", e.Code, err)
	}
	return loc, nil
}

// Week gives the first day of the week of a civil day, by the establishment's
// own beginning of the week.
func (e Establishment) Week(d Day) Day {
	return d.Add(-(int(d.Weekday()) - int(e.WeekStart) + 7) % 7)
}

// Establishments lists the active establishments of a country ("": of all) by
// short name.
func (d *Directory) Establishments(ctx context.Context, country string) ([]Establishment, error) {
	rows, err := d.db.Query(ctx, sqlEstablishments, country)
	if err != nil {
		return nil, fmt.Errorf("establishments: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Establishment])
	if err != nil {
		return nil, fmt.Errorf("establishments: %w", err)
	}
	return all, nil
}

// Establishment gives one by id.
func (d *Directory) Establishment(ctx context.Context, id int64) (Establishment, error) {
	return d.one(ctx, sqlEstablishment, id)
}

// ByCode gives one by the code that families key or write.
func (d *Directory) ByCode(ctx context.Context, code string) (Establishment, error) {
	return d.one(ctx, sqlEstablishmentByCode, code)
}

func (d *Directory) one(ctx context.Context, sql string, arg any) (Establishment, error) {
	rows, err := d.db.Query(ctx, sql, arg)
	if err != nil {
		return Establishment{}, fmt.Errorf("establishment: %w", err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Establishment])
	if errors.Is(err, pgx.ErrNoRows) {
		return e, fault.NotFound("establishment.unknown", nil)
	}
	if err != nil {
		return e, fmt.Errorf("establishment: %w", err)
	}
	return e, nil
}

// Phase is how far a service is opened at an establishment.
type Phase string

// Phases.
const (
	Off       Phase = "off"
	Pilot     Phase = "pilot"
	Live      Phase = "live"
	Suspended Phase = "suspended"
)

// Takes tells whether new cases are taken.
func (p Phase) Takes() bool { return p == Pilot || p == Live }

// Phase tells how far a service is opened at an establishment; what was never
// opened is off.
func (d *Directory) Phase(ctx context.Context, establishmentID int64, service string) (Phase, error) {
	var p Phase
	err := d.db.QueryRow(ctx, sqlPhase, establishmentID, service).Scan(&p)
	if errors.Is(err, pgx.ErrNoRows) {
		return Off, nil
	}
	if err != nil {
		return Off, fmt.Errorf("phase of %s at %d: %w", service, establishmentID, err)
	}
	return p, nil
}

// Topic is what families ask about a place.
type Topic string

// Topics, in menu order.
const (
	Conditions Topic = "conditions"
	Papers     Topic = "papers"
	Hours      Topic = "hours"
)

// Topics lists them in menu order.
func Topics() []Topic { return []Topic{Conditions, Papers, Hours} }

// Info gives what an establishment's staff wrote on a topic; ok is false when
// they wrote nothing in that language.
func (d *Directory) Info(ctx context.Context, establishmentID int64, t Topic, l text.Lang) (body string, ok bool, err error) {
	err = d.db.QueryRow(ctx, sqlInfo, establishmentID, t, l).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("info of establishment %d: %w", establishmentID, err)
	}
	return body, true, nil
}
