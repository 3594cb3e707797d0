package gateway

import (
	"sync"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/outbox"
)

// tally counts what a bind does until it is reported.
type tally struct {
	name links.Name

	mu       sync.Mutex
	minutes  map[time.Time]*links.Minute
	failures map[failure]*links.Failure
}

type failure struct {
	cause links.Cause
	code  uint32
}

// longestSilence is how many minutes are kept while they can't be reported.
const longestSilence = 24 * 60

// tallyOf gives a bind's counts, which outlive the bind that is made anew.
func (g *Gateway) tallyOf(n links.Name) *tally {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tallies[n]
	if t == nil {
		t = &tally{name: n, minutes: map[time.Time]*links.Minute{}, failures: map[failure]*links.Failure{}}
		g.tallies[n] = t
	}
	return t
}

// add changes the counts of the present minute.
func (t *tally) add(now time.Time, change func(*links.Minute)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t.minute(now.Truncate(time.Minute)))
}

// minute is called with mu held.
func (t *tally) minute(at time.Time) *links.Minute {
	m := t.minutes[at]
	if m == nil {
		if len(t.minutes) >= longestSilence {
			clear(t.minutes)
		}
		m = &links.Minute{Name: t.name, Minute: at}
		t.minutes[at] = m
	}
	return m
}

// failed notes a failure.
func (t *tally) failed(now time.Time, cause links.Cause, code uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := failure{cause, code}
	f := t.failures[k]
	if f == nil {
		f = &links.Failure{Name: t.name, Cause: cause, Code: code}
		t.failures[k] = f
	}
	f.Count++
	f.Last = now
}

// answered counts a part by what became of it.
func (t *tally) answered(now time.Time, a outbox.Answer, took time.Duration) {
	cause := links.Cause("")
	t.add(now, func(m *links.Minute) {
		m.Submitted++
		if a.Outcome != outbox.Unknown { // which is no response
			m.ResponseMS += took.Milliseconds()
		}
		switch a.Outcome {
		case outbox.Sent:
			m.Sent++
		case outbox.Throttled:
			m.Throttled++
			cause = links.Throttled
		case outbox.Temporary:
			m.Temporary++
			cause = links.Temporary
		case outbox.Unknown:
			m.Unknown++
			cause = links.Unanswered
		default:
			m.Rejected++
			cause = links.Rejected
		}
	})
	if cause != "" {
		t.failed(now, cause, uint32(a.Code))
	}
}

// take gives what was counted and begins anew.
func (t *tally) take() (minutes []links.Minute, failures []links.Failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.minutes {
		minutes = append(minutes, *m)
	}
	for _, f := range t.failures {
		failures = append(failures, *f)
	}
	clear(t.minutes)
	clear(t.failures)
	return minutes, failures
}

// restore takes back what could not be reported.
func (t *tally) restore(minutes []links.Minute, failures []links.Failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range minutes {
		t.minute(m.Minute).Add(m)
	}
	for _, f := range failures {
		k := failure{f.Cause, f.Code}
		if now := t.failures[k]; now != nil {
			now.Count += f.Count
		} else {
			t.failures[k] = &f
		}
	}
}
