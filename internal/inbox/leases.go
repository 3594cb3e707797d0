package inbox

import (
	"sync"
	"time"
)

// leases knows the texts that this process has claimed. One that is handed on
// for long has its claim renewed; one whose claim nobody heard of is given up.
type leases struct {
	mu    sync.Mutex
	under map[int64]time.Time // claimed or renewed at
	maybe map[int64]time.Time // stored as claimed in a commit whose end is not known
}

func newLeases() *leases {
	return &leases{under: map[int64]time.Time{}, maybe: map[int64]time.Time{}}
}

func (l *leases) begin(id int64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.under[id] = now
}

func (l *leases) end(list []result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range list {
		delete(l.under, r.id)
	}
}

// due lists what is to be renewed now.
func (l *leases) due(now time.Time) (ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range l.under {
		if now.Sub(at) >= renewal {
			l.under[id] = now
			ids = append(ids, id)
		}
	}
	return ids
}

// doubt notes claims of which it is not known whether they came about.
func (l *leases) doubt(ids []int64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.maybe[id] = now
	}
}

// unsure lists claims in doubt. Each is named until it is found, or PostgreSQL
// can't carry out the commit any more; then its lease has run out too.
func (l *leases) unsure(now time.Time) (ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range l.maybe {
		if now.Sub(at) > claimFor {
			delete(l.maybe, id)
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

// found forgets the doubt about one.
func (l *leases) found(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.maybe, id)
}
