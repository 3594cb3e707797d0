package web

import (
	"encoding/hex"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
)

type auditPage struct {
	Filter desk.TrailFilter
	Rows   []desk.TrailRow
	Next   int64
	Report *casework.Report
	Head   string
}

func (s *Server) loadAudit(q *request) (auditPage, error) {
	p := auditPage{Filter: desk.TrailFilter{Before: q.number("before"), Ref: digits(q.field("ref")), Login: q.field("login"), Action: q.field("action")}}
	rows, more, err := s.Desk.Trail(q.r.Context(), q.who, p.Filter)
	p.Rows = rows
	if more {
		p.Next = rows[len(rows)-1].ID
	}
	return p, err
}

func (s *Server) audit(q *request) error {
	p, err := s.loadAudit(q)
	if err != nil {
		return err
	}
	return q.show("audit", p)
}

// verify computes the whole chain again and says what it found.
func (s *Server) verify(q *request) error {
	key, err := q.key()
	if err != nil {
		return err
	}
	report, err := s.Desk.VerifyTrail(q.r.Context(), q.who, key)
	if err != nil {
		return err
	}
	p, err := s.loadAudit(q)
	if err != nil {
		return err
	}
	p.Report, p.Head = &report, hex.EncodeToString(report.Head.Hash)
	return q.show("audit", p)
}
