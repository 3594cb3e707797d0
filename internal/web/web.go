// Package web is the back-office: pages rendered here, that work without
// JavaScript, from right to left, on a narrow screen, in print and by keyboard.
// It holds no rule and no SQL: it asks the desk and the services.
package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/services/permit"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/text"
)

//go:embed texts/*.toml
var texts embed.FS

//go:embed pages/*.html
var pages embed.FS

//go:embed assets
var assets embed.FS

// Texts gives the catalogue files of this package.
func Texts() fs.FS { return texts }

// Config is what the back-office stands on.
type Config struct {
	Desk      *desk.Desk
	Permits   *permit.Service
	Visits    *visit.Service
	Places    *establishment.Directory
	Calls     desk.Calls // where a call is noted instead of a text
	Imports   *desk.Imports
	Operators *desk.Operators
	Aside     *desk.Aside
	Texts     *text.Catalogue
	Secure    bool // served over TLS, here or by a proxy in front: cookies say so
	Log       *slog.Logger
	Now       func() time.Time
	// Samples are shown at the door of a demo with the code of the moment; nil
	// where anything is real.
	Samples []Sample
}

// Sample is one made-up login of the demo.
type Sample struct {
	Login, Password, Secret string
	Role                    desk.Role
	Where                   string
}

// Server serves the back-office.
type Server struct {
	Config
	handler http.Handler
	master  *template.Template
	mu      sync.Mutex
	sets    map[setKey]*template.Template
}

// New makes a Server that answers every path below the root.
func New(c Config) (*Server, error) {
	s := &Server{Config: c, sets: map[setKey]*template.Template{}}
	var err error
	if s.master, err = template.New("").Funcs(s.funcs(setKey{text.French, time.UTC})).ParseFS(pages, "pages/*.html"); err != nil {
		return nil, fmt.Errorf("read pages: %w", err)
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	r := chi.NewRouter()
	r.Use(headers)
	r.Handle("GET /assets/*", http.StripPrefix("/assets/", lasting(http.FileServerFS(files))))
	r.Get("/login", s.door(s.loginPage))
	r.Post("/login", s.door(s.login))
	for _, p := range s.routes() {
		r.Method(p.method, p.path, s.page(p))
	}
	r.NotFound(s.page(route{act: desk.Own, do: func(*request) error { return errNoPage }}))
	s.handler = http.NewCrossOriginProtection().Handler(r)
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// route is one page or form and what it lets staff do.
type route struct {
	method, path string
	act          desk.Act
	do           func(*request) error
	upload       bool // takes a file
	quiet        bool // asked by a script: does not keep the session alive
}

func (s *Server) routes() []route {
	return []route{
		{method: "GET", path: "/", act: desk.Own, do: s.home},
		{method: "POST", path: "/logout", act: desk.Own, do: s.logout},
		{method: "POST", path: "/me", act: desk.Own, do: s.me},

		{method: "GET", path: "/inbox", act: desk.SeeInbox, do: s.inbox},
		{method: "GET", path: "/find", act: desk.SeeCase, do: s.find},
		{method: "GET", path: "/case/{ref}", act: desk.SeeCase, do: s.showCase},
		{method: "GET", path: "/case/{ref}/texts", act: desk.SeeCase, do: s.caseTexts, quiet: true},
		{method: "GET", path: "/case/{ref}/done", act: desk.SeeCase, do: s.done},
		{method: "GET", path: "/case/{ref}/print", act: desk.SeeCase, do: s.printPermit},
		{method: "POST", path: "/case/{ref}/conflict", act: desk.SeeInbox, do: s.conflict},
		{method: "GET", path: "/case/{ref}/decide", act: desk.Decide, do: s.decidePage},
		{method: "POST", path: "/case/{ref}/check", act: desk.Decide, do: s.checkDecision},
		{method: "POST", path: "/case/{ref}/decide", act: desk.Decide, do: s.decide},
		{method: "GET", path: "/case/{ref}/paper", act: desk.AskPaper, do: s.paperPage},
		{method: "POST", path: "/case/{ref}/paper", act: desk.AskPaper, do: s.askPaper},
		{method: "POST", path: "/case/{ref}/supplied", act: desk.TakePaper, do: s.supplied},
		{method: "GET", path: "/case/{ref}/refer", act: desk.Refer, do: s.referPage},
		{method: "POST", path: "/case/{ref}/refer", act: desk.Refer, do: s.refer},
		{method: "GET", path: "/case/{ref}/match", act: desk.Match, do: s.matchPage},
		{method: "POST", path: "/case/{ref}/match", act: desk.Match, do: s.match},
		{method: "POST", path: "/case/{ref}/unmatched", act: desk.Match, do: s.cannotMatch},
		{method: "GET", path: "/case/{ref}/no_object", act: desk.CloseRequest, do: s.noObjectPage},
		{method: "POST", path: "/case/{ref}/no_object", act: desk.CloseRequest, do: s.noObject},
		{method: "GET", path: "/case/{ref}/judge", act: desk.Judge, do: s.judgePage},
		{method: "POST", path: "/case/{ref}/judge", act: desk.Judge, do: s.judge},
		{method: "GET", path: "/case/{ref}/suspend", act: desk.SuspendPermit, do: s.fallPage("suspend")},
		{method: "POST", path: "/case/{ref}/suspend", act: desk.SuspendPermit, do: s.suspend},
		{method: "POST", path: "/case/{ref}/lift", act: desk.SuspendPermit, do: s.lift},
		{method: "POST", path: "/case/{ref}/confirm", act: desk.Decide, do: s.confirm},
		{method: "GET", path: "/case/{ref}/revoke", act: desk.RevokePermit, do: s.fallPage("revoke")},
		{method: "POST", path: "/case/{ref}/revoke", act: desk.RevokePermit, do: s.revoke},

		{method: "GET", path: "/timetable", act: desk.SeeTimetable, do: s.timetable},
		{method: "GET", path: "/occurrence/{id}", act: desk.SeeTimetable, do: s.occurrence},
		{method: "POST", path: "/occurrence/{id}", act: desk.RunTimetable, do: s.setCapacity},
		{method: "GET", path: "/close", act: desk.RunTimetable, do: s.closePage},
		{method: "POST", path: "/close/check", act: desk.RunTimetable, do: s.checkClose},
		{method: "POST", path: "/close", act: desk.RunTimetable, do: s.closeDay},
		{method: "GET", path: "/closure/{id}", act: desk.RunTimetable, do: s.closure},
		{method: "POST", path: "/closure/{id}", act: desk.RunTimetable, do: s.goOnClosing},

		{method: "GET", path: "/day", act: desk.SeeDay, do: s.dayList},
		{method: "GET", path: "/gate", act: desk.WorkGate, do: s.gatePage},
		{method: "POST", path: "/gate", act: desk.WorkGate, do: s.gateLookup},
		{method: "POST", path: "/gate/in", act: desk.WorkGate, do: s.gateIn},
		{method: "POST", path: "/gate/sight", act: desk.WorkGate, do: s.gateSight},
		{method: "POST", path: "/gate/keep", act: desk.RunTimetable, do: s.gateKeep},
		{method: "POST", path: "/gate/away", act: desk.WorkGate, do: s.gateAway},
		{method: "POST", path: "/gate/refuse", act: desk.WorkGate, do: s.gateRefuse},

		{method: "POST", path: "/case/{ref}/finish", act: desk.SettleVisit, do: s.finish},
		{method: "POST", path: "/case/{ref}/missed", act: desk.SettleVisit, do: s.missed},
		{method: "GET", path: "/case/{ref}/excuse", act: desk.SettleVisit, do: s.visitPage("excuse")},
		{method: "POST", path: "/case/{ref}/excuse", act: desk.SettleVisit, do: s.excuse},
		{method: "GET", path: "/case/{ref}/correct", act: desk.SettleVisit, do: s.visitPage("correct")},
		{method: "POST", path: "/case/{ref}/correct", act: desk.SettleVisit, do: s.correct},
		{method: "GET", path: "/wishes", act: desk.AnswerWish, do: s.wishes},
		{method: "POST", path: "/case/{ref}/accept", act: desk.AnswerWish, do: s.accept},
		{method: "GET", path: "/case/{ref}/reject", act: desk.AnswerWish, do: s.visitPage("reject")},
		{method: "POST", path: "/case/{ref}/reject", act: desk.AnswerWish, do: s.reject},

		{method: "GET", path: "/missed", act: desk.CallFamilies, do: s.notReached},
		{method: "POST", path: "/missed/{id}", act: desk.CallFamilies, do: s.called},

		{method: "GET", path: "/register", act: desk.ImportRegister, do: s.registerPage},
		{method: "POST", path: "/register", act: desk.ImportRegister, do: s.handIn, upload: true},
		{method: "GET", path: "/register/{id}", act: desk.ImportRegister, do: s.showImport},

		{method: "GET", path: "/audit", act: desk.SeeAudit, do: s.audit},
		{method: "POST", path: "/audit/verify", act: desk.SeeAudit, do: s.verify},
		{method: "GET", path: "/operators", act: desk.SeeOperators, do: s.operators},
		{method: "GET", path: "/operators-live", act: desk.SeeOperators, do: s.operators, quiet: true},
		{method: "POST", path: "/operators/reload", act: desk.RunOperators, do: s.reloadOperators},
		{method: "GET", path: "/operators/{name}", act: desk.SeeOperators, do: s.operator},
		{method: "GET", path: "/operators/{name}/live", act: desk.SeeOperators, do: s.operator, quiet: true},
		{method: "POST", path: "/operators/{name}/{bind}", act: desk.RunOperators, do: s.order},
		{method: "GET", path: "/aside", act: desk.SettleTexts, do: s.aside},
		{method: "POST", path: "/aside", act: desk.SettleTexts, do: s.replayAside},
		{method: "POST", path: "/aside/{id}", act: desk.SettleTexts, do: s.settleAside},
		{method: "GET", path: "/staff", act: desk.RunStaff, do: s.staff},
		{method: "POST", path: "/staff/{id}", act: desk.RunStaff, do: s.changeStaff},
		{method: "GET", path: "/staff/new", act: desk.RunStaff, do: s.newStaffPage},
		{method: "POST", path: "/staff/new", act: desk.RunStaff, do: s.newStaff},
		{method: "GET", path: "/staff/{id}", act: desk.RunStaff, do: s.member},
		{method: "POST", path: "/staff/{id}/renew", act: desk.RunStaff, do: s.renewKeys},
		{method: "GET", path: "/staff/{id}/grant", act: desk.RunStaff, do: s.grantPage},
		{method: "POST", path: "/staff/{id}/grant", act: desk.RunStaff, do: s.grant},
		{method: "POST", path: "/staff/{id}/grant/{grant}", act: desk.RunStaff, do: s.changeGrant},
	}
}

var errNoPage = errors.New("no such page")

// headers are on every answer. Nothing inline runs, nobody frames us, nothing
// of a page stays in a cache.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// lasting lets browsers keep what is the same for everybody.
func lasting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		next.ServeHTTP(w, r)
	})
}

// logged tells of an error that the page can't.
func (s *Server) logged(ctx context.Context, what string, err error) {
	s.Log.ErrorContext(ctx, "a page failed", "doing", what, "error", err)
}
