package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

type registerPage struct {
	House        establishment.Establishment
	Houses       []establishment.Establishment
	Imports      []desk.Import
	Needed, More []string
}

func (s *Server) loadRegister(q *request) (p registerPage, err error) {
	if p.House, err = s.house(q, desk.ImportRegister); err != nil {
		return p, err
	}
	columns := establishment.Columns()
	p.Needed, p.More = columns[:4], columns[4:]
	if p.Imports, err = s.Imports.Of(q.r.Context(), q.who, p.House.ID); err != nil {
		return p, err
	}
	p.Houses, err = s.houses(q)
	return p, err
}

func (s *Server) registerPage(q *request) error {
	p, err := s.loadRegister(q)
	if err != nil {
		return err
	}
	return q.show("register", p)
}

// handIn stores a file and shows how far it has got; the work is not this
// request's.
func (s *Server) handIn(q *request) error {
	p, err := s.loadRegister(q)
	if err != nil {
		return err
	}
	in, _, err := q.r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return q.again("register", p, problem{"file", text.L("web.fault.file_missing", nil)})
	}
	if err != nil {
		return fault.Invalid("web.fault.form", nil).With(err)
	}
	defer func() { _ = in.Close() }()
	file, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read a file: %w", err)
	}
	key, err := q.key()
	if err != nil {
		return err
	}
	id, err := s.Imports.Hand(q.r.Context(), q.who, key, p.House.ID, file)
	if fault.KindOf(err) == fault.KindInvalid && err != nil {
		return q.again("register", p, problem{"file", q.said(err)})
	}
	if err != nil {
		return err
	}
	return q.see(fmt.Sprintf("/register/%d", id))
}

type importPage struct {
	desk.Import
	House establishment.Establishment
}

// showImport tells how far a file has got, and looks again by itself until it
// has been taken.
func (s *Server) showImport(q *request) error {
	one, err := s.Imports.Import(q.r.Context(), q.who, q.pathNumber("id"))
	if err != nil {
		return err
	}
	p := importPage{Import: one}
	if p.House, err = s.Places.Establishment(q.r.Context(), one.EstablishmentID); err != nil {
		return err
	}
	v := view{Page: "import", Data: p}
	if one.FinishedAt == nil {
		v.Refresh = 2
	}
	return q.render(http.StatusOK, v)
}
