package main

import (
	"log/slog"
	"time"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/internal/text"
)

// aggregators serves those who call us over HTTP; find tells which they are at
// the moment.
func (p *process) aggregators(find func(path string) (*aggregator.Endpoint, bool), now func() time.Time, log *slog.Logger) error {
	h, err := aggregator.New(aggregator.Config{
		Find: find, Dialogue: p.dialog, Metrics: aggregator.NewMetrics(p.app.metrics), Log: log, Now: now,
		Apology: func() string { return p.app.texts.Write(text.Arabic, text.L("dialog.unavailable", nil)) },
		Busy:    func() string { return p.app.texts.Write(text.Arabic, text.L("dialog.busy", nil)) },
	})
	if err != nil {
		return err
	}
	p.mux.Handle("/ussd/", h)
	return nil
}
