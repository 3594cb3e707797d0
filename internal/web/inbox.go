package web

import (
	"slices"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

type inboxPage struct {
	desk.Inbox
	View  desk.View
	Views []desk.View
	Lines []inboxLine
	Page  int
}

type inboxLine struct {
	desk.Row
	Due      desk.Due
	Used     int
	Mine     bool
	CanGrant bool
}

func (s *Server) inbox(q *request) error {
	v := desk.View(q.field("view"))
	if !slices.Contains(desk.Views(), v) {
		v = desk.ToDo
	}
	p := inboxPage{View: v, Views: desk.Views(), Page: int(q.number("page"))}
	var err error
	if p.Inbox, err = s.Desk.Inbox(q.r.Context(), q.who, v, p.Page); err != nil {
		return err
	}
	now := q.now()
	for _, r := range p.Rows {
		p.Lines = append(p.Lines, inboxLine{
			Row: r, Due: r.Due(now), Used: r.Used(now), Mine: r.ClaimedBy == q.who.StaffID,
			CanGrant: q.who.Role.May(desk.Decide) && r.State == "UNDER_REVIEW",
		})
	}
	return q.show("inbox", p)
}

// find opens a case by the reference that a family reads out.
func (s *Server) find(q *request) error {
	ref := digits(q.field("ref"))
	if !casework.ValidRef(ref) {
		return fault.Invalid("web.fault.mistyped_ref", text.Params{"ref": text.Ref(ref)})
	}
	return q.see("/case/" + ref)
}
