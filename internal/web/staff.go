package web

import (
	"slices"
	"time"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

func (s *Server) staff(q *request) error {
	all, err := s.Desk.Members(q.r.Context(), q.who)
	if err != nil {
		return err
	}
	return q.show("staff", all)
}

func (s *Server) changeStaff(q *request) error {
	key, err := q.key()
	if err != nil {
		return err
	}
	id := q.pathNumber("id")
	switch q.field("do") {
	case "unlock":
		err = s.Desk.Unlock(q.r.Context(), q.who, key, id)
	case "shut":
		err = s.Desk.SetActive(q.r.Context(), q.who, key, id, false)
	case "open":
		err = s.Desk.SetActive(q.r.Context(), q.who, key, id, true)
	default:
		err = fault.Invalid("web.fault.form", nil)
	}
	if err != nil {
		return err
	}
	return q.see("/staff")
}

type newStaffPage struct {
	Login, Name string
	Lang        text.Lang
	Langs       []text.Lang
}

func (s *Server) newStaffPage(q *request) error {
	return q.show("staff_new", newStaffPage{Lang: q.who.Lang, Langs: text.Staff()})
}

// newStaff makes an account and shows, once, what it is opened with.
func (s *Server) newStaff(q *request) error {
	p := newStaffPage{q.field("login"), q.field("name"), text.Lang(q.field("lang")), text.Staff()}
	if p.Name == "" {
		return q.again("staff_new", p, problem{"name", text.L("web.fault.name_missing", nil)})
	}
	if !slices.Contains(p.Langs, p.Lang) {
		return fault.Invalid("web.fault.desk.no_such_language", nil)
	}
	key, err := q.key()
	if err != nil {
		return err
	}
	out, err := s.Desk.Enrol(q.r.Context(), q.who, key, desk.Staff{Login: p.Login, Name: p.Name, Lang: p.Lang})
	if k := fault.KeyOf(err); k == "desk.login_taken" || k == "desk.bad_staff" {
		return q.again("staff_new", p, problem{"login", q.said(err)})
	}
	if err != nil {
		return err
	}
	return q.show("issued", out)
}

// renewKeys gives a new password and a new secret and shows them once.
func (s *Server) renewKeys(q *request) error {
	key, err := q.key()
	if err != nil {
		return err
	}
	out, err := s.Desk.Reissue(q.r.Context(), q.who, key, q.pathNumber("id"))
	if err != nil {
		return err
	}
	return q.show("issued", out)
}

type memberPage struct {
	desk.Member
	Roles []desk.Role
	Now   time.Time
	Own   bool
}

func (s *Server) member(q *request) error {
	m, err := s.Desk.Member(q.r.Context(), q.who, q.pathNumber("id"))
	if err != nil {
		return err
	}
	return q.show("member", memberPage{m, desk.AllRoles(), s.Now(), m.ID == q.who.StaffID})
}

type grantPage struct {
	desk.Member
	Role              desk.Role
	Posts             []desk.Post
	Post              int64
	From, To, Trained string
}

func (s *Server) loadGrant(q *request) (grantPage, error) {
	ctx := q.r.Context()
	p := grantPage{Role: desk.Role(q.field("role")), Post: q.number("post"), From: q.field("from"), To: q.field("to"), Trained: q.field("trained")}
	if !slices.Contains(desk.AllRoles(), p.Role) {
		return p, fault.Invalid("web.fault.form", nil)
	}
	var err error
	if p.Member, err = s.Desk.Member(ctx, q.who, q.pathNumber("id")); err != nil {
		return p, err
	}
	p.Posts, err = s.Desk.Posts(ctx, q.who, p.Role)
	return p, err
}

func (s *Server) grantPage(q *request) error {
	p, err := s.loadGrant(q)
	if err != nil {
		return err
	}
	p.From = q.today().Format(time.DateOnly)
	return q.show("grant", p)
}

// read turns the form into a grant: days are those of the post's own clock,
// and the last one counts.
func (p grantPage) read(q *request) (g desk.Grant, wrong []problem) {
	g.Role = p.Role
	zone := q.who.Zone
	i := slices.IndexFunc(p.Posts, func(each desk.Post) bool { return each.ID == p.Post })
	switch {
	case i >= 0:
		if loc, err := time.LoadLocation(p.Posts[i].TZ); err == nil {
			zone = loc
		}
		if p.Role == desk.Authority {
			g.AuthorityID = p.Post
		} else {
			g.EstablishmentID = p.Post
		}
	case len(p.Posts) > 0:
		wrong = append(wrong, problem{"post", text.L("web.fault.post_missing", nil)})
	}
	midnight := func(d time.Time) time.Time { return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, zone) }
	from, ok := q.day("from")
	if !ok {
		return g, append(wrong, problem{"from", text.L("web.fault.date_missing", nil)})
	}
	g.From = midnight(from)
	if last, ok := q.day("to"); ok {
		if last.Before(from) {
			wrong = append(wrong, problem{"to", text.L("web.fault.dates_crossed", nil)})
		}
		g.To = midnight(last.AddDate(0, 0, 1))
	}
	if day, ok := q.day("trained"); ok {
		g.TrainedOn = day
	}
	return g, wrong
}

func (s *Server) grant(q *request) error {
	p, err := s.loadGrant(q)
	if err != nil {
		return err
	}
	g, wrong := p.read(q)
	if len(wrong) > 0 {
		return q.again("grant", p, wrong...)
	}
	key, err := q.key()
	if err != nil {
		return err
	}
	err = s.Desk.Appoint(q.r.Context(), q.who, key, p.ID, g)
	if fault.KeyOf(err) == "desk.bad_grant" {
		return q.again("grant", p, problem{"from", q.said(err)})
	}
	if err != nil {
		return err
	}
	return q.see("/staff/" + q.path("id"))
}

// changeGrant ends a grant or notes its training.
func (s *Server) changeGrant(q *request) error {
	key, err := q.key()
	if err != nil {
		return err
	}
	ctx, id, grant := q.r.Context(), q.pathNumber("id"), q.pathNumber("grant")
	switch q.field("do") {
	case "end":
		err = s.Desk.EndGrant(ctx, q.who, key, id, grant)
	case "train":
		day, ok := q.day("trained")
		if !ok {
			return fault.Invalid("web.fault.date_missing", nil)
		}
		err = s.Desk.Train(ctx, q.who, key, id, grant, day)
	default:
		err = fault.Invalid("web.fault.form", nil)
	}
	if err != nil {
		return err
	}
	return q.see("/staff/" + q.path("id"))
}
