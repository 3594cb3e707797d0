package aggregator

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/flood"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/ussd"
)

const (
	mostBody  = 16 << 10
	mostName  = 200  // octets of a session's name
	mostInput = 2000 // and of all that was keyed in it
	// Longest is the longest an aggregator waits for us.
	Longest = 10 * time.Second
)

// Dialogue answers one step of a USSD session. It always answers.
type Dialogue interface {
	Step(ctx context.Context, operator string, b ussd.Budget, r ussd.Request) ussd.Reply
}

// Endpoint is where one aggregator calls us.
type Endpoint struct {
	Operator string
	Region   string // whose local form its numbers may have
	Code     string // what is dialled, where a request does not say
	Path     string // "/ussd/NAME"
	Format   Format
	Door     Door
	Budget   ussd.Budget
	Deadline time.Duration // for an answer
	Limits   Limits
}

// Config is what a Handler stands on.
type Config struct {
	// Find gives the endpoint that a path belongs to. It is asked at each
	// request, so that endpoints may change.
	Find     func(path string) (*Endpoint, bool)
	Dialogue Dialogue
	Apology  func() string // shown where there is nobody to talk to
	Busy     func() string // shown where a phone or its aggregator asks too much
	Metrics  *Metrics      // may be nil
	Log      *slog.Logger  // may be nil
	Now      func() time.Time
}

// Handler serves all endpoints.
type Handler struct {
	cfg     Config
	recent  recent
	phones  flood.Buckets[string] // by operator and number
	refused flood.Buckets[string] // by address
	paces   paces
	numbers private.Reader
}

// New makes a Handler.
func New(cfg Config) (*Handler, error) {
	if cfg.Find == nil || cfg.Dialogue == nil || cfg.Apology == nil || cfg.Busy == nil {
		return nil, errors.New("aggregator: Find, Dialogue, Apology and Busy are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Handler{cfg: cfg}, nil
}

// ServeHTTP answers one step, or says with an HTTP status that what came is
// none: aggregators end the session then.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := h.cfg.Now()
	e, ok := h.cfg.Find(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	c, status, why := h.read(w, r, e)
	if why != "" {
		h.refuse(w, r, e, status, why)
		return
	}
	outcome, kind := h.answer(w, r, e, c)
	h.cfg.Metrics.called(e.Operator, outcome, kind, h.cfg.Now().Sub(started))
	if c.ended != "" {
		h.cfg.Metrics.ended(e.Operator, c.ended)
	}
}

// read lets a caller in and reads its message. why says what is wrong with it.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, e *Endpoint) (c call, status int, why string) {
	if !e.Door.admits(r) {
		return c, http.StatusForbidden, "address"
	}
	if !slices.Contains(e.Format.methods, r.Method) {
		w.Header().Set("Allow", strings.Join(e.Format.methods, ", "))
		return c, http.StatusMethodNotAllowed, "method"
	}
	m := message{rest: strings.TrimPrefix(r.URL.Path, e.Path), query: r.URL.Query(), code: e.Code}
	var err error
	if m.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody)); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return c, http.StatusRequestEntityTooLarge, "too_large"
		}
		return c, http.StatusBadRequest, "cut_off"
	}
	if !e.Door.knows(r, m) {
		return c, http.StatusForbidden, "secret"
	}
	if c, err = e.Format.decode(m); err != nil {
		h.cfg.Log.LogAttrs(r.Context(), slog.LevelDebug, "aggregator request not read", slog.String("operator", e.Operator), slog.Any("error", err))
		return c, http.StatusBadRequest, "malformed"
	}
	if len(c.request.SessionID) > mostName || len(c.request.Input)+len(c.request.Code) > mostInput {
		return c, http.StatusBadRequest, "too_large"
	}
	return c, 0, ""
}

// refuse says no, and notes by whom, but not each time of somebody who asks
// again and again: what is right is still heard from the same address.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, e *Endpoint, status int, why string) {
	h.cfg.Metrics.called(e.Operator, why, "none", 0)
	from, _ := e.Door.from(r)
	if !h.refused.Allow(from.String(), refusalBurst, refusalsEvery, h.cfg.Now()) {
		w.Header().Set("Retry-After", "60")
		http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
		return
	}
	h.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "aggregator request refused",
		slog.String("operator", e.Operator), slog.String("why", why), slog.String("address", from.String()))
	http.Error(w, http.StatusText(status), status)
}

// answer runs the step. A caller that hangs up does not end it: what was begun
// is finished, and asked for again it is there.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, e *Endpoint, c call) (outcome, kind string) {
	session := e.Operator + "/" + c.request.SessionID
	if e.Format.namesOnce && c.number == "" {
		c.number = h.recent.number(session, h.cfg.Now())
	}
	if c.request.Kind == 0 {
		h.write(w, c.write(ussd.Reply{End: c.number == ""}))
		return "noted", "none"
	}
	kind = c.request.Kind.String()
	n, err := h.numbers.Parse(c.number, e.Region)
	if err != nil {
		h.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "aggregator number not served", slog.String("operator", e.Operator), slog.Any("error", err))
		h.write(w, c.write(ussd.Reply{Text: h.cfg.Apology(), End: true}))
		return "number", kind
	}
	c.request.Msisdn, c.request.At = n.Raw(), h.cfg.Now()
	leave, why := h.enter(e, c.request)
	if why != "" {
		h.write(w, c.write(ussd.Reply{Text: h.cfg.Busy(), End: true}))
		return why, kind
	}
	defer leave()
	if e.Format.namesOnce {
		h.recent.keep(session, n.Raw(), c.request.At)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), e.Deadline)
	defer cancel()
	reply := h.cfg.Dialogue.Step(ctx, e.Operator, e.Budget, c.request)
	switch c.request.Kind {
	case ussd.Abort, ussd.Timeout, ussd.Shown:
		reply = ussd.Reply{End: true} // nobody looks at it
	case ussd.Begin, ussd.Answer, ussd.Keyed:
		if reply.Text == "" {
			reply = ussd.Reply{Text: h.cfg.Apology(), End: true}
		}
	}
	if e.Format.namesOnce && reply.End && c.request.Kind != ussd.Begin {
		h.recent.drop(session)
	}
	h.write(w, c.write(reply))
	if ctx.Err() != nil {
		return "late", kind
	}
	return "answered", kind
}

// enter takes up a step unless its phone, or its aggregator, has asked too
// much; why says which. A phone that hangs up is always heard.
func (h *Handler) enter(e *Endpoint, r ussd.Request) (leave func(), why string) {
	if asks := r.Kind == ussd.Begin || r.Kind == ussd.Answer || r.Kind == ussd.Keyed; asks && e.Limits.PerPhone > 0 {
		every := time.Duration(float64(time.Second) / e.Limits.PerPhone)
		if !h.phones.Allow(e.Operator+"/"+r.Msisdn, phoneBurst, every, r.At) {
			return nil, "flood"
		}
	}
	leave, ok := h.paces.enter(e, r.At)
	if !ok {
		return nil, "busy"
	}
	return leave, ""
}

func (h *Handler) write(w http.ResponseWriter, a answer) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(a.body) // a caller that has gone asks again
}
