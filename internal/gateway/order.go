package gateway

import (
	"sync"

	"github.com/wasl-sms/wasl/internal/links"
)

// order is what a bind is told to do.
type order struct {
	mu      sync.Mutex
	wanted  links.Wish
	changed chan struct{}
}

func newOrder(w links.Wish) *order { return &order{wanted: w, changed: make(chan struct{})} }

func (o *order) wish() links.Wish {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wanted
}

// get gives the wish, and a channel that is closed when it is worth asking
// again.
func (o *order) get() (links.Wish, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wanted, o.changed
}

// set reports whether that is a new wish.
func (o *order) set(w links.Wish) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.wanted == w {
		return false
	}
	o.wanted = w
	o.tell()
	return true
}

// again has those who obey ask once more: what they work by has changed.
func (o *order) again() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tell()
}

func (o *order) tell() {
	close(o.changed)
	o.changed = make(chan struct{})
}
