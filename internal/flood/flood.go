// Package flood tells who asks too often, so that one in a hurry takes
// nothing from the others.
package flood

import (
	"maps"
	"sync"
	"time"
)

// most are remembered at once. Whoever has kept still is forgotten.
const most = 50_000

// Buckets let each of many do something: a burst at once, and one more each so
// often. The zero Buckets are ready; they are safe for concurrent use.
type Buckets[K comparable] struct {
	mu    sync.Mutex
	until map[K]time.Time // when the bucket is full again
	swept time.Time
}

// Allow counts one of who's, unless that is one too many. Where most are in a
// hurry already, one who comes new is let pass and not remembered.
func (b *Buckets[K]) Allow(who K, burst int, every time.Duration, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	full, known := b.until[who]
	if full.Before(now) {
		full = now
	}
	full = full.Add(every)
	if full.Sub(now) > time.Duration(burst)*every {
		return false
	}
	if known || b.room(now) {
		b.until[who] = full
	}
	return true
}

// GiveBack is for one that Allow counted and that was not done.
func (b *Buckets[K]) GiveBack(who K, every time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if full, known := b.until[who]; known {
		b.until[who] = full.Add(-every)
	}
}

// room makes some for another one, but not at each request of a flood.
func (b *Buckets[K]) room(now time.Time) bool {
	if b.until == nil {
		b.until = map[K]time.Time{}
	}
	if len(b.until) >= most && now.Sub(b.swept) >= time.Second {
		b.swept = now
		maps.DeleteFunc(b.until, func(_ K, full time.Time) bool { return full.Before(now) })
	}
	return len(b.until) < most
}
