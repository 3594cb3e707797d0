package permit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Appeal asks the parent authority to look at a refusal again, within the days
// that the refusal gave.
func (s *Service) Appeal(ctx context.Context, cmd casework.Command, id int64, version int) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, r, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		rules, err := s.rules(ctx, r, tx.Now())
		if err != nil {
			return err
		}
		if refused, _, err := refusal(ctx, tx, id); err != nil {
			return err
		} else if !refused.IsZero() && !appealable(refused, tx.Now(), rules) {
			return fault.Conflict("permit.appeal_late", text.Params{"days": rules.PermitAppealDays})
		}
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "appeal"}); err != nil {
			return err
		}
		a, err := s.places.Authority(ctx, *f.AuthorityID)
		if err != nil {
			return err
		}
		judge := a.ID
		if a.ParentID != nil {
			judge = *a.ParentID
		}
		due, err := s.places.DueDate(ctx, judge, tx.Now(), rules.PermitWorkingDays)
		if err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "appeal",
			Line: text.L("permit.appealed", text.Params{"ref": text.Ref(f.Ref), "due": due}),
		})
		return tx.Assign(ctx, f, &judge, f.EstablishmentID, &due, nil)
	})
	return err
}

// appealable: the day of the refusal and as many days more as the rules give.
func appealable(refused, now time.Time, rules establishment.Rules) bool {
	return now.Before(refused.AddDate(0, 0, rules.PermitAppealDays+1))
}

// refusal tells when a request was refused and by whom; zero when it was not.
func refusal(ctx context.Context, q querier, id int64) (at time.Time, by int64, err error) {
	err = q.QueryRow(ctx, sqlRefusal, id).Scan(&at, &by)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, 0, nil
	}
	if err != nil {
		return time.Time{}, 0, fmt.Errorf("refusal of request %d: %w", id, err)
	}
	return at, by, nil
}

// Judge ends an appeal. When the refusal falls, a new request for the same
// people replaces it at once, before the authority that judged and under a new
// reference, which the family is texted. Nobody judges a refusal of their own.
func (s *Service) Judge(ctx context.Context, cmd casework.Command, id int64, version int, uphold bool, reason string) error {
	if uphold && !ValidReason(reason) {
		return fault.Invalid("permit.reason_missing", nil)
	}
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, r, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if _, by, err := refusal(ctx, tx, id); err != nil {
			return err
		} else if by == cmd.Actor.ID {
			return fault.Forbidden("permit.own_decision", nil)
		}
		var line text.Line
		if uphold {
			f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "uphold", Reason: reason})
			line = text.L("permit.upheld", text.Params{"ref": text.Ref(f.Ref), "reason": ReasonLabel(reason)})
		} else if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "overturn"}); err == nil {
			line, err = s.reopen(ctx, tx, f, r)
		}
		if err != nil {
			return err
		}
		tx.Tell(message.Outbound{Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "judged", Line: line})
		return tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
	})
	return err
}

// reopen begins the request that replaces an overturned one.
func (s *Service) reopen(ctx context.Context, tx *casework.Tx, old casework.File, r request) (text.Line, error) {
	rules, err := s.rules(ctx, r, tx.Now())
	if err != nil {
		return text.Line{}, err
	}
	due, err := s.places.DueDate(ctx, *old.AuthorityID, tx.Now(), rules.PermitReviewWorkingDays)
	if err != nil {
		return text.Line{}, err
	}
	f, err := tx.Begin(ctx, RequestLife(), casework.Opening{
		AccountID: old.AccountID, AuthorityID: old.AuthorityID, EstablishmentID: old.EstablishmentID, DueAt: &due,
	}, casework.Move{Event: "reopen", Detail: map[string]any{"replaces": old.ID}})
	if err != nil {
		return text.Line{}, err
	}
	claim, err := s.openClaim(old.ID, r.Claim)
	if err != nil {
		return text.Line{}, err
	}
	sealed, hash, err := s.sealClaim(f.ID, claim) // a sealed value is bound to its row
	if err != nil {
		return text.Line{}, err
	}
	var ids []int64
	var relations []string
	for _, v := range r.Visitors {
		ids, relations = append(ids, v.VisitorID), append(relations, v.Relation)
	}
	batch := &pgx.Batch{}
	batch.Queue(sqlInsertRequest, f.ID, r.EstablishmentID, r.DetaineeID, sealed, hash, r.Purpose, r.Hint, r.SubmittedAt, old.ID)
	batch.Queue(sqlInsertRequestVisitors, f.ID, ids, relations)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return text.Line{}, fmt.Errorf("store the request made anew: %w", err)
	}
	return text.L("permit.overturned", text.Params{"ref": text.Ref(old.Ref), "new": text.Ref(f.Ref), "due": due}), nil
}
