package permit

import (
	"context"
	"fmt"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Withdraw takes a request back while it is open.
func (s *Service) Withdraw(ctx context.Context, cmd casework.Command, id int64, version int) error {
	return s.familyMove(ctx, cmd, id, version, "withdraw", func(f casework.File) text.Line {
		return text.L("permit.withdrawn", text.Params{"ref": text.Ref(f.Ref)})
	})
}

// Appeal asks the parent authority to look at a refusal again.
func (s *Service) Appeal(ctx context.Context, cmd casework.Command, id int64, version int) error {
	return s.familyMove(ctx, cmd, id, version, "appeal", func(f casework.File) text.Line {
		return text.L("permit.appealed", text.Params{"ref": text.Ref(f.Ref)})
	})
}

func (s *Service) familyMove(ctx context.Context, cmd casework.Command, id int64, version int, event casework.Event, say func(casework.File) text.Line) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, _, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if f, err = tx.Move(ctx, RequestLife(), f, casework.Move{Event: event}); err != nil {
			return err
		}
		authority := f.AuthorityID
		if event == "appeal" && authority != nil {
			a, err := s.places.Authority(ctx, *authority)
			if err != nil {
				return err
			}
			if a.ParentID != nil {
				authority = a.ParentID
			}
		}
		if err := tx.Assign(ctx, f, authority, f.EstablishmentID, nil, nil); err != nil {
			return err
		}
		tx.Tell(message.Outbound{Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: string(event), Line: say(f)})
		return nil
	})
	return err
}

// Judge ends an appeal; a decision that falls is made anew as a fresh request
// by the authority that judged.
func (s *Service) Judge(ctx context.Context, cmd casework.Command, id int64, version int, uphold bool, reason string) error {
	_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		f, _, err := s.read(ctx, tx, id, version)
		if err != nil {
			return err
		}
		mv := casework.Move{Event: "overturn"}
		line := text.L("permit.overturned", text.Params{"ref": text.Ref(f.Ref)})
		if uphold {
			mv = casework.Move{Event: "uphold", Reason: reason}
			line = text.L("permit.upheld", text.Params{"ref": text.Ref(f.Ref), "reason": ReasonLabel(reason)})
		}
		if f, err = tx.Move(ctx, RequestLife(), f, mv); err != nil {
			return err
		}
		tx.Tell(message.Outbound{Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "judged", Line: line})
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
