package web

import (
	"context"
	"slices"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// visitButtons lists what may be done with a visit by the person.
func visitButtons(p casePage, q *request) []button {
	v, now := *p.Visit, q.now()
	if p.Standing.Taken(q.who) {
		return nil
	}
	var out []button
	if q.who.Role.May(desk.AnswerWish) && v.State == visit.Requested {
		out = append(out, button{"accept", true, true}, button{"reject", false, false})
	}
	if !q.who.Role.May(desk.SettleVisit) {
		return out
	}
	if v.State == visit.CheckedIn {
		out = append(out, button{"finish", true, true})
	}
	if v.MayMiss(now) {
		out = append(out, button{"missed", true, true})
	}
	if v.State == visit.NoShow && !v.Excused {
		out = append(out, button{"excuse", false, true})
	}
	if v.MayCorrect(now) {
		out = append(out, button{"correct", false, false})
	}
	return out
}

// settle runs one act on a visit whose state it does not version.
func (s *Server) settle(q *request, a desk.Act, verb, what string, do func(ctx context.Context, cmd casework.Command, id int64) error) error {
	return s.act(q, a, verb, what, func(ctx context.Context, cmd casework.Command, c desk.Standing, _ int) error {
		if c.Machine != visit.Life().Name {
			return fault.NotFound("case.unknown", nil)
		}
		return do(ctx, cmd, c.ID)
	})
}

// finish ends a visit; without a word about it, it went as it should.
func (s *Server) finish(q *request) error {
	outcome := q.field("outcome")
	if outcome == "" {
		outcome = visit.Outcomes()[0]
	}
	return s.settle(q, desk.SettleVisit, "visit.finish", "finished", func(ctx context.Context, cmd casework.Command, id int64) error {
		if !slices.Contains(visit.Outcomes(), outcome) {
			return fault.Invalid("web.fault.form", nil)
		}
		return s.Visits.Finish(ctx, cmd, id, outcome)
	})
}

func (s *Server) missed(q *request) error {
	return s.settle(q, desk.SettleVisit, "visit.miss", "missed", func(ctx context.Context, cmd casework.Command, id int64) error {
		return s.Visits.Missed(ctx, cmd, id)
	})
}

func (s *Server) accept(q *request) error {
	return s.settle(q, desk.AnswerWish, "visit.accept", "accepted", func(ctx context.Context, cmd casework.Command, id int64) error {
		_, err := s.Visits.Accept(ctx, cmd, id)
		return err
	})
}

// visitAct is an act on a visit that needs a reason.
type visitAct struct {
	act     desk.Act
	reasons []string
	open    func(visit.Visit, *request) bool
}

func visitActs(do string) visitAct {
	switch do {
	case "excuse":
		return visitAct{desk.SettleVisit, visit.ExcuseReasons(), func(v visit.Visit, _ *request) bool { return v.State == visit.NoShow && !v.Excused }}
	case "correct":
		return visitAct{desk.SettleVisit, visit.CorrectReasons(), func(v visit.Visit, q *request) bool { return v.MayCorrect(q.now()) }}
	}
	return visitAct{desk.AnswerWish, visit.RejectReasons(), func(v visit.Visit, _ *request) bool { return v.State == visit.Requested }}
}

type visitActPage struct {
	casePage
	Do      string
	Reasons []string
	Reason  string
	Note    string
}

// visitPage asks why a missed visit is excused, an outcome set right or a wish
// turned down.
func (s *Server) visitPage(do string) func(*request) error {
	a := visitActs(do)
	return func(q *request) error {
		c, err := s.reach(q, a.act, visit.Life().Name)
		if err != nil {
			return err
		}
		p, err := s.loadCase(q, c)
		if err != nil {
			return err
		}
		if !a.open(*p.Visit, q) {
			return fault.Conflict("case.state_changed", nil)
		}
		data := visitActPage{p, do, a.reasons, q.field("reason"), q.field("note")}
		if q.r.Method == "POST" {
			return q.again("visit_act", data, problem{"reason", text.L("web.fault.permit.reason_missing", nil)})
		}
		return q.show("visit_act", data)
	}
}

// because runs an act whose reason is one of its list, or asks for it again.
func (s *Server) because(q *request, do, verb, what string, run func(ctx context.Context, cmd casework.Command, id int64) error) error {
	a := visitActs(do)
	if !slices.Contains(a.reasons, q.field("reason")) {
		return s.visitPage(do)(q)
	}
	return s.settle(q, a.act, verb, what, run)
}

func (s *Server) excuse(q *request) error {
	return s.because(q, "excuse", "visit.excuse", "excused", func(ctx context.Context, cmd casework.Command, id int64) error {
		return s.Visits.Excuse(ctx, cmd, id, q.field("reason"))
	})
}

// correct sets an outcome right; the service wants another person for it.
func (s *Server) correct(q *request) error {
	return s.because(q, "correct", "visit.correct", "corrected", func(ctx context.Context, cmd casework.Command, id int64) error {
		return s.Visits.Correct(ctx, cmd, id, q.field("reason"), q.field("note"))
	})
}

func (s *Server) reject(q *request) error {
	return s.because(q, "reject", "visit.reject", "rejected", func(ctx context.Context, cmd casework.Command, id int64) error {
		return s.Visits.Reject(ctx, cmd, id, q.field("reason"), q.field("note"))
	})
}

type wishesPage struct {
	House  establishment.Establishment
	Houses []establishment.Establishment
	Wishes []visit.Listed
	People map[int64]desk.Person
	Here   string
}

// wishes are the visits asked for where the house answers each one.
func (s *Server) wishes(q *request) error {
	e, err := s.house(q, desk.AnswerWish)
	if err != nil {
		return err
	}
	ctx := q.r.Context()
	p := wishesPage{House: e, Here: q.r.URL.RequestURI()}
	if p.Wishes, err = s.Visits.Requests(ctx, e.ID); err != nil {
		return err
	}
	ids := make([]int64, len(p.Wishes))
	for i, v := range p.Wishes {
		ids[i] = v.ID
	}
	if err := s.Desk.ReadList(ctx, q.who, "wishes", e.ID, ids); err != nil {
		return err
	}
	if p.People, err = s.guests(q, p.Wishes); err != nil {
		return err
	}
	if p.Houses, err = s.houses(q); err != nil {
		return err
	}
	return q.show("wishes", p)
}
