package smsc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"
)

// Handler serves the browser phone. Its page uses relative addresses only, so
// it may be mounted anywhere: http.StripPrefix("/phone", s.Handler()) under
// "/phone/". It is an instrument for trying the service and has no login: keep
// it off public networks.
func (s *SMSC) Handler() http.Handler {
	static := pageFiles()
	page := &phonePage{smsc: s, words: loadTexts[map[string]string](static, ""), html: parsePage(static, "phone.html")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", page.show)
	mux.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(static))))
	newPanel(s, static).mount(mux)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /sims", s.handleNewSIM)
	for action, do := range map[string]keyPress{
		"dial": s.pressDial, "answer": s.pressAnswer, "abort": s.pressAbort,
		"dismiss": s.pressDismiss, "sms": s.pressSMS, "read": s.pressRead,
	} {
		mux.Handle("POST /sims/{msisdn}/"+action, do)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

func cached(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		h.ServeHTTP(w, r)
	})
}

type phonePage struct {
	smsc  *SMSC
	words map[string]map[string]string
	html  *template.Template
}

func (p *phonePage) show(w http.ResponseWriter, r *http.Request) {
	lang := pageLanguage(r)
	pageHeaders(w)
	err := p.html.Execute(w, map[string]any{
		"Lang": lang, "Dir": direction(lang), "Words": p.words[lang], "Here": "?",
		"Page": map[string]any{
			"lang": lang, "words": p.words[lang],
			"ussdCode": p.smsc.cfg.USSDCode, "shortCode": p.smsc.cfg.ShortCode,
		},
	})
	if err != nil {
		p.smsc.cfg.Log.Debug("smsc: phone page", "err", err)
	}
}

// simView is one handset as the page draws it.
type simView struct {
	MSISDN   string        `json:"msisdn"`
	Unread   int           `json:"unread"`
	Received int           `json:"received"`
	Dialogue *dialogueView `json:"dialogue"`
	Inbox    []smsView     `json:"inbox"` // newest first
}

type dialogueView struct {
	ID     int    `json:"id"`
	State  string `json:"state"`
	Text   string `json:"text"`
	Reason string `json:"reason,omitempty"`
}

type smsView struct {
	ID       int       `json:"id"`
	From     string    `json:"from"`
	Text     string    `json:"text"`
	Parts    int       `json:"parts"`
	Alphabet string    `json:"alphabet"`
	At       time.Time `json:"at"`
	Read     bool      `json:"read"`
}

const inboxShown = 50

// view copies a handset; the caller holds s.mu.
func (h *handset) view() simView {
	v := simView{MSISDN: h.msisdn, Received: h.received, Inbox: []smsView{}}
	for _, m := range slices.Backward(h.inbox) {
		if !m.Read {
			v.Unread++
		}
		if len(v.Inbox) < inboxShown {
			v.Inbox = append(v.Inbox, smsView{m.ID, m.From, m.Text, m.Parts, m.Alphabet, m.At, m.Read})
		}
	}
	// What the user ended is off the screen at once.
	if d := h.dialogue; d != nil && !errors.Is(d.err, ErrAborted) {
		v.Dialogue = &dialogueView{ID: d.id, State: d.state.String(), Text: d.text}
		if d.err != nil {
			v.Dialogue.Reason = reason(d.err)
		}
	}
	return v
}

// changes returns the handsets that differ from what seen knows, in SIM order,
// and the channel that closes at the next change.
func (s *SMSC) changes(seen map[string]uint64) ([]simView, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []simView{}
	for _, n := range s.order {
		if h := s.handsets[n]; seen[n] != h.version {
			seen[n] = h.version
			out = append(out, h.view())
		}
	}
	return out, s.wake
}

// EndStreams ends the streams that the phone pages hold open and refuses new
// ones. A server that is to shut down needs it, or it waits for them:
// server.RegisterOnShutdown(s.EndStreams).
func (s *SMSC) EndStreams() { s.endStreams() }

// events pushes each handset that changed, all of them at first.
func (s *SMSC) events(w http.ResponseWriter, r *http.Request) {
	if s.streams.Err() != nil {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Time{}) // the stream outlives a server's usual limit
	seen := make(map[string]uint64)
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		sims, wake := s.changes(seen)
		if len(sims) > 0 {
			b, err := json.Marshal(sims)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-wake:
		case <-beat.C:
			if _, err := fmt.Fprint(w, ": beat\n\n"); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.streams.Done():
			return
		}
	}
}

// press is what the page sends when a key that sends is pressed.
type press struct {
	Text string `json:"text"`
	To   string `json:"to"`
	ID   int    `json:"id"`
}

type keyPress func(ctx context.Context, msisdn string, p press) error

const maxPress = 64 << 10

func (do keyPress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var p press
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPress)).Decode(&p); err != nil {
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	answer := map[string]string{}
	if err := do(r.Context(), "+"+r.PathValue("msisdn"), p); err != nil {
		answer["error"] = reason(err)
	}
	writeJSON(w, answer)
}

func (s *SMSC) handleNewSIM(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]string{"msisdn": s.NewSIM()})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a page that has gone reads nothing
}

func (s *SMSC) pressDial(ctx context.Context, msisdn string, p press) error {
	_, err := s.Dial(ctx, msisdn, p.Text)
	return err
}

func (s *SMSC) pressAnswer(ctx context.Context, msisdn string, p press) error {
	_, err := s.Answer(ctx, msisdn, p.Text)
	return err
}

func (s *SMSC) pressAbort(ctx context.Context, msisdn string, _ press) error {
	return s.Abort(ctx, msisdn)
}

func (s *SMSC) pressDismiss(_ context.Context, msisdn string, _ press) error {
	s.Dismiss(msisdn)
	return nil
}

func (s *SMSC) pressSMS(ctx context.Context, msisdn string, p press) error {
	return s.SendSMS(ctx, msisdn, p.To, p.Text)
}

func (s *SMSC) pressRead(_ context.Context, msisdn string, p press) error {
	s.MarkRead(msisdn, p.ID)
	return nil
}

// reason is the key of the page's sentence for an error.
func reason(err error) string {
	for known, key := range map[error]string{
		ErrBusy: "busy", ErrNoDialogue: "no_dialogue", ErrNoApplication: "no_application",
		ErrNoAnswer: "no_answer", ErrExpired: "expired", ErrAborted: "aborted",
	} {
		if errors.Is(err, known) {
			return key
		}
	}
	return "refused"
}
