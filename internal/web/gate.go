package web

import (
	"slices"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/visit"
)

// gatePage is one field, and the answer that fills the screen.
type gatePage struct {
	House    establishment.Establishment
	Houses   []establishment.Establishment
	Code     string
	Verdict  *visit.Verdict
	People   map[int64]desk.Person
	Detainee *establishment.Detainee
	Reasons  []string
	LeadIn   bool
	AllIn    bool
	Open     bool // visitors may be let in or turned away
}

func (s *Server) gatePage(q *request) error {
	e, err := s.house(q, desk.WorkGate)
	if err != nil {
		return err
	}
	p := gatePage{House: e}
	if p.Houses, err = s.houses(q); err != nil {
		return err
	}
	return q.show("gate", p)
}

func (s *Server) gateLookup(q *request) error { return s.answer(q) }

// answer looks a code up and shows the light. What was put in before stands:
// the same page comes back after each visitor.
func (s *Server) answer(q *request, problems ...problem) error {
	e, err := s.house(q, desk.WorkGate)
	if err != nil {
		return err
	}
	ctx := q.r.Context()
	p := gatePage{House: e, Code: digits(q.field("code")), Reasons: visit.RefuseReasons()}
	v, err := s.Visits.GateLookup(ctx, q.reading("visit.lookup"), e.ID, p.Code)
	if err != nil {
		return err
	}
	p.Verdict = &v
	if v.Visit.EstablishmentID != e.ID { // nothing of another house is shown
		p.Verdict.Guests, p.Verdict.Visit = nil, visit.Visit{}
	}
	if p.Verdict.Visit.ID != 0 {
		d, err := s.Places.Detainee(ctx, v.Visit.DetaineeID)
		if err != nil {
			return err
		}
		p.Detainee = &d
		if p.People, err = s.Desk.People(ctx, v.Visit.Visitors); err != nil {
			return err
		}
		p.Open = v.Visit.Day.Equal(q.today()) && (v.Visit.State == visit.Booked || v.Visit.State == visit.CheckedIn)
		p.AllIn = p.Open
		for _, g := range v.Guests {
			p.LeadIn = p.LeadIn || g.Lead && g.Attendance == "present"
			p.AllIn = p.AllIn && g.Attendance != "expected"
		}
	}
	if p.Houses, err = s.houses(q); err != nil {
		return err
	}
	status := 200
	if len(problems) > 0 {
		status = 422
	}
	return q.render(status, view{Page: "gate", Data: p, Problems: problems})
}

// visitHere is the visit of the form, if it is one of this house and day.
func (s *Server) visitHere(q *request) (visit.Visit, error) {
	e, err := s.house(q, desk.WorkGate)
	if err != nil {
		return visit.Visit{}, err
	}
	v, err := s.Visits.Get(q.r.Context(), q.number("visit"))
	switch {
	case err != nil:
		return v, err
	case v.EstablishmentID != e.ID:
		return v, fault.NotFound("visit.unknown", nil)
	case !v.Day.Equal(q.today()): // nobody is turned away before the day
		return v, fault.Conflict("visit.gate.other_day", nil)
	}
	return v, nil
}

// atGate runs one act on a visit; what stands in the way is told on the same page.
func (s *Server) atGate(q *request, do func(v visit.Visit) error) error {
	v, err := s.visitHere(q)
	if err != nil {
		return err
	}
	if err := do(v); err != nil {
		if k := fault.KindOf(err); k == fault.KindInternal || k == fault.KindUnavailable {
			return err
		}
		return s.answer(q, problem{"code", q.said(err)})
	}
	return s.answer(q)
}

func (s *Server) gateIn(q *request) error {
	return s.atGate(q, func(v visit.Visit) error {
		cmd, err := q.command("visit.check_in")
		if err != nil {
			return err
		}
		return s.Visits.CheckIn(q.r.Context(), cmd, v.ID, q.number("visitor"))
	})
}

// gateSight notes that the originals behind a visitor's permit were seen.
func (s *Server) gateSight(q *request) error {
	return s.atGate(q, func(v visit.Visit) error {
		cmd, err := q.command("permit.sight")
		if err != nil {
			return err
		}
		id, err := s.Desk.PermitAtGate(q.r.Context(), v.ID, q.number("visitor"))
		if err != nil {
			return err
		}
		return s.Permits.Sight(q.r.Context(), cmd, id)
	})
}

// gateKeep lets a flagged visit go on: a supervisor has looked into it.
func (s *Server) gateKeep(q *request) error {
	return s.atGate(q, func(v visit.Visit) error {
		cmd, err := q.command("visit.unflag")
		if err != nil {
			return err
		}
		return s.Visits.Unflag(q.r.Context(), cmd, v.ID, "kept")
	})
}

// gateAway turns one visitor away.
func (s *Server) gateAway(q *request) error {
	return s.atGate(q, func(v visit.Visit) error {
		cmd, err := q.command("visit.turn_away")
		if err != nil {
			return err
		}
		if !slices.Contains(visit.RefuseReasons(), q.field("reason")) {
			return fault.Invalid("web.fault.permit.reason_missing", nil)
		}
		return s.Visits.TurnAway(q.r.Context(), cmd, v.ID, q.number("visitor"), q.field("reason"))
	})
}

func (s *Server) gateRefuse(q *request) error {
	return s.atGate(q, func(v visit.Visit) error {
		cmd, err := q.command("visit.refuse")
		if err != nil {
			return err
		}
		if !slices.Contains(visit.RefuseReasons(), q.field("reason")) {
			return fault.Invalid("web.fault.permit.reason_missing", nil)
		}
		return s.Visits.Refuse(q.r.Context(), cmd, v.ID, q.field("reason"), q.field("note"))
	})
}
