package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
)

// claimFor is how long an opened decision keeps others from deciding.
const claimFor = 15 * time.Minute

// Standing is a case as its reader may know it.
type Standing struct {
	casework.File
	ClaimedBy    *int64
	ClaimedName  string
	ClaimedUntil *time.Time
	Country      string
	Unmatched    bool // nobody has named the person in the register yet
	Close        bool // the reader has declared a conflict
}

// Taken tells whether somebody else is at work on the case.
func (s Standing) Taken(w Who) bool { return s.ClaimedBy != nil && *s.ClaimedBy != w.StaffID }

// Reach gives a case by reference when the person may do the act on it. Out
// of scope is NotFound, as if there were no such case; in scope but not in the role
// is Forbidden, and so is a case whose family the person is close to.
func (d *Desk) Reach(ctx context.Context, w Who, ref string, a Act) (Standing, error) {
	if err := w.Allow(a); err != nil {
		return Standing{}, err
	}
	if !casework.ValidRef(ref) {
		return Standing{}, fault.NotFound("case.unknown", nil)
	}
	rows, err := d.db.Query(ctx, sqlStanding, ref, w.StaffID, d.now())
	if err != nil {
		return Standing{}, fmt.Errorf("find a case: %w", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Standing])
	if errors.Is(err, pgx.ErrNoRows) {
		return s, fault.NotFound("case.unknown", nil)
	}
	if err != nil {
		return s, fmt.Errorf("find a case: %w", err)
	}
	if !w.sees(s) {
		return Standing{}, fault.NotFound("case.unknown", nil)
	}
	if s.Close {
		return Standing{}, fault.Forbidden("desk.close_to_case", nil)
	}
	if a != SeeCase && s.Taken(w) {
		return Standing{}, fault.Conflict("desk.claimed", fault.Params{"name": s.ClaimedName, "time": s.ClaimedUntil.In(w.Zone)})
	}
	return s, nil
}

// sees is the scope: authorities by the case's authority, the others by its
// establishment, clerks also what could not be placed in their country.
func (w Who) sees(s Standing) bool {
	switch w.Role {
	case Authority:
		return s.AuthorityID != nil && slices.Contains(w.Authorities, *s.AuthorityID)
	case Clerk:
		if s.EstablishmentID == nil {
			return s.Unmatched && slices.Contains(w.Countries, s.Country)
		}
		return slices.Contains(w.Establishments, *s.EstablishmentID)
	case Establishment:
		return s.Machine != "permit_request" && s.EstablishmentID != nil && slices.Contains(w.Establishments, *s.EstablishmentID)
	case Gate, Admin, Auditor: // no files
	}
	return false
}

// Claim keeps others from deciding while the person is at it.
func (d *Desk) Claim(ctx context.Context, w Who, s Standing) error {
	tag, err := d.db.Exec(ctx, sqlClaim, s.ID, w.StaffID, d.now(), d.now().Add(claimFor))
	if err != nil {
		return fmt.Errorf("claim case %d: %w", s.ID, err)
	}
	if tag.RowsAffected() == 0 {
		return fault.Conflict("desk.claimed_now", nil)
	}
	return nil
}

// Release gives a claim back.
func (d *Desk) Release(ctx context.Context, w Who, caseID int64) error {
	if _, err := d.db.Exec(ctx, sqlRelease, caseID, w.StaffID); err != nil {
		return fmt.Errorf("release case %d: %w", caseID, err)
	}
	return nil
}

// DeclareClose keeps the person from a case from now on: a relative, a
// neighbour, a friend.
func (d *Desk) DeclareClose(ctx context.Context, w Who, nonce string, s Standing) error {
	_, err := d.book.Do(ctx, w.Command("staff.conflict", nonce), nil, func(ctx context.Context, tx *casework.Tx) error {
		if _, err := tx.Exec(ctx, sqlDeclareClose, w.StaffID, s.ID, tx.Now()); err != nil {
			return fmt.Errorf("declare a conflict: %w", err)
		}
		tx.Audit(casework.Entry{Action: "staff.conflict", ObjectKind: s.Machine, ObjectID: s.ID})
		return nil
	})
	if err != nil {
		return err
	}
	return d.Release(ctx, w, s.ID)
}

// LastMove tells who moved a case last and when: what a version conflict says.
func (d *Desk) LastMove(ctx context.Context, ref string) (name string, at time.Time, err error) {
	err = d.db.QueryRow(ctx, sqlLastMove, ref).Scan(&name, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", time.Time{}, fault.NotFound("case.unknown", nil)
	}
	return name, at, err
}

// ReadList notes that a list about some cases of a house was shown to the person.
func (d *Desk) ReadList(ctx context.Context, w Who, list string, house int64, cases []int64) error {
	return d.note(ctx, w.Actor(), casework.Entry{
		Action: list + ".read", ObjectKind: "establishment", ObjectID: house,
		Detail: map[string]any{"cases": cases},
	})
}

// Read notes that a record was shown to the person.
func (d *Desk) Read(ctx context.Context, w Who, kind string, id int64) error {
	return d.note(ctx, w.Actor(), casework.Entry{Action: kind + ".read", ObjectKind: kind, ObjectID: id})
}
