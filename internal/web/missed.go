package web

import "github.com/wasl-sms/wasl/internal/desk"

type missedPage struct {
	Lines []desk.Missed
	Page  int
	More  bool
}

// notReached lists the families whom a text did not reach.
func (s *Server) notReached(q *request) error {
	p := missedPage{Page: int(q.number("page"))}
	var err error
	if p.Lines, p.More, err = s.Desk.NotReached(q.r.Context(), q.who, p.Page); err != nil {
		return err
	}
	return q.show("missed", p)
}

// called notes that a family has been told by voice.
func (s *Server) called(q *request) error {
	key, err := q.key()
	if err != nil {
		return err
	}
	if err := s.Desk.Called(q.r.Context(), q.who, key, s.Calls, q.pathNumber("id")); err != nil {
		return err
	}
	return q.see("/missed")
}
