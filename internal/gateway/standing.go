package gateway

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/smpp"
)

// heard hears from the client, on its goroutine.
func (b *bind) heard(s smpp.State, err error) {
	now := b.g.cfg.Now()
	b.mu.Lock()
	b.up, b.refused = s.Bound(), false
	attrs := []slog.Attr{slog.String("operator", b.op.name), slog.String("bind", b.Name), slog.String("state", s.String())}
	level := slog.LevelInfo
	if b.up {
		b.rebinds++
	} else if err != nil {
		cause, code := causeOf(err)
		b.failed = &links.Failure{Name: b.id(), Cause: cause, Code: code, Count: 1, Last: now}
		b.tally.failed(now, cause, code)
		if b.refused = cause == links.LoginFailed; b.refused {
			level = slog.LevelError
			attrs = append(attrs, slog.String("check", "system_id, password, address, how many binds are allowed"))
		}
		attrs = append(attrs, slog.String("cause", string(cause)), slog.Any("error", err))
	}
	up, refused := b.up, b.refused
	b.mu.Unlock()
	b.g.cfg.Metrics.bindState(b, up, refused)
	b.g.cfg.Log.LogAttrs(context.Background(), level, "bind", attrs...)
	if up {
		b.sessions.Add(1)
		if session, ok := b.client.Session(); ok {
			select { // replace a session that the lane has not looked at
			case <-b.bound:
			default:
			}
			b.bound <- session
		}
	}
	b.review()
}

// causeOf puts the end of a session, or of an attempt at one, into the closed
// set that staff have words for.
func causeOf(err error) (links.Cause, uint32) {
	if status, ok := errors.AsType[smpp.Status](err); ok {
		return links.LoginFailed, uint32(status)
	}
	for _, c := range []struct {
		err   error
		cause links.Cause
	}{
		{smpp.ErrConnect, links.Unreachable},
		{smpp.ErrTLS, links.TLS},
		{smpp.ErrBindTimeout, links.NoAnswer},
		{smpp.ErrLinkDead, links.Silent},
		{smpp.ErrPeerUnbound, links.Unbound},
		{smpp.ErrInactive, links.Inactive},
	} {
		if errors.Is(err, c.err) {
			return c.cause, 0
		}
	}
	if alerted(err) {
		return links.TLS, 0
	}
	return links.Lost, 0
}

// absent tells that the bind stays away, or tries again.
func (b *bind) absent(away bool) {
	b.mu.Lock()
	b.away = away
	b.mu.Unlock()
	b.review()
}

// serves tells whether a lane may write: a bind is paused once none does.
func (b *bind) serves(is bool) {
	b.mu.Lock()
	b.serving = is
	b.mu.Unlock()
	b.review()
}

// stopped tells that the bind has ended for good.
func (b *bind) stopped() {
	b.mu.Lock()
	b.up, b.ended = false, true
	b.failed = &links.Failure{Name: b.id(), Cause: links.Stopped, Count: 1, Last: b.g.cfg.Now()}
	b.mu.Unlock()
	b.review()
}

// review notes since when the bind stands as it does.
func (b *bind) review() {
	wish := b.order.wish()
	now := b.g.cfg.Now()
	b.mu.Lock()
	is := b.stateFor(wish)
	news := is != b.was
	if news {
		b.was, b.since = is, now
		close(b.turned)
		b.turned = make(chan struct{})
	}
	b.mu.Unlock()
	if news {
		b.g.ring()
	}
}

// stateFor is how the bind stands under a wish; mu is held.
func (b *bind) stateFor(wish links.Wish) links.State {
	switch {
	case b.ended:
		return links.Down
	case b.away:
		return links.Drained
	case b.up && wish == links.Drain:
		return links.Draining
	case b.up && wish == links.Pause && !b.serving:
		return links.Paused
	case b.up:
		return links.Bound
	case wish == links.Drain:
		return links.Draining
	case b.refused:
		return links.Refused
	case b.failed == nil && b.rebinds == 0:
		return links.Connecting
	default:
		return links.Down
	}
}

// state tells how the bind stands, and since when.
func (b *bind) state() (links.State, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.was, b.since
}

func (b *bind) standing(now time.Time) links.Standing {
	_, resting := b.health.unfit(now)
	tracing := b.trace.tracing()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := links.Standing{
		Name: b.id(), Address: b.where(), Mode: b.Mode, State: b.was, Since: b.since, Rebinds: max(0, b.rebinds-1),
		Failed: b.failed, Resting: resting && b.up, Window: b.Window, TPS: b.TPS,
		Trace: tracing,
	}
	if session, ok := b.client.Session(); ok {
		s.InFlight = session.InFlight()
	}
	return s
}
