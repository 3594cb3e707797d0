package web

import (
	"context"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

// casePage is one case whole: who asks for whom, what was said, what happened.
type casePage struct {
	desk.Standing
	Family   desk.Family
	Guests   []guest
	Detainee *establishment.Detainee
	Request  *permit.View
	Permit   *desk.Paper
	Visit    *visit.Visit
	Office   *establishment.Authority
	Place    *establishment.Establishment
	Texts    textsPart
	History  []desk.Happened
	Buttons  []button
	Taken    bool
}

// guest is one visitor with what was asked and decided.
type guest struct {
	desk.Person
	Age      int
	Relation string
	Result   string
	Reason   string
	Permit   string
}

// button is one thing that may be done now. Direct ones need no page of their own.
type button struct {
	Do     string
	Direct bool
	Main   bool
}

// textsPart is the conversation; a script asks for it again while texts travel.
type textsPart struct {
	Ref    string
	Lines  []desk.Told
	Moving bool
}

func (s *Server) reach(q *request, a desk.Act, machines ...string) (desk.Standing, error) {
	c, err := s.Desk.Reach(q.r.Context(), q.who, chi.URLParam(q.r, "ref"), a)
	if err == nil && len(machines) > 0 && !slices.Contains(machines, c.Machine) {
		err = fault.NotFound("case.unknown", nil)
	}
	return c, err
}

func (s *Server) showCase(q *request) error {
	c, err := s.reach(q, desk.SeeCase)
	if err != nil {
		return err
	}
	p, err := s.loadCase(q, c)
	if err != nil {
		return err
	}
	if p.Texts, err = s.loadTexts(q.r.Context(), c); err != nil {
		return err
	}
	if p.History, err = s.Desk.History(q.r.Context(), c.ID); err != nil {
		return err
	}
	p.Buttons = buttons(c, q.who)
	if p.Visit != nil {
		p.Buttons = visitButtons(p, q)
	}
	p.Taken = c.Taken(q.who)
	return q.show("case", p)
}

// loadCase reads who a case is about, and notes that it was read.
func (s *Server) loadCase(q *request, c desk.Standing) (p casePage, err error) {
	ctx := q.r.Context()
	p.Standing = c
	if err := s.Desk.Read(ctx, q.who, c.Machine, c.ID); err != nil {
		return p, err
	}
	if p.Family, err = s.Desk.Family(ctx, c.AccountID); err != nil {
		return p, err
	}
	var detainee *int64
	var ids []int64
	switch c.Machine {
	case permit.RequestLife().Name:
		r, err := s.Permits.View(ctx, c.ID)
		if err != nil {
			return p, err
		}
		p.Request, detainee = &r, r.Detainee
		for _, v := range r.Visitors {
			g := guest{Relation: v.Relation, Result: v.Result}
			g.ID = v.VisitorID
			if v.ReasonCode != nil {
				g.Reason = *v.ReasonCode
			}
			for _, row := range r.Permits {
				if row.VisitorID == v.VisitorID {
					g.Permit = row.Ref
				}
			}
			p.Guests, ids = append(p.Guests, g), append(ids, v.VisitorID)
		}
	case permit.Life().Name:
		d, err := s.Desk.Permit(ctx, c.ID)
		if err != nil {
			return p, err
		}
		p.Permit, detainee, ids = &d, &d.DetaineeID, []int64{d.VisitorID}
		g := guest{Relation: d.Relation}
		g.ID = d.VisitorID
		p.Guests = []guest{g}
	case visit.Life().Name:
		v, err := s.Visits.Get(ctx, c.ID)
		if err != nil {
			return p, err
		}
		p.Visit, detainee, ids = &v, &v.DetaineeID, v.Visitors
		for _, id := range ids {
			g := guest{}
			g.ID = id
			p.Guests = append(p.Guests, g)
		}
	}
	people, err := s.Desk.People(ctx, ids)
	if err != nil {
		return p, err
	}
	for i, g := range p.Guests {
		p.Guests[i].Person = people[g.ID]
		p.Guests[i].Age = age(people[g.ID], q)
	}
	if detainee != nil {
		d, err := s.Places.Detainee(ctx, *detainee)
		if err != nil {
			return p, err
		}
		p.Detainee = &d
	}
	return p, s.loadPlace(ctx, &p)
}

func (s *Server) loadPlace(ctx context.Context, p *casePage) error {
	if p.AuthorityID != nil {
		a, err := s.Places.Authority(ctx, *p.AuthorityID)
		if err != nil {
			return err
		}
		p.Office = &a
	}
	id := p.EstablishmentID
	if p.Detainee != nil {
		id = &p.Detainee.EstablishmentID
	}
	if id != nil {
		e, err := s.Places.Establishment(ctx, *id)
		if err != nil {
			return err
		}
		p.Place = &e
	}
	return nil
}

func age(p desk.Person, q *request) int {
	now := q.now()
	years := now.Year() - p.BirthDate.Year()
	if now.Month() < p.BirthDate.Month() || now.Month() == p.BirthDate.Month() && now.Day() < p.BirthDate.Day() {
		years--
	}
	return years
}

func (s *Server) loadTexts(ctx context.Context, c desk.Standing) (textsPart, error) {
	lines, err := s.Desk.Texts(ctx, c.ID)
	moving := slices.ContainsFunc(lines, func(t desk.Told) bool {
		return slices.Contains([]string{"queued", "in_doubt", "accepted"}, t.State)
	})
	return textsPart{Ref: c.Ref, Lines: lines, Moving: moving}, err
}

// caseTexts is the conversation alone, for the script that follows the ticks.
func (s *Server) caseTexts(q *request) error {
	c, err := s.reach(q, desk.SeeCase)
	if err != nil {
		return err
	}
	part, err := s.loadTexts(q.r.Context(), c)
	if err != nil {
		return err
	}
	return q.show("texts_part", part)
}

// buttons lists what may be done with a case by the person.
func buttons(c desk.Standing, who desk.Who) []button {
	var out []button
	add := func(do string, a desk.Act, direct, main bool) {
		if who.Role.May(a) && !c.Taken(who) {
			out = append(out, button{do, direct, main})
		}
	}
	switch c.Machine {
	case permit.RequestLife().Name:
		switch c.State {
		case permit.UnderReview:
			add("decide", desk.Decide, false, true)
			add("paper", desk.AskPaper, false, false)
			add("refer", desk.Refer, false, false)
		case permit.Submitted:
			add("match", desk.Match, false, true)
			add("unmatched", desk.Match, true, false)
		case permit.InfoNeeded:
			add("supplied", desk.TakePaper, true, true)
		case permit.Appealed:
			add("judge", desk.Judge, false, true)
		}
		if unanswered(c.State) {
			add("no_object", desk.CloseRequest, false, false)
		}
	case permit.Life().Name:
		switch c.State {
		case permit.Suspended:
			add("lift", desk.SuspendPermit, true, true)
			add("revoke", desk.RevokePermit, false, false)
		case permit.Active:
			add("suspend", desk.SuspendPermit, false, false)
			add("revoke", desk.RevokePermit, false, false)
		case permit.Review:
			add("confirm", desk.Decide, true, true)
			add("revoke", desk.RevokePermit, false, false)
		case permit.PendingSight:
			add("revoke", desk.RevokePermit, false, false)
		}
	}
	return out
}

// conflict takes the person off a case of somebody close.
func (s *Server) conflict(q *request) error {
	c, err := s.reach(q, desk.SeeCase)
	if err != nil {
		return err
	}
	key, err := q.key()
	if err != nil {
		return err
	}
	if err := s.Desk.DeclareClose(q.r.Context(), q.who, key, c); err != nil {
		return err
	}
	return q.see("/inbox")
}

type donePage struct {
	desk.Standing
	What    string
	Permits []permit.PermitRow
	Texts   textsPart
}

// done confirms an act: what is so now, what happens next, how the text travels.
func (s *Server) done(q *request) error {
	c, err := s.reach(q, desk.SeeCase)
	if err != nil {
		if what := q.field("what"); fault.KindOf(err) != fault.KindNotFound || what != "referred" && what != "matched" {
			return err
		}
		return q.show("gone", text.Ref(chi.URLParam(q.r, "ref"))) // referred to somebody else
	}
	p := donePage{Standing: c, What: q.field("what")}
	if !slices.Contains([]string{
		"decided", "paper", "supplied", "matched", "unmatched", "judged", "suspended", "revoked", "lifted", "referred", "confirmed", "no_object",
		"finished", "missed", "excused", "corrected", "accepted", "rejected",
	}, p.What) {
		return q.see("/case/" + c.Ref)
	}
	if c.Machine == permit.RequestLife().Name {
		r, err := s.Permits.View(q.r.Context(), c.ID)
		if err != nil {
			return err
		}
		p.Permits = r.Permits
	}
	if p.Texts, err = s.loadTexts(q.r.Context(), c); err != nil {
		return err
	}
	return q.show("done", p)
}

// printPermit is the sheet that a counter hands out.
func (s *Server) printPermit(q *request) error {
	c, err := s.reach(q, desk.SeeCase, permit.Life().Name)
	if err != nil {
		return err
	}
	p, err := s.loadCase(q, c)
	if err != nil {
		return err
	}
	return q.show("permit", p)
}

// act runs one change of a case under the form's key and goes to what it says.
func (s *Server) act(q *request, a desk.Act, verb, what string, do func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error) error {
	c, err := s.reach(q, a)
	if err != nil {
		return err
	}
	cmd, err := q.command(verb)
	if err != nil {
		return err
	}
	ctx := q.r.Context()
	if err := do(ctx, cmd, c, int(q.number("version"))); err != nil {
		return err
	}
	if err := s.Desk.Release(ctx, q.who, c.ID); err != nil {
		return err
	}
	if back := q.field("back"); back != "" {
		return q.see(inside(back))
	}
	return q.see("/case/" + c.Ref + "/done?what=" + what)
}
