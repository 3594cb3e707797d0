package web

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

// request is one page being asked for by somebody who is logged in.
type request struct {
	s   *Server
	w   http.ResponseWriter
	r   *http.Request
	who desk.Who
}

const bodyLimit = 64 << 10

// page lets in who has a session and a role for the act, and turns a fault
// into its page.
func (s *Server) page(p route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		limit := int64(bodyLimit)
		if p.upload {
			limit += desk.FileMax
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		who, err := s.resume(r, !p.quiet)
		if err != nil {
			if fault.KindOf(err) != fault.KindForbidden {
				s.logged(r.Context(), "resume a session", err)
			}
			s.toLogin(w, r)
			return
		}
		q := &request{s: s, w: w, r: r, who: who}
		err = who.Allow(p.act)
		if err == nil {
			err = parse(r, p.upload, limit)
		}
		if err == nil {
			err = p.do(q)
		}
		if err != nil {
			q.fail(err)
		}
	}
}

// parse reads the form. A file stays in memory: nothing of it lies on a disk in
// the open.
func parse(r *http.Request, upload bool, limit int64) error {
	read := r.ParseForm
	if upload && r.Method == http.MethodPost {
		read = func() error { return r.ParseMultipartForm(limit) }
	}
	err := read()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) && upload:
		return fault.Invalid("desk.file_too_large", fault.Params{"n": desk.FileMax >> 20}).With(err)
	case err != nil && !errors.Is(err, http.ErrNotMultipart): // a form without a file is read, and lacks it
		return fault.Invalid("web.fault.form", nil).With(err)
	}
	return nil
}

func (q *request) now() time.Time { return q.s.Now().In(q.who.Zone) }

func (q *request) field(name string) string { return strings.TrimSpace(q.r.Form.Get(name)) }

func (q *request) number(name string) int64 {
	n, err := strconv.ParseInt(digits(q.field(name)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (q *request) path(name string) string { return chi.URLParam(q.r, name) }

func (q *request) pathNumber(name string) int64 {
	n, err := strconv.ParseInt(chi.URLParam(q.r, name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// day reads a civil day from a form or an address; ok is false without one.
func (q *request) day(name string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, digits(q.field(name)))
	return t, err == nil
}

// today is the civil day by the clock on the wall, as services take it.
func (q *request) today() time.Time {
	n := q.now()
	return time.Date(n.Year(), n.Month(), n.Day(), 0, 0, 0, 0, time.UTC)
}

// key is the form's own: sent twice, it is done once.
func (q *request) key() (string, error) {
	key := q.field("key")
	if key == "" {
		return "", fault.Invalid("web.fault.form", nil)
	}
	return key, nil
}

// command is the form's, under its key.
func (q *request) command(verb string) (casework.Command, error) {
	key, err := q.key()
	return q.who.Command(verb, key), err
}

// reading is the command of a look that is noted but changes nothing.
func (q *request) reading(verb string) casework.Command { return q.who.Command(verb, desk.Nonce()) }

func (q *request) see(to string) error {
	http.Redirect(q.w, q.r, to, http.StatusSeeOther)
	return nil
}

// view is what every page knows.
type view struct {
	Page     string
	Who      desk.Who
	Nav      []navItem
	Lang     text.Lang
	Key      string // nonce of the page's forms
	Path     string
	Refresh  int
	Watch    string // where the page as it is now can be had, without keeping the session alive
	Problems []problem
	Data     any
	Langs    []text.Lang
}

// problem is one thing to put right, and the field where.
type problem struct {
	Field string
	Line  text.Line
}

type navItem struct {
	Path string
	Key  text.Key
	Here bool
}

func (q *request) nav() []navItem {
	var items []navItem
	for _, n := range []struct {
		path string
		act  desk.Act
	}{
		{"/inbox", desk.SeeInbox},
		{"/timetable", desk.SeeTimetable},
		{"/day", desk.SeeDay},
		{"/wishes", desk.AnswerWish},
		{"/gate", desk.WorkGate},
		{"/missed", desk.CallFamilies},
		{"/register", desk.ImportRegister},
		{"/audit", desk.SeeAudit},
		{"/staff", desk.RunStaff},
		{"/operators", desk.SeeOperators},
		{"/aside", desk.SettleTexts},
	} {
		if q.who.Role.May(n.act) {
			items = append(items, navItem{n.path, text.Key("web.nav." + n.path[1:]), strings.HasPrefix(q.r.URL.Path, n.path)})
		}
	}
	return items
}

func (q *request) show(page string, data any) error {
	return q.render(http.StatusOK, view{Page: page, Data: data})
}

// again shows a form once more with what is to be put right.
func (q *request) again(page string, data any, problems ...problem) error {
	return q.render(http.StatusUnprocessableEntity, view{Page: page, Data: data, Problems: problems})
}

func (q *request) render(status int, v view) error {
	v.Who, v.Lang, v.Nav, v.Langs, v.Path = q.who, q.who.Lang, q.nav(), text.Staff(), q.r.URL.Path
	v.Key = desk.Nonce()
	return q.s.write(q.w, status, setKey{q.who.Lang, q.who.Zone}, v)
}

func (s *Server) write(w http.ResponseWriter, status int, k setKey, v view) error {
	set, err := s.set(k)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := set.ExecuteTemplate(&out, v.Page, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader went away
	return nil
}

var statuses = map[fault.Kind]int{
	fault.KindInvalid:     http.StatusUnprocessableEntity,
	fault.KindNotFound:    http.StatusNotFound,
	fault.KindConflict:    http.StatusConflict,
	fault.KindForbidden:   http.StatusForbidden,
	fault.KindUnavailable: http.StatusServiceUnavailable,
	fault.KindInternal:    http.StatusInternalServerError,
}

// failure is the page of an error: what happened, what to do next.
type failure struct {
	Word string // the kind, as part of a key
	Line text.Line
	Ref  string // of the case, to go back to
}

func (q *request) fail(err error) {
	kind := fault.KindOf(err)
	if errors.Is(err, errNoPage) {
		kind = fault.KindNotFound
	}
	f := failure{Word: kindWord(kind), Line: q.said(err)}
	if ref := chi.URLParam(q.r, "ref"); kind == fault.KindConflict && casework.ValidRef(ref) {
		f.Ref = ref
	}
	if kind == fault.KindInternal {
		q.s.logged(q.r.Context(), q.r.Method+" page", err)
	}
	if err := q.render(statuses[kind], view{Page: "failure", Data: f}); err != nil {
		q.s.logged(q.r.Context(), "show a failure", err)
		http.Error(q.w, "", http.StatusInternalServerError)
	}
}

// said is the sentence of a fault for staff. A case that somebody else has
// moved says who and when.
func (q *request) said(err error) text.Line {
	line := fault.LineOf(err)
	ref := chi.URLParam(q.r, "ref")
	if (line.Key == "case.changed" || line.Key == "case.state_changed") && casework.ValidRef(ref) {
		if name, at, err := q.s.Desk.LastMove(q.r.Context(), ref); err == nil && name != "" {
			return text.L("web.fault.changed_by", text.Params{"name": name, "date": at.In(q.who.Zone), "time": at.In(q.who.Zone)})
		}
	}
	if errors.Is(err, errNoPage) {
		return text.L("web.kind.not_found", nil)
	}
	if own := "web.fault." + line.Key; q.s.Texts.Has(own) {
		return text.L(own, line.Params)
	}
	if line.Key != "" && q.s.Texts.Has(line.Key) {
		return line
	}
	return text.L(text.Key("web.kind."+kindWord(fault.KindOf(err))), nil)
}

func kindWord(k fault.Kind) string { return strings.ReplaceAll(k.String(), " ", "_") }
