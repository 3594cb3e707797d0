package visit

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
)

// Book holds and confirms in one command.
func (s *Service) Book(ctx context.Context, cmd casework.Command, ask Ask) (Booking, error) {
	var out Booking
	h, full, err := s.open(ctx, ask)
	if err != nil {
		return out, err
	}
	err = s.do(ctx, cmd, "visit.book", &out, func(ctx context.Context, tx *casework.Tx) error {
		if full {
			return refusal(Full)
		}
		v, err := s.takeHold(ctx, tx, h, ask)
		if err != nil {
			return err
		}
		out, err = s.makeSure(ctx, tx, h, v)
		return err
	})
	return out, s.withNext(ctx, h, ask, err)
}

// Move gives up a booked visit for a place in another occurrence, both or
// neither.
func (s *Service) Move(ctx context.Context, cmd casework.Command, visitID, occurrence int64) (Booking, error) {
	old, err := s.visit(ctx, s.db, visitID)
	if err != nil {
		return Booking{}, err
	}
	if err := own(old, cmd.Actor); err != nil {
		return Booking{}, err
	}
	return s.Book(ctx, cmd, Ask{
		Account: old.AccountID, Detainee: old.DetaineeID, Visitors: old.Visitors, Occurrence: occurrence,
		Pool: old.Pool, Replaces: old.ID, Staff: cmd.Actor.Kind == casework.Staff,
	})
}

// Confirm makes a held place sure. A place that is sure already is given again
// as it is.
func (s *Service) Confirm(ctx context.Context, cmd casework.Command, visitID int64) (Booking, error) {
	var out Booking
	v, err := s.visit(ctx, s.db, visitID)
	if err != nil {
		return out, err
	}
	if err := own(v, cmd.Actor); err != nil {
		return out, err
	}
	h, err := s.house(ctx, v.EstablishmentID)
	if err != nil {
		return out, err
	}
	err = s.do(ctx, cmd, "visit.confirm", &out, func(ctx context.Context, tx *casework.Tx) error {
		h.Now = tx.Now()
		if v.State == Booked || v.State == Requested {
			out = Booking{ID: v.ID, Ref: v.Ref, Code: v.Code}
			return nil
		}
		out, err = s.makeSure(ctx, tx, h, v)
		return err
	})
	return out, s.withNext(ctx, h, v.ask(), err)
}

// makeSure is Confirm inside its transaction.
func (s *Service) makeSure(ctx context.Context, tx *casework.Tx, h house, v Visit) (Booking, error) {
	v, f, err := s.take(ctx, tx, v)
	if err != nil {
		return Booking{}, err
	}
	if v.State != Held || !v.HoldExpiresAt.After(tx.Now()) {
		return Booking{}, fault.Conflict("visit.hold_expired", nil)
	}
	except := []Visit{v}
	var old *Visit
	if v.Replaces != nil {
		was, err := s.visit(ctx, tx, *v.Replaces)
		if err != nil {
			return Booking{}, err
		}
		old = &was
		except = append(except, was)
	}
	ask := v.ask()
	if err := lockPlaces(ctx, tx.Tx, except...); err != nil {
		return Booking{}, err
	}
	party, err := s.party(ctx, tx, h, ask, except...)
	if err != nil {
		return Booking{}, err
	}
	o, err := s.slot(ctx, tx, h, v.OccurrenceID, v.Pool)
	if err != nil {
		return Booking{}, err
	}
	if why := Check(Confirming, h.Frame, o, party); why != "" {
		return Booking{}, refusal(why)
	}
	if o.OnRequest {
		return s.requestIn(ctx, tx, h, v, f)
	}
	if old != nil {
		was, err := tx.Read(ctx, old.ID)
		if err != nil {
			return Booking{}, err
		}
		if _, err := tx.Move(ctx, Life(), was, casework.Move{Event: supersede, Detail: map[string]any{"by": v.ID}}); err != nil {
			return Booking{}, err
		}
	}
	code := Code(s.codes, f.Ref, v.Day)
	if _, err := tx.Exec(ctx, sqlSetCode, v.ID, code); err != nil {
		return Booking{}, fmt.Errorf("set code: %w", err)
	}
	if _, err := tx.Move(ctx, Life(), f, casework.Move{Event: confirm, Rules: h.Rules.Version}); err != nil {
		return Booking{}, err
	}
	v.Code = code
	tellBooked(tx, h, v, old)
	return Booking{ID: v.ID, Ref: f.Ref, Code: code}, nil
}

// withNext adds the next slots to a refusal that another slot would cure.
func (s *Service) withNext(ctx context.Context, h house, ask Ask, err error) error {
	r, ok := errors.AsType[*Refusal](err)
	if !ok || r.Why != Full && r.Why != Closed && r.Why != WeekFull && r.Why != TakenDetainee && r.Why != TakenVisitor {
		return err
	}
	next, e := s.free(ctx, h, ask, 3)
	if e != nil {
		return errors.Join(err, e)
	}
	r.Next = next
	return err
}
