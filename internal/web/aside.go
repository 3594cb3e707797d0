package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/inbox"
)

type asidePage struct {
	Lines []asideLine
	Page  int
	More  bool
	By    int64 // the newest of them, by which all are named
}

type asideLine struct {
	inbox.Quarantined
	Cause   string // as part of a key
	Version int64  // since when it is set aside, in microseconds
	Tried   int    // times it was handed on in vain
}

// aside lists the texts from people that failed too often.
func (s *Server) aside(q *request) error { return s.showAside(q, http.StatusOK) }

func (s *Server) showAside(q *request, status int, problems ...problem) error {
	p := asidePage{Page: int(q.number("page"))}
	list, more, err := s.Aside.List(q.r.Context(), q.who, p.Page)
	if err != nil {
		return err
	}
	p.More = more
	for _, t := range list {
		l := asideLine{
			Quarantined: t, Cause: strings.ReplaceAll(t.Reason, " ", "_"), Version: t.Since.UnixMicro(), Tried: int(t.Tries) + int(t.Lost),
		}
		p.Lines = append(p.Lines, l)
		p.By = max(p.By, l.Version)
	}
	return q.render(status, view{Page: "aside", Data: p, Problems: problems})
}

// settleAside has a text handed on again, or leaves it, as the button says.
func (s *Server) settleAside(q *request) error {
	do := s.Aside.Leave
	switch q.field("do") {
	case "again":
		do = s.Aside.Again
	case "leave":
	default:
		return fault.Invalid("web.fault.form", nil)
	}
	if _, err := q.command("inbox"); err != nil {
		return err
	}
	err := do(q.r.Context(), q.who, q.field("key"), q.pathNumber("id"), time.UnixMicro(q.number("version")))
	if fault.KindOf(err) == fault.KindConflict { // somebody was quicker: how it stands now
		return s.showAside(q, http.StatusConflict, problem{"", q.said(err)})
	}
	if err != nil {
		return err
	}
	return q.see("/aside")
}

// replayAside has all texts that the page knew of handed on again.
func (s *Server) replayAside(q *request) error {
	if _, err := q.command("inbox.replay_all"); err != nil {
		return err
	}
	if err := s.Aside.AgainAll(q.r.Context(), q.who, q.field("key"), time.UnixMicro(q.number("by"))); err != nil {
		return err
	}
	return q.see("/aside")
}
