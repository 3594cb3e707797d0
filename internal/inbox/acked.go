package inbox

import (
	"sync"
	"time"
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

func (f Flood) orDefault() Flood {
	if f.Burst <= 0 {
		f.Burst = 60
	}
	if f.Every <= 0 {
		f.Every = 5 * time.Second
	}
	return f
}
