package permit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// AskPapers stops the clock until the family has shown the papers.
func (s *Service) AskPapers(ctx context.Context, cmd casework.Command, id int64, version int, papers []string, note string) error {
	if len(papers) == 0 || slices.ContainsFunc(papers, func(p string) bool { return !slices.Contains(Papers(), p) }) {
		return fault.Invalid("permit.paper_missing", nil)
	}
	return s.waitForFamily(ctx, cmd, id, version, casework.Move{Event: "need_paper", Reason: papers[0], Note: note}, papers,
		func(f casework.File, until time.Time) text.Line {
			return text.L("permit.need_paper", text.Params{"ref": text.Ref(f.Ref), "paper": PaperLabel(papers[0]), "until": until})
		})
}

// CannotMatch asks the family, in neutral words, to check what it keyed.
func (s *Service) CannotMatch(ctx context.Context, cmd casework.Command, id int64, version int, note string) error {
	return s.waitForFamily(ctx, cmd, id, version, casework.Move{Event: "cannot_match", Reason: "claim_unclear", Note: note}, []string{},
		func(f casework.File, until time.Time) text.Line {
			return text.L("permit.cannot_match", text.Params{"ref": text.Ref(f.Ref), "until": until})
		})
}

func (s *Service) waitForFamily(ctx context.Context, cmd casework.Command, id int64, version int, mv casework.Move, papers []string,
	say func(casework.File, time.Time) text.Line) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, r, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		rules, err := s.rules(ctx, r, tx.Now())
		if err != nil {
			return err
		}
		until := tx.Now().AddDate(0, 0, rules.PermitPaperDays)
		left := s.clockLeft(f, tx.Now())
		if f, err = tx.Move(ctx, RequestLife(), f, mv); err != nil {
			return err
		}
		if err := tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, &left); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlAskPapers, f.ID, papers, until); err != nil {
			return fmt.Errorf("store papers asked for: %w", err)
		}
		tx.Tell(message.Outbound{Account: f.AccountID, Class: message.Decision, CaseID: f.ID,
			Dedupe: fmt.Sprintf("%s-%d", mv.Event, f.Version), Line: say(f, until)})
		return nil
	})
	return err
}

// clockLeft is what remains of a running clock, never less than nothing.
func (s *Service) clockLeft(f casework.File, now time.Time) time.Duration {
	if f.DueAt == nil {
		return 0
	}
	return max(0, f.DueAt.Sub(now))
}

// Supplied takes the papers as sighted at a counter; the clock goes on.
func (s *Service) Supplied(ctx context.Context, cmd casework.Command, id int64, version int) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, r, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		event := casework.Event("supplied")
		if f.AuthorityID == nil {
			event = "corrected"
		}
		due := tx.Now()
		if f.ClockLeft != nil {
			due = due.Add(*f.ClockLeft)
		}
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: event}); err != nil {
			return err
		}
		if err := tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, &due, nil); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(sqlInsertDocuments, f.AccountID, f.ID, r.Papers, tx.Command().Actor.ID, tx.Now())
		batch.Queue(sqlPapersIn, f.ID)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("store papers: %w", err)
		}
		tx.Tell(message.Outbound{Account: f.AccountID, Class: message.Information, CaseID: f.ID,
			Dedupe: fmt.Sprintf("supplied-%d", f.Version), Line: text.L("permit.supplied", text.Params{"ref": text.Ref(f.Ref), "due": due})})
		return nil
	})
	return err
}

// Match names the person in the register whom a request is about and hands it
// to the authority that decides for that person.
func (s *Service) Match(ctx context.Context, cmd casework.Command, id int64, version int, detaineeID int64) error {
	d, err := s.places.Detainee(ctx, detaineeID)
	if err != nil {
		return err
	}
	_, err = s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, r, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		authority, err := s.authority(ctx, d, r.hint(), r.Visitors[0].Relation)
		if err != nil {
			return err
		}
		if authority == nil {
			return fault.Conflict("permit.no_authority", nil)
		}
		batch := &pgx.Batch{}
		batch.Queue(sqlMatch, f.ID, d.ID, d.EstablishmentID)
		batch.Queue(sqlInsertKinship, f.ID, d.ID)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("store match: %w", err)
		}
		_, err = s.route(ctx, tx, f, *authority, &d.EstablishmentID)
		return err
	})
	return err
}

// Refer hands a request to another authority; the date the family was told stays.
func (s *Service) Refer(ctx context.Context, cmd casework.Command, id int64, version int, authority int64, reason string) error {
	if !slices.Contains(ReferReasons(), reason) {
		return fault.Invalid("permit.reason_missing", nil)
	}
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, r, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		rules, err := s.rules(ctx, r, tx.Now())
		if err != nil {
			return err
		}
		if r.Referrals >= int16(rules.PermitReferralsMax) {
			return fault.Conflict("permit.referred_enough", nil)
		}
		if f.AuthorityID != nil && *f.AuthorityID == authority {
			return fault.Invalid("permit.same_authority", nil)
		}
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "refer", Reason: reason, Detail: map[string]any{"authority": authority}}); err != nil {
			return err
		}
		if err := tx.Assign(ctx, f, &authority, f.EstablishmentID, f.DueAt, f.ClockLeft); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlReferred, f.ID); err != nil {
			return fmt.Errorf("count referral: %w", err)
		}
		tx.Tell(message.Outbound{Account: f.AccountID, Class: message.Information, CaseID: f.ID, Dedupe: fmt.Sprintf("referred-%d", f.Version),
			Line: text.L("permit.referred", text.Params{"ref": text.Ref(f.Ref), "due": *f.DueAt})})
		return nil
	})
	return err
}
