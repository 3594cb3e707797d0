package permit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// AskPapers stops the clock until the family has shown the papers.
func (s *Service) AskPapers(ctx context.Context, cmd casework.Command, id int64, version int, papers []string, note string) error {
	if len(papers) == 0 || slices.ContainsFunc(papers, func(p string) bool { return !slices.Contains(Papers(), p) }) {
		return fault.Invalid("permit.paper_missing", nil)
	}
	mv := casework.Move{Event: "need_paper", Reason: "paper", Note: note, Detail: map[string]any{"papers": papers}}
	return s.waitForFamily(ctx, cmd, id, version, mv, papers, func(f casework.File, until time.Time) text.Line {
		return text.L("permit.need_paper", text.Params{"ref": text.Ref(f.Ref), "papers": paperLines(papers), "until": until})
	})
}

func paperLines(papers []string) text.Lines {
	var all text.Lines
	for _, p := range papers {
		all = append(all, text.L(text.Key(PaperLabel(p)), nil))
	}
	return all
}

// CannotMatch asks the family, in neutral words, to check what it keyed.
func (s *Service) CannotMatch(ctx context.Context, cmd casework.Command, id int64, version int, note string) error {
	return s.waitForFamily(ctx, cmd, id, version, casework.Move{Event: "cannot_match", Reason: "claim_unclear", Note: note}, []string{},
		func(f casework.File, until time.Time) text.Line {
			return text.L("permit.cannot_match", text.Params{"ref": text.Ref(f.Ref), "until": until})
		})
}

func (s *Service) waitForFamily(ctx context.Context, cmd casework.Command, id int64, version int, mv casework.Move, papers []string,
	say func(casework.File, time.Time) text.Line,
) error {
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
		left := clockLeft(f, tx.Now())
		if f, err = tx.Move(ctx, RequestLife(), f, mv); err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(sqlAskPapers, f.ID, papers, until, tx.Now())
		authority := f.AuthorityID
		if mv.Event == "cannot_match" { // whoever it was taken for, it goes back to the clerk
			authority = nil
			batch.Queue(sqlUnmatch, f.ID)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("store what the family is asked for: %w", err)
		}
		if err := tx.Assign(ctx, f, authority, f.EstablishmentID, nil, &left); err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: f.ID,
			Dedupe: fmt.Sprintf("%s-%d", mv.Event, f.Version), Line: say(f, until),
		})
		return nil
	})
	return err
}

// clockLeft is what remains of a running clock, never less than nothing.
func clockLeft(f casework.File, now time.Time) time.Duration {
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
		if f.State != InfoNeeded || r.claimUnclear(f) {
			return fault.Conflict("case.state_changed", nil)
		}
		due := tx.Now().Add(*f.ClockLeft)
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: "supplied"}); err != nil {
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
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Information, CaseID: f.ID,
			Dedupe: fmt.Sprintf("supplied-%d", f.Version), Line: text.L("permit.supplied", text.Params{"ref": text.Ref(f.Ref), "due": due}),
		})
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
		err = s.route(ctx, tx, f, *authority, &d.EstablishmentID)
		return err
	})
	return err
}

// CloseNoObject ends an open request that nothing can come of any more.
func (s *Service) CloseNoObject(ctx context.Context, cmd casework.Command, id int64, version int, reason string) error {
	if !slices.Contains(CloseReasons(), reason) {
		return fault.Invalid("permit.reason_missing", nil)
	}
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, _, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		return closeRequest(ctx, tx, f, casework.Move{Event: "close_no_object", Reason: reason})
	})
	return err
}

func closeRequest(ctx context.Context, tx *casework.Tx, f casework.File, mv casework.Move) error {
	f, err := tx.Move(ctx, RequestLife(), f, mv)
	if err != nil {
		return err
	}
	tx.Tell(message.Outbound{
		Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "no_object",
		Line: text.L("permit.no_object", text.Params{"ref": text.Ref(f.Ref)}),
	})
	return tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil)
}

// Refer hands a request to another authority; the date the family was told
// stays. After as many referrals as the rules allow it only climbs, to the
// parent of the authority that has it.
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
		if f.AuthorityID != nil && *f.AuthorityID == authority {
			return fault.Invalid("permit.same_authority", nil)
		}
		if err := s.mayRefer(ctx, f, r, authority, rules); err != nil {
			return err
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
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Information, CaseID: f.ID, Dedupe: fmt.Sprintf("referred-%d", f.Version),
			Line: text.L("permit.referred", text.Params{"ref": text.Ref(f.Ref), "due": *f.DueAt}),
		})
		return nil
	})
	return err
}

func (s *Service) mayRefer(ctx context.Context, f casework.File, r request, to int64, rules establishment.Rules) error {
	if _, err := s.places.Authority(ctx, to); err != nil {
		return err
	}
	if int(r.Referrals) < rules.PermitReferralsMax || f.AuthorityID == nil {
		return nil
	}
	from, err := s.places.Authority(ctx, *f.AuthorityID)
	if err != nil {
		return err
	}
	if from.ParentID == nil || *from.ParentID != to {
		return fault.Conflict("permit.referred_enough", nil)
	}
	return nil
}
