package person

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
)

// Visitor is one person of a household.
type Visitor struct {
	ID        int64
	Self      bool // the account's holder
	IDType    string
	IDTail    string // the last three characters of the number: what the family sees
	BirthDate time.Time
	Relation  string // as last stated; "" when never
	Status    string // "keyed", "sighted", "registry", "refuted"
}

// Age in whole years on a day.
func (v Visitor) Age(on time.Time) int {
	years := on.Year() - v.BirthDate.Year()
	if on.Month() < v.BirthDate.Month() || on.Month() == v.BirthDate.Month() && on.Day() < v.BirthDate.Day() {
		years--
	}
	return years
}

// VisitorInput is what a family states about one visitor.
type VisitorInput struct {
	IDType    string
	IDNumber  string
	BirthDate time.Time
	Relation  string
	Max       int // most people a household may hold
}

// tail is how much of an identity number is shown to its own household.
const tail = 3

// Household lists the people of an account, its holder first.
func (r *Registry) Household(ctx context.Context, accountID int64) ([]Visitor, error) {
	rows, err := r.db.Query(ctx, sqlHousehold, accountID)
	if err != nil {
		return nil, fmt.Errorf("household of account %d: %w", accountID, err)
	}
	var all []Visitor
	var v Visitor
	var sealed []byte
	_, err = pgx.ForEachRow(rows, []any{&v.ID, &v.Self, &v.IDType, &sealed, &v.BirthDate, &v.Relation, &v.Status}, func() error {
		number, err := r.keys.Open("visitor", "id_number_sealed", v.ID, sealed)
		if err != nil {
			return fmt.Errorf("open visitor %d: %w", v.ID, err)
		}
		v.IDTail = string(number[max(0, len(number)-tail):])
		all = append(all, v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("household of account %d: %w", accountID, err)
	}
	return all, nil
}

// AddVisitor adds a person to an account's household. Somebody who was there
// before and was removed comes back; somebody who is there is a Conflict, given
// with that person's id.
func (r *Registry) AddVisitor(ctx context.Context, tx *casework.Tx, accountID int64, in VisitorInput) (Visitor, error) {
	var country string
	var size int
	err := tx.QueryRow(ctx, sqlLockHousehold, accountID).Scan(&country, &size)
	if errors.Is(err, pgx.ErrNoRows) {
		return Visitor{}, fault.NotFound("account.unknown", nil)
	}
	if err != nil {
		return Visitor{}, fmt.Errorf("household of account %d: %w", accountID, err)
	}
	if in.Max > 0 && size >= in.Max {
		return Visitor{}, fault.Conflict("household.full", fault.Params{"n": in.Max})
	}
	number, err := r.checkID(ctx, tx, country, in.IDType, in.IDNumber)
	if err != nil {
		return Visitor{}, err
	}
	if err := r.CheckBirth(in.BirthDate); err != nil {
		return Visitor{}, err
	}
	v, err := r.insertVisitor(ctx, tx, visitorRow{accountID, false, country, in.IDType, number, in.BirthDate, in.Relation})
	if err != nil {
		return v, err
	}
	tx.Audit(casework.Entry{Action: "household.add", ObjectKind: "visitor", ObjectID: v.ID})
	return v, nil
}

// RemoveVisitor takes a person out of the household; the holder stays. What
// was granted or booked for the person is untouched.
func (r *Registry) RemoveVisitor(ctx context.Context, tx *casework.Tx, accountID, visitorID int64) error {
	tag, err := tx.Exec(ctx, sqlRemoveVisitor, visitorID, accountID, tx.Now())
	if err != nil {
		return fmt.Errorf("remove visitor %d: %w", visitorID, err)
	}
	if tag.RowsAffected() == 0 {
		return fault.NotFound("household.nobody", nil)
	}
	tx.Audit(casework.Entry{Action: "household.remove", ObjectKind: "visitor", ObjectID: visitorID})
	return nil
}

type visitorRow struct {
	account   int64
	self      bool
	country   string
	idType    string
	number    private.NationalID
	birthDate time.Time
	relation  string
}

func (r *Registry) insertVisitor(ctx context.Context, tx *casework.Tx, v visitorRow) (Visitor, error) {
	index := r.keys.BlindIndex(indexID, v.country+":"+v.number.Raw())
	var id int64
	if err := tx.QueryRow(ctx, sqlVisitorID, v.account, v.country, index).Scan(&id); err != nil {
		return Visitor{}, fmt.Errorf("draw a visitor's row: %w", err)
	}
	sealed, err := r.keys.Seal("visitor", "id_number_sealed", id, []byte(v.number.Raw()))
	if err != nil {
		return Visitor{}, fmt.Errorf("seal an identity number: %w", err)
	}
	tag, err := tx.Exec(ctx, sqlInsertVisitor, id, v.account, v.self, v.country, v.idType, sealed, index, v.birthDate,
		v.relation, tx.Now())
	if err != nil {
		return Visitor{}, fmt.Errorf("add a visitor: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return Visitor{ID: id}, fault.Conflict("household.known", nil)
	}
	raw := v.number.Raw()
	return Visitor{
		ID: id, Self: v.self, IDType: v.idType, IDTail: raw[max(0, len(raw)-tail):], BirthDate: v.birthDate,
		Relation: v.relation, Status: "keyed",
	}, nil
}
