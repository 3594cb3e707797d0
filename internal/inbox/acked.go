package inbox

import (
	"sync"
	"time"

	"github.com/wasl-sms/wasl/internal/private"
)

// acked remembers on which link a text was last taken. It only ever makes
// fewer texts count as repeats, so it may forget.
type acked struct {
	mu   sync.Mutex
	last map[string]ack
}

type ack struct {
	link uint64
	at   time.Time
}

const rememberAcks = 20_000

func newAcked() *acked { return &acked{last: map[string]ack{}} }

func (m *acked) on(key []byte, link uint64, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.last[string(key)]
	return ok && a.link == link && now.Sub(a.at) < repeatWindow
}

func (m *acked) add(key []byte, link uint64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.last) >= rememberAcks {
		for k, a := range m.last {
			if now.Sub(a.at) >= repeatWindow {
				delete(m.last, k)
			}
		}
		if len(m.last) >= rememberAcks {
			clear(m.last)
		}
	}
	m.last[string(key)] = ack{link, now}
}

// Flood bounds what one number may send: Burst texts at once, and one more
// every Every. What is above is stored and not handed on.
type Flood struct {
	Burst int           // 60
	Every time.Duration // 5 s
}

type floodGate struct {
	Flood
	mu    sync.Mutex
	until map[private.Msisdn]time.Time // when the number's bucket is full again
}

const rememberSenders = 50_000

func newFloodGate(f Flood) *floodGate {
	if f.Burst <= 0 {
		f.Burst = 60
	}
	if f.Every <= 0 {
		f.Every = 5 * time.Second
	}
	return &floodGate{Flood: f, until: map[private.Msisdn]time.Time{}}
}

func (g *floodGate) allow(n private.Msisdn, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	full := g.until[n]
	if full.Before(now) {
		full = now
	}
	full = full.Add(g.Every)
	if full.Sub(now) > time.Duration(g.Burst)*g.Every {
		return false
	}
	if len(g.until) >= rememberSenders {
		for k, t := range g.until {
			if t.Before(now) {
				delete(g.until, k)
			}
		}
		if len(g.until) >= rememberSenders {
			return true // the table is full of senders in a hurry: let others pass
		}
	}
	g.until[n] = full
	return true
}

// giveBack is for a text that allow counted and that was not stored.
func (g *floodGate) giveBack(n private.Msisdn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if full, ok := g.until[n]; ok {
		g.until[n] = full.Add(-g.Every)
	}
}
