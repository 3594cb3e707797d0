package aggregator

import (
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
	refusalsEvery = time.Second
)

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
