package gateway

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
)

const (
	reportEvery  = 2 * time.Second
	reportSoon   = 100 * time.Millisecond // after a change: what comes with it goes along
	reportWithin = 5 * time.Second
)

// learn reads the wishes of staff, and reports whether it could before ctx
// ended: a bind that was paused must send nothing, not even at first.
func (g *Gateway) learn(ctx context.Context) bool {
	if g.cfg.Links == nil {
		return true
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for told := false; ; {
		select {
		case <-ctx.Done():
			return false
		case <-again.C:
		}
		err := g.obey(ctx)
		if err == nil {
			return true
		}
		if !told && ctx.Err() == nil {
			g.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "binds wait until the wishes for them are known", slog.Any("error", err))
			told = true
		}
		again.Reset(time.Second)
	}
}

// attend obeys wishes and reports how the binds stand until ctx ends, and then
// once more.
func (g *Gateway) attend(ctx context.Context) {
	if g.cfg.Links == nil {
		<-ctx.Done()
		return
	}
	rung, leave := g.cfg.Links.Listen()
	defer leave()
	every := time.NewTicker(reportEvery)
	defer every.Stop()
	soon := time.NewTimer(reportSoon)
	defer soon.Stop()
	for {
		wishes := true
		select {
		case <-ctx.Done():
			g.report(context.WithoutCancel(ctx))
			return
		case <-g.changed:
			soon.Reset(reportSoon)
			continue
		case <-soon.C:
			wishes = false
		case <-rung:
		case <-every.C:
		}
		if wishes {
			if err := g.obey(ctx); err != nil {
				g.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "wishes not read", slog.Any("error", err))
			}
		}
		g.report(ctx)
	}
}

// obey reads the wishes and hands each bind its own.
func (g *Gateway) obey(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reportWithin)
	defer cancel()
	wishes, err := g.cfg.Links.Wishes(ctx)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.wishes = wishes
	g.mu.Unlock()
	for _, o := range g.present() {
		for _, b := range o.binds() {
			b.obey(ctx, g.wishFor(b.id()))
		}
	}
	return nil
}

// report tells how all binds stand and what they did since the last report.
// Counts that can't be stored are kept for the next one.
func (g *Gateway) report(ctx context.Context) {
	r := links.Report{Standings: g.Status()}
	for _, o := range g.present() {
		r.Abouts = append(r.Abouts, o.about())
	}
	g.mu.Lock()
	tallies := slices.Collect(maps.Values(g.tallies))
	r.Removed, g.removed = g.removed, nil
	g.mu.Unlock()
	back := make([]func(), 0, len(tallies))
	for _, t := range tallies {
		minutes, failures := t.take()
		r.Minutes, r.Failures = append(r.Minutes, minutes...), append(r.Failures, failures...)
		back = append(back, func() { t.restore(minutes, failures) })
	}
	ctx, cancel := context.WithTimeout(ctx, reportWithin)
	defer cancel()
	elsewhere, err := g.cfg.Links.Report(ctx, r)
	if err != nil {
		for _, restore := range back {
			restore()
		}
		g.mu.Lock()
		g.removed = append(r.Removed, g.removed...)
		g.mu.Unlock()
		g.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "state of the binds not reported", slog.Any("error", err))
		return
	}
	g.elsewhere.Store(&elsewhere)
}

func (o *operator) about() links.About {
	s := o.now()
	a := links.About{Operator: o.name, Prefixes: s.Prefixes, ShortCodes: s.ShortCodes, USSDCodes: s.USSDCodes, Fallback: s.Fallback}
	if s.HTTP != nil {
		a.HTTP = s.HTTP.FormatName
	}
	return a
}
