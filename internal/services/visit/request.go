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

// answerHour is when, on the eve of a visit, a wish must have been answered.
const answerHour = 20

// requestIn makes a held place a wish that the establishment has to answer.
func (s *Service) requestIn(ctx context.Context, tx *casework.Tx, h house, v Visit, f casework.File) (Booking, error) {
	f, err := tx.Move(ctx, Life(), f, casework.Move{Event: request, Rules: h.Rules.Version})
	if err != nil {
		return Booking{}, err
	}
	start := v.Starts.In(h.Zone)
	due := time.Date(start.Year(), start.Month(), start.Day()-1, answerHour, 0, 0, 0, h.Zone)
	if due.Before(tx.Now()) {
		due = start
	}
	if err := tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, &due, nil); err != nil {
		return Booking{}, err
	}
	tell(tx, h, v, "visit.sms.requested", text.Params{"until": due, "hour": due}, message.Outbound{Expires: due})
	return Booking{ID: v.ID, Ref: f.Ref}, nil
}

// Requests lists the wishes an establishment has to answer, the most urgent first.
func (s *Service) Requests(ctx context.Context, establishmentID int64) ([]Listed, error) {
	return s.listed(ctx, sqlRequests, establishmentID)
}

// Accept makes a wish a booking, by the rules as they are now.
func (s *Service) Accept(ctx context.Context, cmd casework.Command, visitID int64) (Booking, error) {
	var out Booking
	v, h, err := s.before(ctx, visitID)
	if err != nil {
		return out, err
	}
	err = s.do(ctx, cmd, "visit.accept", &out, func(ctx context.Context, tx *casework.Tx) error {
		h.Now = tx.Now()
		v, f, err := s.take(ctx, tx, v)
		if err != nil {
			return err
		}
		party, err := s.party(ctx, tx, h, v.ask(), v)
		if err != nil {
			return err
		}
		o, err := s.slot(ctx, tx, h, v.OccurrenceID, v.Pool)
		if err != nil {
			return err
		}
		if why := Check(Confirming, h.Frame, o, party); why != "" {
			return refusal(why)
		}
		v.Code = Code(s.codes, v.Ref, v.Day)
		if _, err := tx.Exec(ctx, sqlSetCode, v.ID, v.Code); err != nil {
			return fmt.Errorf("set code: %w", err)
		}
		if f, err = tx.Move(ctx, Life(), f, casework.Move{Event: accept, Rules: h.Rules.Version}); err != nil {
			return err
		}
		if err := tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil); err != nil {
			return err
		}
		tellBooked(tx, h, v, nil)
		out = Booking{ID: v.ID, Ref: v.Ref, Code: v.Code}
		return nil
	})
	return out, err
}

// Reject refuses a wish; the reason is one the family can read.
func (s *Service) Reject(ctx context.Context, cmd casework.Command, visitID int64, reason, note string) error {
	v, h, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	return s.settle(ctx, cmd, "visit.reject", v, func(ctx context.Context, tx *casework.Tx, v Visit, f casework.File) error {
		if _, err := tx.Move(ctx, Life(), f, casework.Move{Event: reject, Reason: reason, Note: note}); err != nil {
			return err
		}
		tell(tx, h, v, "visit.sms.rejected", text.Params{"reason": reasonLabel(reason), "phone": h.Phone}, message.Outbound{Expires: v.Ends})
		return nil
	})
}

// RejectReasons lists why an establishment can't meet a wish; the family reads it.
func RejectReasons() []string { return []string{"staff", "works", "health", "security", "permit"} }

// LapseRequests ends the wishes that nobody answered in time. It is the
// establishment's failure and costs the family nothing.
func (s *Service) LapseRequests(ctx context.Context) error {
	due, err := s.read(ctx, s.db, sqlUnanswered, s.now())
	if err != nil {
		return err
	}
	houses := map[int64]house{}
	for _, v := range due {
		h, err := s.houseOnce(ctx, houses, v.EstablishmentID)
		if err != nil {
			return err
		}
		err = s.settle(ctx, timer("visit.lapse", v.ID), "visit.lapse", v, func(ctx context.Context, tx *casework.Tx, v Visit, f casework.File) error {
			if _, err := tx.Move(ctx, Life(), f, casework.Move{Event: lapse}); err != nil {
				return err
			}
			tell(tx, h, v, "visit.sms.unanswered", text.Params{"phone": h.Phone}, message.Outbound{Expires: v.Ends})
			return nil
		})
		if err != nil && fault.KindOf(err) != fault.KindConflict { // answered at the last minute
			return fmt.Errorf("lapse request %d: %w", v.ID, err)
		}
	}
	return nil
}
