package gateway

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
)

// Reloader reads the operators file anew when a signal or staff ask for it.
// Every process has one: those without binds route texts by the file too.
type Reloader struct {
	Live    *Live
	Links   *links.Store
	Signals <-chan os.Signal // may be nil
	Log     *slog.Logger
}

// missed is how often it is looked whether staff asked, in case a bell was
// not heard.
const missed = 5 * time.Second

// Run reads the file whenever it is asked to, until ctx ends.
func (r *Reloader) Run(ctx context.Context) error {
	rung, leave := r.Links.Listen()
	defer leave()
	look := time.NewTicker(missed)
	defer look.Stop()
	last := int64(-1) // not known yet
	for {
		if last < 0 {
			last = r.begin(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.Signals:
			r.reload(ctx, 0)
			continue
		case <-rung:
		case <-look.C:
		}
		id, _, err := r.Links.LastReload(ctx)
		if err != nil || last < 0 || id == last {
			continue // the next look may find it
		}
		last = id
		r.reload(ctx, id)
	}
}

// begin gives the last asking as done, unless it may have come after this
// process read the file.
func (r *Reloader) begin(ctx context.Context) (last int64) {
	id, asked, err := r.Links.LastReload(ctx)
	if err != nil {
		return -1
	}
	if id > 0 && asked.After(r.Live.read.Add(-time.Minute)) { // clocks may differ by that much
		r.reload(ctx, id)
	}
	return id
}

// reload reads the file and tells what came of it.
func (r *Reloader) reload(ctx context.Context, id int64) {
	change, err := r.Live.Reload()
	outcome, detail := links.Applied, change.String()
	switch {
	case err != nil:
		outcome, detail = links.Spoiled, err.Error()
		r.Log.LogAttrs(ctx, slog.LevelError, "operators file cannot be used; nothing was changed", slog.Any("error", err))
	case !change.Any():
		outcome = links.Unchanged
		r.Log.LogAttrs(ctx, slog.LevelInfo, "operators file read again: no change")
	default:
		r.Log.LogAttrs(ctx, slog.LevelInfo, "operators file read again", slog.String("change", detail))
	}
	ctx, cancel := context.WithTimeout(ctx, reportWithin)
	defer cancel()
	if err := r.Links.Reloaded(ctx, id, outcome, detail); err != nil {
		r.Log.LogAttrs(ctx, slog.LevelWarn, "reload not stored for staff", slog.Any("error", err))
	}
}
