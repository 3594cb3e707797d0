package web

import (
	"context"
	"slices"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

type matchPage struct {
	casePage
	Searched string
	Found    []establishment.Detainee
}

func (s *Server) loadMatch(q *request) (matchPage, error) {
	c, err := s.reach(q, desk.Match, permit.RequestLife().Name)
	if err != nil {
		return matchPage{}, err
	}
	if c.State != permit.Submitted {
		return matchPage{}, fault.Conflict("case.state_changed", nil)
	}
	p, err := s.loadCase(q, c)
	return matchPage{casePage: p}, err
}

func (s *Server) matchPage(q *request) error {
	p, err := s.loadMatch(q)
	if err != nil {
		return err
	}
	return q.show("match", p)
}

// match searches the register by number, or takes the person found.
func (s *Server) match(q *request) error {
	if detainee := q.number("detainee"); detainee != 0 {
		return s.act(q, desk.Match, "permit.match", "matched", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
			return s.Permits.Match(ctx, cmd, c.ID, version, detainee)
		})
	}
	p, err := s.loadMatch(q)
	if err != nil {
		return err
	}
	if p.Searched = digits(q.field("number")); p.Searched == "" {
		return q.again("match", p, problem{"number", text.L("web.fault.number_missing", nil)})
	}
	if p.Found, err = s.Desk.FindDetainee(q.r.Context(), q.who, p.Standing, p.Searched); err != nil {
		return err
	}
	return q.show("match", p)
}

func (s *Server) cannotMatch(q *request) error {
	return s.act(q, desk.Match, "permit.cannot_match", "unmatched", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.CannotMatch(ctx, cmd, c.ID, version, q.field("note"))
	})
}

// noObjectPage asks why nothing can come of a request any more.
func (s *Server) noObjectPage(q *request) error {
	c, err := s.reach(q, desk.CloseRequest, permit.RequestLife().Name)
	if err != nil {
		return err
	}
	if !unanswered(c.State) {
		return fault.Conflict("case.state_changed", nil)
	}
	p, err := s.loadCase(q, c)
	if err != nil {
		return err
	}
	f := fallingPage{p, "no_object", permit.CloseReasons()}
	if q.r.Method == "POST" {
		return q.again("fall", f, problem{"reason", text.L("web.fault.permit.reason_missing", nil)})
	}
	return q.show("fall", f)
}

// unanswered tells whether a request still waits for an answer.
func unanswered(s casework.State) bool {
	return slices.Contains([]casework.State{permit.Submitted, permit.UnderReview, permit.InfoNeeded, permit.Opinion}, s)
}

func (s *Server) noObject(q *request) error {
	if !slices.Contains(permit.CloseReasons(), q.field("reason")) {
		return s.noObjectPage(q)
	}
	return s.act(q, desk.CloseRequest, "permit.no_object", "no_object", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.CloseNoObject(ctx, cmd, c.ID, version, q.field("reason"))
	})
}

type judgePage struct {
	casePage
	Reasons []string
	Verdict string
	Reason  string
}

func (s *Server) loadJudge(q *request) (judgePage, error) {
	c, err := s.reach(q, desk.Judge, permit.RequestLife().Name)
	if err != nil {
		return judgePage{}, err
	}
	if c.State != permit.Appealed {
		return judgePage{}, fault.Conflict("case.state_changed", nil)
	}
	p, err := s.loadCase(q, c)
	return judgePage{casePage: p, Reasons: permit.Reasons(), Verdict: q.field("verdict"), Reason: q.field("reason")}, err
}

func (s *Server) judgePage(q *request) error {
	p, err := s.loadJudge(q)
	if err != nil {
		return err
	}
	return q.show("judge", p)
}

func (s *Server) judge(q *request) error {
	verdict, reason := q.field("verdict"), q.field("reason")
	var wrong []problem
	switch {
	case verdict != "uphold" && verdict != "overturn":
		wrong = append(wrong, problem{"verdict", text.L("web.fault.permit.verdict_missing", nil)})
	case verdict == "uphold" && !permit.ValidReason(reason):
		wrong = append(wrong, problem{"reason", text.L("web.fault.permit.reason_missing", nil)})
	}
	if len(wrong) > 0 {
		p, err := s.loadJudge(q)
		if err != nil {
			return err
		}
		return q.again("judge", p, wrong...)
	}
	return s.act(q, desk.Judge, "permit.judge", "judged", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.Judge(ctx, cmd, c.ID, version, verdict == "uphold", reason)
	})
}

type fallingPage struct {
	casePage
	Do      string
	Reasons []string
}

// fallPage asks why a permit is to be suspended or revoked.
func (s *Server) fallPage(do string) func(*request) error {
	act := desk.RevokePermit
	if do == "suspend" {
		act = desk.SuspendPermit
	}
	return func(q *request) error {
		c, err := s.reach(q, act, permit.Life().Name)
		if err != nil {
			return err
		}
		p, err := s.loadCase(q, c)
		if err != nil {
			return err
		}
		f := fallingPage{p, do, permit.FallReasons()}
		if q.r.Method == "POST" {
			return q.again("fall", f, problem{"reason", text.L("web.fault.permit.reason_missing", nil)})
		}
		return q.show("fall", f)
	}
}

func (s *Server) suspend(q *request) error {
	if !slices.Contains(permit.FallReasons(), q.field("reason")) {
		return s.fallPage("suspend")(q)
	}
	return s.act(q, desk.SuspendPermit, "permit.suspend", "suspended", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.Suspend(ctx, cmd, c.ID, version, q.field("reason"))
	})
}

func (s *Server) revoke(q *request) error {
	if !slices.Contains(permit.FallReasons(), q.field("reason")) {
		return s.fallPage("revoke")(q)
	}
	return s.act(q, desk.RevokePermit, "permit.revoke", "revoked", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.Revoke(ctx, cmd, c.ID, version, q.field("reason"))
	})
}

func (s *Server) lift(q *request) error {
	return s.act(q, desk.SuspendPermit, "permit.lift", "lifted", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.Lift(ctx, cmd, c.ID, version)
	})
}

// confirm keeps a permit that was under review.
func (s *Server) confirm(q *request) error {
	return s.act(q, desk.Decide, "permit.confirm", "confirmed", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.Confirm(ctx, cmd, c.ID, version)
	})
}
