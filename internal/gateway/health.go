package gateway

import (
	"slices"
	"sync"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
)

const (
	badRow   = 5               // answers that failed, one after the other, make a bind unfit
	forgiven = 2 * time.Minute // after the last of them: nothing tells that it is unfit still
)

// health judges a bind by the answers it gets.
type health struct {
	mu      sync.Mutex
	row     int       // failures since the last part that was taken
	began   time.Time // the first of them
	last    time.Time
	refuses bool // throttled, or too long a row
}

// saw takes note of an answer. A part refused for its own sake says nothing of
// the bind.
func (h *health) saw(o outbox.Outcome, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch o {
	case outbox.Sent, outbox.Rejected:
		h.row, h.refuses = 0, false
	case outbox.Throttled, outbox.Temporary, outbox.Unknown:
		if h.row == 0 || now.Sub(h.last) > forgiven {
			h.row, h.began, h.refuses = 0, now, false
		}
		h.row++
		h.last = now
		h.refuses = h.refuses || o == outbox.Throttled || h.row >= badRow
	default: // never written
	}
}

// unfit tells since when the bind has taken nothing; ok is false while it is
// well.
func (h *health) unfit(now time.Time) (since time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.began, h.refuses && now.Sub(h.last) <= forgiven
}

// unfit tells since when nothing can go out on the bind. A bind that staff keep
// from sending is neither fit nor unfit: wanted is false.
func (b *bind) unfit(now time.Time) (since time.Time, unfit, wanted bool) {
	if b.order.wish() != links.Run {
		return time.Time{}, false, false
	}
	if state, since := b.state(); state != links.Bound {
		return since, true, true
	}
	since, unfit = b.health.unfit(now)
	return since, unfit, true
}

// unfit tells since when no bind of the operator can send. What staff have
// paused does not count; if it is all, the operator is not unfit but waits.
func (o *operator) unfit(now time.Time) (since time.Time, ok bool) {
	for _, b := range o.binds() {
		if !b.sendsTexts() {
			continue
		}
		from, unfit, wanted := b.unfit(now)
		switch {
		case !wanted:
		case !unfit:
			return time.Time{}, false
		default:
			ok = true
			if from.After(since) {
				since = from
			}
		}
	}
	return since, ok
}

// relieved lists the operators that name this one as a fallback and have not
// been able to send for as long as they wait.
func (g *Gateway) relieved(name string) []string {
	var list []string
	now := g.cfg.Now()
	for _, o := range g.present() {
		s := o.now()
		if !slices.Contains(s.Fallback, name) || g.fitElsewhere(o) {
			continue
		}
		if since, unfit := o.unfit(now); unfit && now.Sub(since) >= s.FallbackAfter {
			list = append(list, o.name)
		}
	}
	return list
}

// fitElsewhere reports whether another process can send texts to the operator.
func (g *Gateway) fitElsewhere(o *operator) bool {
	list := g.elsewhere.Load()
	return list != nil && slices.ContainsFunc(*list, func(n links.Name) bool {
		if n.Operator != o.name {
			return false
		}
		b, known := o.now().bind(n.Bind)
		return !known || b.Carries.texts()
	})
}
