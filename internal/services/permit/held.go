package permit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// held is a permit as stored.
type held struct {
	ID          int64
	RequestID   int64
	VisitorID   int64
	DetaineeID  int64
	Code        string
	Kind        string
	ValidFrom   time.Time
	ValidTo     *time.Time
	AuthorityID int64
	Ref         string
	AccountID   int64
}

// Suspend stops a permit until it is lifted; the visits that stood on it are
// cancelled in the same transaction.
func (s *Service) Suspend(ctx context.Context, cmd casework.Command, permitID int64, version int, reason string) error {
	return s.fall(ctx, cmd, permitID, version, "suspend", reason, func(p held) text.Line {
		return text.L("permit.suspended", text.Params{"number": text.Ref(p.Ref), "reason": ReasonLabel(reason)})
	})
}

// Revoke ends a permit; the visits that stood on it are cancelled in the same
// transaction.
func (s *Service) Revoke(ctx context.Context, cmd casework.Command, permitID int64, version int, reason string) error {
	rules, err := s.places.DefaultRules(ctx, s.now())
	if err != nil {
		return err
	}
	return s.fall(ctx, cmd, permitID, version, "revoke", reason, func(p held) text.Line {
		return text.L("permit.revoked", text.Params{"number": text.Ref(p.Ref), "reason": ReasonLabel(reason), "days": rules.PermitAppealDays})
	})
}

func (s *Service) fall(ctx context.Context, cmd casework.Command, id int64, version int, event casework.Event, reason string, say func(held) text.Line) error {
	if !slices.Contains(FallReasons(), reason) {
		return fault.Invalid("permit.reason_missing", nil)
	}
	callOff, err := s.visits.Resting(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		p, f, err := s.held(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if err := callOff(ctx, tx); err != nil {
			return err
		}
		if f, err = tx.Move(ctx, Life(), f, casework.Move{Event: event, Reason: reason}); err != nil {
			return err
		}
		tx.Tell(message.Outbound{Account: p.AccountID, Class: message.Decision, CaseID: id, Dedupe: fmt.Sprintf("%s-%d", event, f.Version), Line: say(p)})
		return nil
	})
	return err
}

// Lift makes a suspended permit valid again.
func (s *Service) Lift(ctx context.Context, cmd casework.Command, id int64, version int) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		p, f, err := s.held(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if f, err = tx.Move(ctx, Life(), f, casework.Move{Event: "lift"}); err != nil {
			return err
		}
		tx.Tell(message.Outbound{Account: p.AccountID, Class: message.Decision, CaseID: id, Dedupe: fmt.Sprintf("lift-%d", f.Version),
			Line: text.L("permit.lifted", text.Params{"number": text.Ref(p.Ref)})})
		return nil
	})
	return err
}

// held locks a permit before its case, in the order every booking takes them.
func (s *Service) held(ctx context.Context, tx *casework.Tx, id int64, version int) (held, casework.File, error) {
	rows, err := tx.Query(ctx, sqlPermitForUpdate, id)
	if err != nil {
		return held{}, casework.File{}, fmt.Errorf("read permit %d: %w", id, err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[held])
	if errors.Is(err, pgx.ErrNoRows) {
		return held{}, casework.File{}, fault.NotFound("case.unknown", nil)
	}
	if err != nil {
		return held{}, casework.File{}, fmt.Errorf("read permit %d: %w", id, err)
	}
	f, err := tx.Read(ctx, id)
	if err == nil && f.Version != version {
		err = fault.Conflict("case.changed", nil)
	}
	return p, f, err
}
