package establishment

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

// AuthorityKind is one of the five kinds that decide on permits.
type AuthorityKind string

// Kinds of authorities.
const (
	ProsecutorGeneral  AuthorityKind = "PG"
	EnforcementJudge   AuthorityKind = "JAP"
	PublicProsecutor   AuthorityKind = "PR"
	InvestigatingJudge AuthorityKind = "JI"
	EstablishmentHead  AuthorityKind = "DIR"
)

// Hint is the plain answer to "has the judgment been given?".
type Hint string

// Hints.
const (
	HintNo      Hint = "no"
	HintYes     Hint = "yes"
	HintAppeal  Hint = "appeal"
	HintUnknown Hint = "unknown"
)

// Authority decides.
type Authority struct {
	ID              int64
	Kind            AuthorityKind
	Country         string
	NameAr          string
	NameFr          string
	EstablishmentID *int64
	ParentID        *int64
	Version         int
}

// Name gives the authority's name in a language.
func (a Authority) Name(l text.Lang) string {
	if l == text.Arabic {
		return a.NameAr
	}
	return a.NameFr
}

// Routing says what is known about a request: the detainee's status when the
// register was matched, else the family's hint.
type Routing struct {
	EstablishmentID int64
	Status          LegalStatus
	Hint            Hint
	Relation        string
}

// Route gives the authority that decides, or whoever covers for it today. A
// relation the country does not list counts as "other". NotFound means that
// nobody answers for the place yet: a clerk must choose.
func (d *Directory) Route(ctx context.Context, r Routing) (int64, error) {
	if r.Hint == "" {
		r.Hint = HintUnknown
	}
	var id int64
	err := d.db.QueryRow(ctx, sqlRoute, r.EstablishmentID, r.Status, r.Hint, r.Relation, d.now()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fault.NotFound("authority.none", nil).With(
			fmt.Errorf("establishment %d, status %q, hint %q, relation %q", r.EstablishmentID, r.Status, r.Hint, r.Relation))
	}
	if err != nil {
		return 0, fmt.Errorf("route: %w", err)
	}
	return id, nil
}

// Authority gives one by id.
func (d *Directory) Authority(ctx context.Context, id int64) (Authority, error) {
	rows, err := d.db.Query(ctx, sqlAuthority, id)
	if err != nil {
		return Authority{}, fmt.Errorf("authority %d: %w", id, err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Authority])
	if errors.Is(err, pgx.ErrNoRows) {
		return a, fault.NotFound("authority.unknown", nil)
	}
	if err != nil {
		return a, fmt.Errorf("authority %d: %w", id, err)
	}
	return a, nil
}

// Authorities lists those to which a request of an establishment may be
// referred, by kind.
func (d *Directory) Authorities(ctx context.Context, establishmentID int64) ([]Authority, error) {
	rows, err := d.db.Query(ctx, sqlAuthorities, establishmentID)
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Authority])
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	return all, nil
}

// Relation is how a visitor belongs to the person visited.
type Relation struct {
	Code  string
	Class string // "close", "other", "professional"
}

// Label is the relation's catalogue key.
func (r Relation) Label() text.Key { return text.Key("relation." + r.Code) }

// Relations lists a country's relations in menu order.
func (d *Directory) Relations(ctx context.Context, country string) ([]Relation, error) {
	rows, err := d.db.Query(ctx, sqlRelations, country)
	if err != nil {
		return nil, fmt.Errorf("relations: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Relation])
	if err != nil {
		return nil, fmt.Errorf("relations: %w", err)
	}
	return all, nil
}
