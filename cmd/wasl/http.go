package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wasl-sms/wasl/internal/run"
)

// listener is one HTTP server as a component.
type listener struct {
	name       string
	addr       string
	setting    string // where addr comes from
	handler    http.Handler
	cert, key  string
	onShutdown func()
	log        *slog.Logger

	server *http.Server
	ln     net.Listener
}

func (l *listener) component() run.Component {
	return run.Component{Name: l.name, Start: l.start, Run: l.run, Stop: func(ctx context.Context) error { return l.server.Shutdown(ctx) }}
}

func (l *listener) start(ctx context.Context) (err error) {
	l.server = &http.Server{
		Handler: l.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelDebug),
	}
	if l.onShutdown != nil {
		l.server.RegisterOnShutdown(l.onShutdown)
	}
	l.ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", l.addr)
	if err != nil {
		return fmt.Errorf("%s: %w: set %s to an address that is free", l.name, err, l.setting)
	}
	return nil
}

func (l *listener) run(context.Context) error {
	var err error
	if l.cert != "" {
		err = l.server.ServeTLS(l.ln, l.cert, l.key)
	} else {
		err = l.server.Serve(l.ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// url is where the listener can be reached from this machine.
func (l *listener) url() string {
	host, port, err := net.SplitHostPort(l.ln.Addr().String())
	if err != nil || host == "::" || host == "0.0.0.0" || net.ParseIP(host).IsLoopback() {
		host = "localhost"
	}
	scheme := "http"
	if l.cert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// probes serves /healthz, /readyz and /metrics.
type probes struct {
	ready map[string]func(context.Context) error
	app   *app
}

func (p probes) health(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("ok\n")) // the prober may have gone
}

// readiness names each part and whether it can be relied on. A part that only
// degrades the service reports "degraded: …" and does not fail the whole.
func (p probes) readiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	parts, status := map[string]string{}, http.StatusOK
	for name, check := range p.ready {
		err := check(ctx)
		var mild degraded
		switch {
		case err == nil:
			parts[name] = "ok"
		case errors.As(err, &mild):
			parts[name] = mild.Error()
		default:
			parts[name] = err.Error()
			status = http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(parts) // the prober may have gone
}

type degraded string

func (d degraded) Error() string { return "degraded: " + string(d) }

func (p probes) metrics() http.Handler {
	return promhttp.HandlerFor(p.app.metrics, promhttp.HandlerOpts{})
}

// local lets only this machine in.
func local(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil || !net.ParseIP(host).IsLoopback() {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}
