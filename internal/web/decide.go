package web

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/text"
)

// decidePage is the decision form with what has been filled in.
type decidePage struct {
	casePage
	Verdicts map[int64]permit.Verdict
	Answered map[int64]bool
	Kind     permit.Kind
	From, To string
	Visits   string
	Glass    bool
	Sighted  bool
	Note     string
	Reasons  []string
	Kinds    []permit.Kind
	MaxDays  int
}

func (s *Server) loadDecision(q *request, a desk.Act) (p decidePage, rules establishment.Rules, err error) {
	c, err := s.reach(q, a, permit.RequestLife().Name)
	if err != nil {
		return p, rules, err
	}
	if c.State != permit.UnderReview {
		return p, rules, fault.Conflict("case.state_changed", nil)
	}
	if p.casePage, err = s.loadCase(q, c); err != nil {
		return p, rules, err
	}
	if rules, err = s.rulesOf(q.r.Context(), p.casePage); err != nil {
		return p, rules, err
	}
	p.Reasons, p.MaxDays = permit.Reasons(), rules.PermitValidDays
	p.Kinds = []permit.Kind{permit.Period, permit.Counted, permit.Once, permit.Permanent}
	return p, rules, nil
}

func (s *Server) rulesOf(ctx context.Context, p casePage) (establishment.Rules, error) {
	if p.Place != nil {
		return s.Places.Rules(ctx, p.Place.ID, s.Now())
	}
	return s.Places.CountryRules(ctx, p.Country, s.Now())
}

// decidePage opens the form and keeps others from it for a while. The keys of
// the inbox open it with every visitor granted or refused.
func (s *Server) decidePage(q *request) error {
	p, rules, err := s.loadDecision(q, desk.Decide)
	if err != nil {
		return err
	}
	if err := s.Desk.Claim(q.r.Context(), q.who, p.Standing); err != nil {
		return err
	}
	p.Verdicts, p.Answered = map[int64]permit.Verdict{}, map[int64]bool{}
	if all := q.field("all"); all == "grant" || all == "refuse" {
		for _, g := range p.Guests {
			p.Verdicts[g.ID] = permit.Verdict{VisitorID: g.ID, Grant: all == "grant"}
			p.Answered[g.ID] = true
		}
	}
	today := q.today()
	p.Kind = permit.Period
	p.From, p.To = today.Format(time.DateOnly), today.AddDate(0, 0, rules.PermitValidDays).Format(time.DateOnly)
	return q.show("decide", p)
}

// read fills the page from the form and makes the decision of it, or tells
// what has to be put right.
func (p *decidePage) read(q *request) (permit.Decision, []problem) {
	var wrong []problem
	p.Verdicts, p.Answered = map[int64]permit.Verdict{}, map[int64]bool{}
	d := permit.Decision{RequestID: p.ID, Version: int(q.number("version")), AuthorityID: *p.AuthorityID}
	granted := 0
	for _, g := range p.Guests {
		id := strconv.FormatInt(g.ID, 10)
		answer := q.field("v" + id)
		v := permit.Verdict{VisitorID: g.ID, Grant: answer == "grant"}
		switch answer {
		case "grant":
			granted++
		case "refuse":
			if v.Reason = q.field("r" + id); !permit.ValidReason(v.Reason) {
				wrong = append(wrong, problem{"r" + id, text.L("web.fault.permit.reason_missing", nil)})
			}
		default:
			wrong = append(wrong, problem{"v" + id, text.L("web.fault.permit.verdict_missing", nil)})
		}
		p.Verdicts[g.ID], p.Answered[g.ID] = v, answer != ""
		d.Verdicts = append(d.Verdicts, v)
	}
	p.Kind, p.From, p.To = permit.Kind(q.field("kind")), q.field("from"), q.field("to")
	p.Visits, p.Glass, p.Sighted, p.Note = q.field("visits"), q.field("glass") != "", q.field("sighted") != "", q.field("note")
	d.Kind, d.Visits, d.Separation, d.Sighted, d.Note = p.Kind, int(q.number("visits")), p.Glass, p.Sighted, p.Note
	if granted > 0 {
		wrong = append(wrong, p.readValidity(q, &d)...)
	}
	return d, wrong
}

func (p *decidePage) readValidity(q *request, d *permit.Decision) (wrong []problem) {
	if p.Detainee == nil {
		wrong = append(wrong, problem{"kind", text.L("web.fault.permit.not_matched", nil)})
	}
	if !slices.Contains(p.Kinds, d.Kind) {
		return append(wrong, problem{"kind", text.L("web.fault.kind_missing", nil)})
	}
	if d.Kind == permit.Counted && (d.Visits < 1 || d.Visits > 500) {
		wrong = append(wrong, problem{"visits", text.L("web.fault.permit.visits_missing", nil)})
	}
	var ok bool
	if d.From, ok = q.day("from"); !ok {
		wrong = append(wrong, problem{"from", text.L("web.fault.date_missing", nil)})
	}
	if d.Kind == permit.Permanent {
		return wrong
	}
	if d.To, ok = q.day("to"); !ok {
		return append(wrong, problem{"to", text.L("web.fault.date_missing", nil)})
	}
	switch {
	case d.To.Before(d.From):
		wrong = append(wrong, problem{"to", text.L("web.fault.dates_crossed", nil)})
	case d.To.After(d.From.AddDate(0, 0, p.MaxDays)):
		wrong = append(wrong, problem{"to", text.L("web.fault.permit.too_long", text.Params{"days": p.MaxDays})})
	}
	return wrong
}

// checkPage shows a decision before it is taken, with the very text that goes out.
type checkPage struct {
	decidePage
	Decision permit.Decision
	SMS      string
	Parts    int
	Lang     text.Lang
	Hidden   []hidden
}

type hidden struct{ Name, Value string }

func (s *Server) checkDecision(q *request) error {
	p, _, err := s.loadDecision(q, desk.Decide)
	if err != nil {
		return err
	}
	d, wrong := p.read(q)
	if len(wrong) > 0 {
		return q.again("decide", p, wrong...)
	}
	if d.Version != p.Version {
		return fault.Conflict("case.changed", nil)
	}
	line, err := s.Permits.Preview(q.r.Context(), d)
	if err != nil {
		return err
	}
	out := checkPage{decidePage: p, Decision: d, Lang: p.Family.Lang, Hidden: carried(q.r.PostForm)}
	out.SMS, out.Parts = desk.AsSent(s.Texts.Write(p.Family.Lang, line))
	return q.show("check", out)
}

// carried is a form's content for the next page, without its key.
func carried(form url.Values) []hidden {
	var out []hidden
	for name, values := range form {
		if name != "key" && len(values) > 0 {
			out = append(out, hidden{name, values[0]})
		}
	}
	slices.SortFunc(out, func(a, b hidden) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (s *Server) decide(q *request) error {
	if q.field("change") != "" {
		return s.changeDecision(q)
	}
	// The case may be decided already, by this very form sent twice: the
	// command's key tells, not the page.
	c, err := s.reach(q, desk.Decide, permit.RequestLife().Name)
	if err != nil {
		return err
	}
	p := decidePage{Reasons: permit.Reasons(), Kinds: []permit.Kind{permit.Period, permit.Counted, permit.Once, permit.Permanent}}
	p.casePage, err = s.loadCase(q, c)
	if err != nil {
		return err
	}
	rules, err := s.rulesOf(q.r.Context(), p.casePage)
	if err != nil {
		return err
	}
	p.MaxDays = rules.PermitValidDays
	d, wrong := p.read(q)
	if len(wrong) > 0 {
		return q.again("decide", p, wrong...)
	}
	return s.act(q, desk.Decide, "permit.decide", "decided", func(ctx context.Context, cmd casework.Command, _ desk.Standing, _ int) error {
		_, err := s.Permits.Decide(ctx, cmd, d)
		return err
	})
}

// changeDecision goes back from the check with everything as it was.
func (s *Server) changeDecision(q *request) error {
	p, _, err := s.loadDecision(q, desk.Decide)
	if err != nil {
		return err
	}
	p.read(q)
	return q.show("decide", p)
}

type paperPage struct {
	casePage
	Papers []string
	Chosen string
	Note   string
	Days   int
}

func (s *Server) loadPaper(q *request) (paperPage, error) {
	p, rules, err := s.loadDecision(q, desk.AskPaper)
	return paperPage{casePage: p.casePage, Papers: permit.Papers(), Days: rules.PermitPaperDays, Chosen: q.field("paper"), Note: q.field("note")}, err
}

func (s *Server) paperPage(q *request) error {
	p, err := s.loadPaper(q)
	if err != nil {
		return err
	}
	return q.show("paper", p)
}

func (s *Server) askPaper(q *request) error {
	if !slices.Contains(permit.Papers(), q.field("paper")) {
		p, err := s.loadPaper(q)
		if err != nil {
			return err
		}
		return q.again("paper", p, problem{"paper", text.L("web.fault.permit.paper_missing", nil)})
	}
	return s.act(q, desk.AskPaper, "permit.need_paper", "paper", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.AskPapers(ctx, cmd, c.ID, version, []string{q.field("paper")}, q.field("note"))
	})
}

func (s *Server) supplied(q *request) error {
	return s.act(q, desk.TakePaper, "permit.supplied", "supplied", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		return s.Permits.Supplied(ctx, cmd, c.ID, version)
	})
}

type referPage struct {
	casePage
	Offices []establishment.Authority
	Reasons []string
	To      int64
	Reason  string
}

func (s *Server) loadRefer(q *request) (referPage, error) {
	p, _, err := s.loadDecision(q, desk.Refer)
	if err != nil {
		return referPage{}, err
	}
	out := referPage{casePage: p.casePage, Reasons: permit.ReferReasons(), To: q.number("to"), Reason: q.field("reason")}
	if p.Place == nil {
		return out, nil
	}
	all, err := s.Places.Authorities(q.r.Context(), p.Place.ID)
	for _, a := range all {
		if p.AuthorityID == nil || a.ID != *p.AuthorityID {
			out.Offices = append(out.Offices, a)
		}
	}
	return out, err
}

func (s *Server) referPage(q *request) error {
	p, err := s.loadRefer(q)
	if err != nil {
		return err
	}
	return q.show("refer", p)
}

func (s *Server) refer(q *request) error {
	var wrong []problem
	if q.number("to") == 0 {
		wrong = append(wrong, problem{"to", text.L("web.fault.office_missing", nil)})
	}
	if !slices.Contains(permit.ReferReasons(), q.field("reason")) {
		wrong = append(wrong, problem{"reason", text.L("web.fault.permit.reason_missing", nil)})
	}
	if len(wrong) > 0 {
		p, err := s.loadRefer(q)
		if err != nil {
			return err
		}
		return q.again("refer", p, wrong...)
	}
	return s.act(q, desk.Refer, "permit.refer", "referred", func(ctx context.Context, cmd casework.Command, c desk.Standing, version int) error {
		if c.EstablishmentID == nil {
			return fault.Conflict("permit.no_authority", nil)
		}
		offices, err := s.Places.Authorities(ctx, *c.EstablishmentID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(offices, func(a establishment.Authority) bool { return a.ID == q.number("to") }) {
			return fault.Invalid("web.fault.office_missing", nil).With(fmt.Errorf("authority %d", q.number("to")))
		}
		return s.Permits.Refer(ctx, cmd, c.ID, version, q.number("to"), q.field("reason"))
	})
}
