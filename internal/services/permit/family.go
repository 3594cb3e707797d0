package permit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Withdraw takes a request back while it is open.
func (s *Service) Withdraw(ctx context.Context, cmd casework.Command, id int64, version int) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, _, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "withdraw"}); err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "withdraw",
			Line: text.L("permit.withdrawn", text.Params{"ref": text.Ref(f.Ref)}),
		})
		return tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
	})
	return err
}

// Correct replaces what the family keyed about the person it wants to see,
// after a clerk could not match it. As with Send, whether the person is found
// now changes nothing the family can see.
func (s *Service) Correct(ctx context.Context, cmd casework.Command, id int64, version int, claim Claim) error {
	f, r, err := s.look(ctx, id)
	if err != nil {
		return err
	}
	acc, err := s.persons.Account(ctx, f.AccountID)
	if err != nil {
		return err
	}
	found, err := s.match(ctx, acc.Country, claim, r.hint(), r.Visitors[0].Relation)
	if err != nil {
		return err
	}
	_, err = s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, r, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if !r.claimUnclear(f) {
			return fault.Conflict("case.state_changed", nil)
		}
		due := tx.Now().Add(*f.ClockLeft)
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "corrected"}); err != nil {
			return err
		}
		sealed, hash, err := s.sealClaim(f.ID, claim)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(sqlCorrectClaim, f.ID, sealed, hash, found.detaineeID, found.establishmentID)
		if found.detaineeID != nil {
			batch.Queue(sqlInsertKinship, f.ID, *found.detaineeID)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("store the corrected claim: %w", err)
		}
		if err := tx.Assign(ctx, f, nil, found.establishmentID, &due, nil); err != nil {
			return err
		}
		f.DueAt, f.ClockLeft = &due, nil
		if found.authorityID != nil {
			if err := s.route(ctx, tx, f, *found.authorityID, found.establishmentID); err != nil {
				return err
			}
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: fmt.Sprintf("corrected-%d", version),
			Line: text.L("permit.corrected", text.Params{"ref": text.Ref(f.Ref), "due": due}),
		})
		return nil
	})
	return err
}

// Again texts the numbers and codes of a request's live permits once more.
func (s *Service) Again(ctx context.Context, cmd casework.Command, id int64) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, err := tx.Read(ctx, id)
		if err != nil {
			return err
		}
		if err := own(f, cmd.Actor); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlPermitsOfRequest, id)
		if err != nil {
			return fmt.Errorf("permits of request %d: %w", id, err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PermitRow])
		if err != nil {
			return fmt.Errorf("permits of request %d: %w", id, err)
		}
		var permits text.Lines
		for _, p := range all {
			if p.State == Active || p.State == PendingSight {
				permits = append(permits, permitLine(p.Ref, p.Code))
			}
		}
		if len(permits) == 0 {
			return fault.Conflict("permit.none_live", nil)
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "again/" + cmd.Key,
			Line: text.L("permit.codes", text.Params{"ref": text.Ref(f.Ref), "permits": permits}),
		})
		return nil
	})
	return err
}

// Status writes where a request of the person stands; ok is false when the
// reference is not one of theirs. Without the PIN it says the state word only.
func (s *Service) Status(ctx context.Context, w form.Who, ref string) (text.Line, bool, error) {
	if w.Account == 0 {
		return text.Line{}, false, nil
	}
	m, ok, err := s.byRef(ctx, w.Account, ref)
	if err != nil || !ok {
		return text.Line{}, false, err
	}
	line, err := s.standing(ctx, w, m)
	return line, err == nil, err
}

func (s *Service) standing(ctx context.Context, w form.Who, m mine) (text.Line, error) {
	p := text.Params{"ref": text.Ref(m.Ref), "state": text.Label("permit.state." + string(m.State))}
	switch {
	case !w.PINGiven:
		return text.L("permit.status", p), nil
	case m.State == InfoNeeded && m.AnswerBy != nil && len(m.Papers) > 0:
		delete(p, "state")
		p["papers"], p["until"] = paperLines(m.Papers), *m.AnswerBy
		return text.L("permit.status_papers", p), nil
	case m.State == InfoNeeded && m.AnswerBy != nil:
		p["until"] = *m.AnswerBy
		return text.L("permit.status_until", p), nil
	case m.DueAt != nil:
		p["due"] = *m.DueAt
		return text.L("permit.status_due", p), nil
	case m.State == Refused || m.State == Upheld:
		var reason string
		if err := s.db.QueryRow(ctx, sqlDecisionReason, m.ID).Scan(&reason); err != nil {
			return text.Line{}, fmt.Errorf("reason of case %d: %w", m.ID, err)
		}
		p["reason"] = ReasonLabel(reason)
		return text.L("permit.status_reason", p), nil
	}
	return text.L("permit.status", p), nil
}
