package permit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Suspend stops a permit until it is lifted; the visits that stood on it are
// cancelled in the same transaction.
func (s *Service) Suspend(ctx context.Context, cmd casework.Command, permitID int64, version int, reason string) error {
	return s.fall(ctx, cmd, permitID, version, "suspend", reason, func(f casework.File, _ int) text.Line {
		return text.L("permit.suspended", text.Params{"number": text.Ref(f.Ref), "reason": ReasonLabel(reason)})
	})
}

// Revoke ends a permit; the visits that stood on it are cancelled in the same
// transaction.
func (s *Service) Revoke(ctx context.Context, cmd casework.Command, permitID int64, version int, reason string) error {
	return s.fall(ctx, cmd, permitID, version, "revoke", reason, func(f casework.File, days int) text.Line {
		return text.L("permit.revoked", text.Params{"number": text.Ref(f.Ref), "reason": ReasonLabel(reason), "days": days})
	})
}

func (s *Service) fall(ctx context.Context, cmd casework.Command, id int64, version int, event casework.Event, reason string,
	say func(f casework.File, appealDays int) text.Line,
) error {
	if !slices.Contains(FallReasons(), reason) {
		return fault.Invalid("permit.reason_missing", nil)
	}
	callOff, err := s.visits.Resting(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, err := s.hold(ctx, tx, id, version)
		if err != nil {
			return err
		}
		rules, err := s.rulesAt(ctx, f.EstablishmentID, tx.Now())
		if err != nil {
			return err
		}
		if err := callOff(ctx, tx); err != nil {
			return err
		}
		if f, err = tx.Move(ctx, Life(), f, casework.Move{Event: event, Reason: reason}); err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: id, Dedupe: fmt.Sprintf("%s-%d", event, f.Version),
			Line: say(f, rules.PermitAppealDays),
		})
		return tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
	})
	return err
}

// Lift makes a suspended permit valid again.
func (s *Service) Lift(ctx context.Context, cmd casework.Command, id int64, version int) error {
	return s.restore(ctx, cmd, id, version, "lift")
}

// Confirm makes a permit under review valid again.
func (s *Service) Confirm(ctx context.Context, cmd casework.Command, id int64, version int) error {
	return s.restore(ctx, cmd, id, version, "confirm")
}

func (s *Service) restore(ctx context.Context, cmd casework.Command, id int64, version int, event casework.Event) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, err := s.hold(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if f, err = tx.Move(ctx, Life(), f, casework.Move{Event: event}); err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: id, Dedupe: fmt.Sprintf("%s-%d", event, f.Version),
			Line: text.L("permit.lifted", text.Params{"number": text.Ref(f.Ref)}),
		})
		return tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
	})
	return err
}

// Sight notes that the originals behind a permit were seen; one seen before is
// left as it is.
func (s *Service) Sight(ctx context.Context, cmd casework.Command, id int64) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, err := tx.Read(ctx, id)
		if err != nil {
			return err
		}
		if f.Machine != Life().Name {
			return fault.NotFound("case.unknown", nil)
		}
		if f.State == Active {
			return nil
		}
		_, err = tx.Move(ctx, Life(), f, casework.Move{Event: "sight"})
		return err
	})
	return err
}

// hold locks a permit for a change in the order that bookings lock: account,
// person, permit, the permit's case.
func (s *Service) hold(ctx context.Context, tx *casework.Tx, id int64, version int) (casework.File, error) {
	var account, person int64
	err := tx.QueryRow(ctx, sqlHolder, id).Scan(&account, &person)
	if errors.Is(err, pgx.ErrNoRows) {
		return casework.File{}, fault.NotFound("case.unknown", nil)
	}
	if err != nil {
		return casework.File{}, fmt.Errorf("read permit %d: %w", id, err)
	}
	batch := &pgx.Batch{}
	batch.Queue(sqlLockAccount, account)
	batch.Queue(sqlLockPerson, person)
	batch.Queue(sqlLockPermits, []int64{id})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return casework.File{}, fmt.Errorf("lock permit %d: %w", id, err)
	}
	f, err := tx.Read(ctx, id)
	if err == nil && f.Version != version {
		err = fault.Conflict("case.changed", nil)
	}
	return f, err
}
