package smsc

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// panel is the page that sets faults, and what scripts post to.
type panel struct {
	smsc  *SMSC
	words map[string]panelWords
	html  *template.Template
}

// panelWords are the page's texts in one language.
type panelWords struct {
	Page   map[string]string                        `json:"page"`
	Faults map[string]struct{ Label, Shows string } `json:"faults"`
	Acts   map[string]string                        `json:"acts"`
}

func newPanel(s *SMSC, static fs.FS) *panel {
	return &panel{smsc: s, words: loadPanelWords(static), html: parsePage(static, "faults.html")}
}

func loadPanelWords(static fs.FS) map[string]panelWords {
	return loadTexts[panelWords](static, "faults.")
}

func (p *panel) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /faults", p.show)
	mux.HandleFunc("POST /faults", p.script)
	mux.HandleFunc("GET /faults/state", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, p.state(r.URL.Query().Get("on")))
	})
	for name, do := range map[string]func(url.Values, string) error{
		"set": p.set, "act": p.act, "play": p.play,
		"behave": func(url.Values, string) error { p.smsc.Behave(); return nil },
	} {
		mux.HandleFunc("POST /faults/"+name, func(w http.ResponseWriter, r *http.Request) { p.press(w, r, do) })
	}
}

// panelState is what the page shows of the operator.
type panelState struct {
	Binds  []BindState       `json:"binds"`
	Total  Counts            `json:"total"`
	Faults string            `json:"faults"` // as text, all scopes
	Values map[string]string `json:"values"` // of the scope that was asked for
	Error  string            `json:"error,omitempty"`
}

func (p *panel) state(on string) panelState {
	st := panelState{Faults: p.smsc.describe(), Values: make(map[string]string)}
	st.Binds, st.Total = p.smsc.States()
	f := p.smsc.FaultsOn(on)
	for _, s := range settings() {
		if v := s.get(&f); v != "" {
			st.Values[s.Name] = v
		}
	}
	return st
}

// describe writes the faults of every scope as steps of a script.
func (s *SMSC) describe() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for scope, c := range s.conducts {
		text := c.faults.String()
		switch {
		case text == "":
		case scope == "":
			all = append(all, text)
		default:
			all = append(all, "on "+scope+" "+text)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

type panelFault struct {
	Name, Kind, Label, Shows, Value string
	Choices                         []string
}

type panelGroup struct {
	Title  string
	Faults []panelFault
}

// presets are the values that the page offers, from well to ill.
func presets(s setting) []string {
	switch s.Name {
	case "delay":
		return []string{"", "100ms", "500ms", "1s..3s", "5s", "20s", "1m0s"}
	case "throttle":
		return []string{"", "50/s", "20/s", "10/s", "5/s", "1/s"}
	case "burst":
		return []string{"", "5", "20"}
	case "status":
		return []string{"", "0x08:1", "0x08:10%", "0x45:1", "0x45:all", "0x0B:all"}
	case "bind-status":
		return []string{"", "0x05:all", "0x0D:all", "0x0E:all", "0x0F:all", "0x58:3"}
	case "drop-after", "unbind-after":
		return []string{"", "1", "5", "20"}
	case "drop-every":
		return []string{"", "200", "50", "10"}
	case "read-rate":
		return []string{"", "1000", "200", "50"}
	case "receipt-reverse":
		return []string{"", "3", "10"}
	case "receipt-delay":
		return []string{"", "2s", "10s", "5s..30s", "1m0s", "10m0s"}
	case "undelivered":
		return []string{"", "034:1", "034:10%", "027:50%", "034:all"}
	}
	if s.Kind == "dose" {
		return []string{"", "1", "3", "10%", "50%", "all"}
	}
	return append([]string{""}, s.Choices...)
}

func (p *panel) groups(w panelWords, on string) []panelGroup {
	var groups []panelGroup
	f := p.smsc.FaultsOn(on)
	for _, name := range []string{"answers", "links", "receipts"} {
		g := panelGroup{Title: w.Page["group_"+name]}
		for _, s := range settings() {
			if s.Group != name {
				continue
			}
			v, choices := s.get(&f), presets(s)
			if !slices.Contains(choices, v) {
				choices = append(choices, v)
			}
			words := w.Faults[s.Name]
			g.Faults = append(g.Faults, panelFault{s.Name, s.Kind, words.Label, words.Shows, v, choices})
		}
		groups = append(groups, g)
	}
	return groups
}

// scopes are what faults may be set for: all, each account, each bind.
func (p *panel) scopes(on string) []string {
	scopes := []string{""}
	var more []string
	for account := range p.smsc.cfg.Accounts {
		more = append(more, account)
	}
	binds, _ := p.smsc.States()
	for _, b := range binds {
		more = append(more, b.Scope)
	}
	if on != "" {
		more = append(more, on)
	}
	slices.Sort(more)
	return append(scopes, slices.Compact(more)...)
}

func (p *panel) show(w http.ResponseWriter, r *http.Request) { p.render(w, r, http.StatusOK, nil) }

func (p *panel) render(w http.ResponseWriter, r *http.Request, status int, failed error) {
	lang := pageLanguage(r)
	words := p.words[lang]
	on := r.URL.Query().Get("on")
	type named struct{ Name, Label string }
	var buttons []named
	for _, name := range Acts() {
		buttons = append(buttons, named{name, words.Acts[name]})
	}
	data := map[string]any{
		"Lang": lang, "Dir": direction(lang), "Words": words.Page, "Here": "faults?on=" + url.QueryEscape(on) + "&", "On": on, "State": p.state(on), "Scopes": p.scopes(on),
		"Columns": []string{"in_flight", "submitted", "accepted", "refused", "receipts", "delivered"},
		"Groups":  p.groups(words, on), "Acts": buttons, "Script": r.PostFormValue("script"),
		"Page": map[string]any{"lang": lang, "reconnecting": words.Page["reconnecting"]},
	}
	if failed != nil {
		data["Failed"] = failed.Error()
		data["Base"] = "../" // the page's addresses are relative to the one it is usually at
	}
	pageHeaders(w)
	w.WriteHeader(status)
	if err := p.html.Execute(w, data); err != nil {
		p.smsc.cfg.Log.Debug("smsc: page of faults", "err", err)
	}
}

// press does what a form asks for and shows the page again, or its state where
// the page's own script asks.
func (p *panel) press(w http.ResponseWriter, r *http.Request, do func(url.Values, string) error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPress)
	if err := r.ParseForm(); err != nil {
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	on := r.URL.Query().Get("on")
	err := do(r.PostForm, on)
	if r.Header.Get("Accept") == "application/json" {
		st := p.state(on)
		if err != nil {
			st.Error = err.Error()
		}
		writeJSON(w, st)
		return
	}
	if err != nil {
		p.render(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	// Relative, since the page may be mounted anywhere.
	w.Header().Set("Location", "../faults?"+r.URL.RawQuery)
	w.WriteHeader(http.StatusSeeOther)
}

// set replaces the faults of a scope by those of the form.
func (p *panel) set(form url.Values, on string) error {
	var f Faults
	for _, s := range settings() {
		if err := f.Set(s.Name, form.Get(s.Name)); err != nil {
			return err
		}
	}
	p.smsc.SetFaultsOn(on, f)
	return nil
}

func (p *panel) act(form url.Values, on string) error {
	n, err := strconv.Atoi(form.Get("n"))
	if err != nil || n < 1 || n > 100_000 {
		n = 1
	}
	return p.smsc.Do(form.Get("act"), on, n)
}

func (p *panel) play(form url.Values, _ string) error { return p.start(form.Get("script")) }

func (p *panel) start(text string) error {
	script, err := ParseScript(text)
	if err != nil {
		return err
	}
	return p.smsc.Start(script)
}

// script plays the body of a request, whatever it is said to be, and answers
// with the faults as they are then.
func (p *panel) script(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPress))
	if err == nil {
		err = p.start(string(body))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintln(w, p.smsc.describe()) // whoever asked may have gone
}

// Describe writes every fault and act with a sentence, for help texts.
func Describe(w io.Writer) error {
	words := loadPanelWords(pageFiles())["en"]
	for _, s := range settings() {
		name := s.Name
		if s.Kind != "flag" {
			example := ""
			for _, v := range presets(s) {
				if v != "" {
					example = v
				}
			}
			name += "=" + cmp.Or(example, "7")
		}
		if _, err := fmt.Fprintf(w, "  %-28s %s. %s\n", name, words.Faults[s.Name].Label, words.Faults[s.Name].Shows); err != nil {
			return err
		}
	}
	for _, name := range Acts() {
		if _, err := fmt.Fprintf(w, "  %-28s %s, once.\n", name, words.Acts[name]); err != nil {
			return err
		}
	}
	return nil
}
