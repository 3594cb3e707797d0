package aggregator

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits keep one phone, or one aggregator, from taking what others need. What
// is zero is no limit.
type Limits struct {
	PerPhone float64 // steps a second of one number, beside a first burst
	TPS      float64 // steps a second of the aggregator
	AtOnce   int     // steps of the aggregator under way
}

const (
	phoneBurst    = 30 // more than anyone keys in half a minute, repeats of the aggregator included
	refusalBurst  = 30 // of one address, and one more a second: what is above is told to nobody
	mostRemember  = 50_000
	refusalsEvery = time.Second
)

// buckets tell who does something too often: a burst at once, and one more
// each so often. They forget whoever has kept still.
type buckets struct {
	mu    sync.Mutex
	until map[string]time.Time // when the bucket is full again
	swept time.Time
}

func (b *buckets) allow(who string, burst int, every time.Duration, now time.Time) bool {
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

// room makes some for another one, but not at each request of a flood. Where
// all are in a hurry there is none, and who comes then is not remembered.
func (b *buckets) room(now time.Time) bool {
	if b.until == nil {
		b.until = map[string]time.Time{}
	}
	if len(b.until) >= mostRemember && now.Sub(b.swept) >= time.Second {
		b.swept = now
		maps.DeleteFunc(b.until, func(_ string, full time.Time) bool { return full.Before(now) })
	}
	return len(b.until) < mostRemember
}

// pace is one aggregator's share, whatever becomes of its endpoint.
type pace struct {
	under  int
	bucket *rate.Limiter
	tps    float64
}

// paces are those of all aggregators, by operator.
type paces struct {
	mu  sync.Mutex
	all map[string]*pace
}

// enter takes up a step of an aggregator, unless it has more than its share;
// leave must be called then.
func (p *paces) enter(e *Endpoint, now time.Time) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.all[e.Operator]
	if one == nil {
		if p.all == nil {
			p.all = map[string]*pace{}
		}
		one = &pace{}
		p.all[e.Operator] = one
	}
	if one.tps != e.Limits.TPS {
		one.tps, one.bucket = e.Limits.TPS, rate.NewLimiter(rate.Limit(e.Limits.TPS), max(1, int(e.Limits.TPS)))
	}
	if e.Limits.AtOnce > 0 && one.under >= e.Limits.AtOnce || one.tps > 0 && !one.bucket.AllowN(now, 1) {
		return nil, false
	}
	one.under++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		one.under--
	}, true
}
