package visit

import (
	"context"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Side says who calls a visit off.
type Side string

// Sides.
const (
	ByFamily   Side = "family"
	ByDetainee Side = "detainee" // through the establishment; the family is told in neutral words
	ByHouse    Side = "house"    // needs a reason that the family reads
)

// Cancellation is one side's wish not to have a visit.
type Cancellation struct {
	Side   Side
	Reason string
	Note   string
}

// late is how shortly before a visit a family's cancelling is noted as late.
const late = 24 * time.Hour

// Cancel calls a visit off and gives the rights back. A hold that was to
// replace it is given up with it. Cancelling what that side has cancelled
// already changes nothing.
func (s *Service) Cancel(ctx context.Context, cmd casework.Command, visitID int64, c Cancellation) error {
	v, err := s.visit(ctx, s.db, visitID)
	if err != nil {
		return err
	}
	if err := own(v, cmd.Actor); err != nil {
		return err
	}
	h, err := s.house(ctx, v.EstablishmentID)
	if err != nil {
		return err
	}
	var next []Slot
	if c.Side == ByHouse {
		ask := v.ask()
		ask.Replaces = v.ID // its right comes back
		if next, err = s.free(ctx, h, ask, offers); err != nil {
			return err
		}
	}
	return s.do(ctx, cmd, "visit.cancel", nil, func(ctx context.Context, tx *casework.Tx) error {
		return s.callOff(ctx, tx, h, v, c, next)
	})
}

// offers is how many other slots a family is told of when the house cancels.
const offers = 2

// callOff is Cancel inside its transaction.
func (s *Service) callOff(ctx context.Context, tx *casework.Tx, h house, v Visit, c Cancellation, next []Slot) error {
	v, f, err := s.take(ctx, tx, v)
	if err != nil {
		return err
	}
	var event casework.Event
	var done casework.State
	switch c.Side {
	case ByFamily:
		event, done = cancel, CancelledFamily
		if v.State == Requested {
			event, done = withdraw, Withdrawn
		}
	case ByDetainee:
		event, done = decline, CancelledDetainee
	case ByHouse:
		event, done = closed, CancelledPrison
	default:
		return fmt.Errorf("cancel visit %d: unknown side %q", v.ID, c.Side)
	}
	if v.State == done {
		return nil
	}
	visits := []Visit{v}
	replacing, err := s.replacing(ctx, tx, v)
	if err != nil {
		return err
	}
	if replacing != nil {
		visits = append(visits, *replacing)
	}
	if err := lockPlaces(ctx, tx.Tx, visits...); err != nil {
		return err
	}
	if v.State == Held { // nobody was told yet that it is sure
		system := casework.Actor{Kind: casework.System, Role: "visit.cancel"}
		_, err := tx.Move(ctx, Life(), f, casework.Move{Event: release, Reason: c.Reason, By: &system})
		return err
	}
	if c.Side == ByFamily && !tx.Now().Before(v.Starts) {
		return fault.Conflict("visit.began", nil)
	}
	if replacing != nil {
		if err := s.drop(ctx, tx, *replacing, release, nil); err != nil {
			return err
		}
	}
	if c.Side == ByFamily && v.Starts.Sub(tx.Now()) < late {
		if _, err := tx.Exec(ctx, sqlSetLate, v.ID); err != nil {
			return fmt.Errorf("note late cancelling: %w", err)
		}
	}
	if _, err := tx.Move(ctx, Life(), f, casework.Move{Event: event, Reason: c.Reason, Note: c.Note}); err != nil {
		return err
	}
	return s.tellCancelled(ctx, tx, h, v, c, next)
}

// replacing finds the hold that was to take a visit's place.
func (s *Service) replacing(ctx context.Context, tx *casework.Tx, v Visit) (*Visit, error) {
	holds, err := s.holdsOf(ctx, tx, v.AccountID)
	if err != nil {
		return nil, err
	}
	for _, hold := range holds {
		if hold.Replaces != nil && *hold.Replaces == v.ID {
			return &hold, nil
		}
	}
	return nil, nil
}

func (s *Service) tellCancelled(ctx context.Context, tx *casework.Tx, h house, v Visit, c Cancellation, next []Slot) error {
	m := message.Outbound{Expires: v.Ends}
	switch {
	case c.Side == ByFamily:
		tell(tx, h, v, "visit.sms.cancelled", nil, m)
	case c.Side == ByDetainee:
		tell(tx, h, v, "visit.sms.declined", text.Params{"phone": h.Phone}, m)
	case len(next) < offers:
		tell(tx, h, v, "visit.sms.closed", text.Params{"reason": reasonLabel(c.Reason)}, m)
	default:
		return s.question(ctx, tx, h, v, "visit.sms.closed_offers", text.Params{
			"reason": reasonLabel(c.Reason),
			"day1":   next[0].Start, "time1": next[0].Start, "day2": next[1].Start, "time2": next[1].Start,
		}, m, EntryOffer, slotArg(next[0].ID), slotArg(next[1].ID))
	}
	return nil
}

func reasonLabel(code string) text.Label { return text.Label("visit.reason." + code) }

// CloseReasons lists the reasons for which an establishment calls visits off.
func CloseReasons() []string {
	return []string{"works", "health", "staff", "security", "feast", "permit", "moved"}
}

// RefuseReasons lists the reasons for turning a party or a visitor away at the
// gate. Those of the house give the right back.
func RefuseReasons() []string {
	return []string{"identity", "late", "permit", "conduct", "object", "house_full", "house_incident"}
}

// houseFault tells whether a gate reason is none of the family's doing.
func houseFault(reason string) bool {
	return reason == "house_full" || reason == "house_incident" || reason == "permit"
}
