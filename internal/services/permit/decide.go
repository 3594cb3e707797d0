package permit

import (
	"context"
	"errors"
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

// Kind says how long a permit lasts.
type Kind string

// Kinds of permits.
const (
	Once      Kind = "once"
	Counted   Kind = "visits"
	Period    Kind = "period"
	Permanent Kind = "permanent"
)

// Verdict is the decision about one visitor.
type Verdict struct {
	VisitorID int64
	Grant     bool
	Reason    string // reason code of a refusal
}

// Decision ends a request: a verdict for every visitor, and what is granted.
type Decision struct {
	RequestID   int64
	Version     int // of the case as the decider saw it
	AuthorityID int64
	Verdicts    []Verdict
	Kind        Kind
	From, To    time.Time // civil days; To is zero for a permanent permit
	Visits      int       // for Counted
	Separation  bool      // only behind glass
	Note        string    // for staff eyes
	// Sighted tells that the originals were seen; otherwise the gate asks for them once.
	Sighted bool
}

// Decided is what came of a decision.
type Decided struct {
	Ref     string
	State   casework.State
	Permits []string // references of the permits issued
}

// Decide ends a request and issues its permits; the family is texted in the
// same transaction. A case changed meanwhile is a Conflict.
func (s *Service) Decide(ctx context.Context, cmd casework.Command, in Decision) (Decided, error) {
	var out Decided
	_, err := s.book.Do(ctx, cmd, &out, func(ctx context.Context, tx *casework.Tx) error {
		here, err := present(ctx, tx, in.RequestID)
		if err != nil {
			return err
		}
		f, r, err := s.read(ctx, tx, in.RequestID, in.Version)
		if err != nil {
			return err
		}
		if f.AuthorityID == nil || *f.AuthorityID != in.AuthorityID {
			return fault.Forbidden("permit.other_authority", nil)
		}
		rules, err := s.rules(ctx, r, tx.Now())
		if err != nil {
			return err
		}
		if err := s.check(ctx, tx, in, r, rules, here); err != nil {
			return err
		}
		event, reason := outcome(in.Verdicts)
		f, err = tx.Move(ctx, RequestLife(), f, casework.Move{
			Event: event, Reason: reason, Note: in.Note, Rules: rules.Version,
			Detail: map[string]any{"kind": in.Kind, "visits": in.Visits},
		})
		if err != nil {
			return err
		}
		if err := tx.Assign(ctx, f, f.AuthorityID, f.EstablishmentID, nil, nil); err != nil {
			return err
		}
		if err := storeVerdicts(ctx, tx, in); err != nil {
			return err
		}
		issued, err := s.issue(ctx, tx, f, r, in)
		if err != nil {
			return err
		}
		out = Decided{Ref: f.Ref, State: f.State}
		for _, p := range issued {
			out.Permits = append(out.Permits, p.Number)
		}
		tx.Tell(message.Outbound{
			Account: f.AccountID, Class: message.Decision, CaseID: f.ID, Dedupe: "decided",
			Line: decisionText(f, in, issued, rules),
		})
		return nil
	})
	return out, err
}

// outcome names the event of a set of verdicts and the reason the case carries.
func outcome(verdicts []Verdict) (casework.Event, string) {
	granted := 0
	reason := ""
	for _, v := range verdicts {
		if v.Grant {
			granted++
		} else if reason == "" {
			reason = v.Reason
		}
	}
	switch granted {
	case len(verdicts):
		return "grant_all", ""
	case 0:
		return "refuse", reason
	}
	return "grant_some", reason
}

func (s *Service) check(ctx context.Context, tx *casework.Tx, in Decision, r request, rules establishment.Rules, here bool) error {
	var asked, granted []int64
	for _, v := range in.Verdicts {
		asked = append(asked, v.VisitorID)
		switch {
		case v.Grant:
			granted = append(granted, v.VisitorID)
		case !ValidReason(v.Reason):
			return fault.Invalid("permit.reason_missing", nil)
		}
	}
	slices.Sort(asked)
	if !slices.Equal(asked, r.visitorIDs()) {
		return fault.Invalid("permit.verdict_missing", nil)
	}
	if len(granted) == 0 {
		return nil
	}
	if r.DetaineeID == nil {
		return fault.Conflict("permit.not_matched", nil)
	}
	if !here {
		return fault.Conflict("permit.person_gone", nil)
	}
	if err := in.terms(tx.Now(), rules); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, sqlBannedVisitors, granted, tx.Now(), r.EstablishmentID, r.DetaineeID)
	if err != nil {
		return fmt.Errorf("look for bans: %w", err)
	}
	banned, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("look for bans: %w", err)
	}
	if len(banned) > 0 {
		return fault.Conflict("permit.visitor_banned", nil)
	}
	return nil
}

// terms checks how long and how often a permit is to hold.
func (d Decision) terms(now time.Time, rules establishment.Rules) error {
	switch d.Kind {
	case Once, Period, Permanent:
	case Counted:
		if d.Visits < 1 {
			return fault.Invalid("permit.visits_missing", nil)
		}
	default:
		return fault.Invalid("permit.kind_missing", nil)
	}
	from, to, today := establishment.DayOf(d.From), establishment.DayOf(d.To), establishment.DayOf(now)
	if d.From.IsZero() || from.Before(today.Add(-1)) || today.Add(rules.PermitValidDays).Before(from) {
		return fault.Invalid("permit.from_missing", nil)
	}
	if d.Kind != Permanent && (to.Before(from) || from.Add(rules.PermitValidDays).Before(to)) {
		return fault.Invalid("permit.too_long", text.Params{"days": rules.PermitValidDays})
	}
	return nil
}

// present tells whether the person a request was matched with is still held,
// and keeps it so until the decision stands: movements wait for this lock.
func present(ctx context.Context, tx *casework.Tx, requestID int64) (bool, error) {
	var here bool
	err := tx.QueryRow(ctx, sqlPresent, requestID).Scan(&here)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("person of request %d: %w", requestID, err)
	}
	return here, nil
}

func storeVerdicts(ctx context.Context, tx *casework.Tx, in Decision) error {
	var ids []int64
	var results, reasons []string
	for _, v := range in.Verdicts {
		result, reason := "granted", ""
		if !v.Grant {
			result, reason = "refused", v.Reason
		}
		ids, results, reasons = append(ids, v.VisitorID), append(results, result), append(reasons, reason)
	}
	tag, err := tx.Exec(ctx, sqlDecideVisitors, in.RequestID, ids, results, reasons)
	if err != nil {
		return fmt.Errorf("store verdicts: %w", err)
	}
	if int(tag.RowsAffected()) != len(ids) {
		return fault.Conflict("case.changed", nil)
	}
	return nil
}

// Issued is one permit as the family hears of it.
type Issued struct {
	ID     int64
	Number string
	Code   string
}

func (s *Service) issue(ctx context.Context, tx *casework.Tx, f casework.File, r request, in Decision) ([]Issued, error) {
	var issued []Issued
	event := casework.Event("issue")
	if !in.Sighted {
		event = "issue_unsighted"
	}
	var to *time.Time
	if in.Kind != Permanent {
		to = &in.To
	}
	var visits *int
	switch in.Kind {
	case Once:
		one := 1
		visits = &one
	case Counted:
		visits = &in.Visits
	case Period, Permanent: // not counted
	}
	for _, v := range in.Verdicts { // at most Rules.VisitorsPerRequest
		if !v.Grant {
			continue
		}
		p, err := tx.Begin(ctx, Life(), casework.Opening{AccountID: f.AccountID, AuthorityID: f.AuthorityID, EstablishmentID: r.EstablishmentID},
			casework.Move{Event: event, Detail: map[string]any{"request": f.ID, "visitor": v.VisitorID}})
		if err != nil {
			return nil, err
		}
		code := Code(s.keys, p.Ref, v.VisitorID, to)
		if _, err := tx.Exec(ctx, sqlInsertPermit, p.ID, r.ID, v.VisitorID, r.DetaineeID, code, in.Kind, in.From, to, visits,
			in.Separation, in.AuthorityID, tx.Command().Actor.ID, tx.Now()); err != nil {
			return nil, fmt.Errorf("store permit: %w", err)
		}
		issued = append(issued, Issued{ID: p.ID, Number: p.Ref, Code: code})
	}
	return issued, nil
}

func decisionText(f casework.File, in Decision, issued []Issued, rules establishment.Rules) text.Line {
	var permits text.Lines
	for _, p := range issued {
		permits = append(permits, permitLine(p.Number, p.Code))
	}
	_, reason := outcome(in.Verdicts)
	params := text.Params{"ref": text.Ref(f.Ref), "n": len(issued), "permits": permits}
	switch f.State {
	case Refused:
		return text.L("permit.refused", text.Params{"ref": text.Ref(f.Ref), "reason": ReasonLabel(reason), "days": rules.PermitAppealDays})
	case GrantedPart:
		params["refused"] = len(in.Verdicts) - len(issued)
		params["reason"] = ReasonLabel(reason)
	}
	if in.Kind == Permanent {
		params["until"] = text.Label("permit.no_end")
	} else {
		params["until"] = in.To
	}
	if f.State == GrantedPart {
		return text.L("permit.granted_part", params)
	}
	return text.L("permit.granted", params)
}

func permitLine(number, code string) text.Line {
	return text.L("permit.permit", text.Params{"number": text.Ref(number), "code": text.Ref(code)})
}

// Preview gives the text that a decision would send, with made-up numbers in
// the places of the permits to come.
func (s *Service) Preview(ctx context.Context, in Decision) (text.Line, error) {
	f, r, err := s.look(ctx, in.RequestID)
	if err != nil {
		return text.Line{}, err
	}
	rules, err := s.rules(ctx, r, s.now())
	if err != nil {
		return text.Line{}, err
	}
	event, _ := outcome(in.Verdicts)
	for _, rule := range RequestLife().Rules {
		if rule.From == f.State && rule.Event == event {
			f.State = rule.To
		}
	}
	var issued []Issued
	for _, v := range in.Verdicts {
		if v.Grant {
			issued = append(issued, Issued{Number: "00000000", Code: "00000000"})
		}
	}
	return decisionText(f, in, issued, rules), nil
}
