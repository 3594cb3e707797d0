package sessions

import (
	"sync"
	"time"
)

// breaker decides whether the first store is asked. Closed: yes. Open, after
// two failures in a row: no, but for one trial in each interval.
type breaker struct {
	now      func() time.Time
	interval time.Duration
	linger   time.Duration
	onChange func(open bool)

	mu       sync.Mutex
	failures int
	open     bool
	tried    time.Time
	doubted  time.Time // last time a step went to the fallback
	doubts   bool
}

const failuresToOpen = 2

func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true
	}
	if now := b.now(); now.Sub(b.tried) >= b.interval {
		b.tried = now
		return true
	}
	return false
}

func (b *breaker) report(ok bool) {
	b.mu.Lock()
	was := b.open
	if ok {
		b.failures, b.open = 0, false
	} else if b.failures++; b.failures >= failuresToOpen {
		b.open, b.tried = true, b.now()
	}
	is := b.open
	b.mu.Unlock()
	if was != is && b.onChange != nil {
		b.onChange(is)
	}
}

// doubt notes that the fallback may hold something newer than the first store.
func (b *breaker) doubt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doubted, b.doubts = b.now(), true
}

// inDoubt reports whether such a state may still live.
func (b *breaker) inDoubt() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.doubts && b.now().Sub(b.doubted) > b.linger {
		b.doubts = false
	}
	return b.doubts
}

func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}
