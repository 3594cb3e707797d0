package main

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/web"
)

// office builds the back-office.
func (p *process) office(s *Settings, now func() time.Time, log *slog.Logger) (http.Handler, error) {
	return web.New(web.Config{
		Desk: p.app.desk, Permits: p.app.permits, Visits: p.app.visits, Places: p.app.places, Calls: p.app.outbox, Imports: p.app.imports,
		Operators: p.app.operators, Aside: desk.NewAside(p.app.desk, p.inbox), Texts: p.app.texts,
		Secure: s.TLSCert != "" || s.BehindTLS, Log: log, Now: now, Samples: p.samples,
	})
}
