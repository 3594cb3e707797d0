package main

import (
	"log/slog"
	"net/http"
	"time"
)

func (p *process) office(s *Settings, st *stores, now func() time.Time, log *slog.Logger) (http.Handler, error) {
	return http.NotFoundHandler(), nil
}
