package gateway

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/private"
)

// Live holds the operators as their file was last read well. Whoever asks it
// at each use sees the file as it is now; it is safe for concurrent use.
type Live struct {
	path string
	read time.Time // when this process first read it
	now  atomic.Pointer[Operators]

	mu      sync.Mutex // one reload at a time
	changed chan struct{}
}

// Fixed holds operators that come from no file.
func Fixed(ops Operators) *Live {
	l := &Live{changed: make(chan struct{})}
	l.now.Store(&ops)
	return l
}

// OpenLive reads an operators file; Reload reads it again.
func OpenLive(path string) (*Live, error) {
	read := time.Now()
	ops, err := LoadOperators(path)
	if err != nil {
		return nil, err
	}
	l := Fixed(ops)
	l.path, l.read = path, read
	return l, nil
}

// Operators are those of the file now. They must not be changed.
func (l *Live) Operators() Operators { return *l.now.Load() }

// Route names the operator that serves a number, or "".
func (l *Live) Route(n private.Msisdn) string { return l.Operators().Route(n) }

// Holding lists the operators whose parts in doubt are given up.
func (l *Live) Holding() []string { return l.Operators().Holding() }

// Manner is how an operator wants its texts.
func (l *Live) Manner(operator string) outbox.Manner { return l.Operators().Manner(operator) }

// Endpoint finds the aggregator that a path of a request belongs to.
func (l *Live) Endpoint(path string) (*aggregator.Endpoint, bool) {
	return l.Operators().Endpoint(path)
}

// Reload reads the file again, those beside it included. One that can't be
// used changes nothing.
func (l *Live) Reload() (Change, error) {
	if l.path == "" {
		return Change{}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ops, err := LoadOperators(l.path)
	if err != nil {
		return Change{}, err
	}
	c := compare(l.Operators(), ops)
	if c.Any() {
		l.replace(ops)
	}
	return c, nil
}

// replace is called with mu held.
func (l *Live) replace(ops Operators) {
	l.now.Store(&ops)
	close(l.changed)
	l.changed = make(chan struct{})
}

// watch gives a channel that is closed at the next change.
func (l *Live) watch() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Change is what a new operators file changes, by the names of operators and
// binds ("north/1").
type Change struct {
	Added, Removed, Changed []string
	Kept                    int // binds that stay as they are
}

// Any reports whether there is a change at all.
func (c Change) Any() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) > 0 }

// String is one line for a log.
func (c Change) String() string {
	var parts []string
	for _, p := range []struct {
		word  string
		names []string
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}} {
		if len(p.names) > 0 {
			parts = append(parts, p.word+" "+strings.Join(p.names, " "))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("binds kept %d", c.Kept)), "; ")
}

func compare(before, after Operators) Change {
	var c Change
	for _, o := range after {
		old, known := before.Find(o.Name)
		switch {
		case !known:
			c.Added = append(c.Added, o.Name)
		case !old.sameApartFromBinds(o):
			c.Changed = append(c.Changed, o.Name)
		}
		for _, b := range o.Binds {
			name := o.Name + "/" + b.Name
			switch was, known := old.bind(b.Name); {
			case !known:
				c.Added = append(c.Added, name)
			case !was.same(b):
				c.Changed = append(c.Changed, name)
			default:
				c.Kept++
			}
		}
		for _, b := range old.Binds {
			if _, kept := o.bind(b.Name); !kept {
				c.Removed = append(c.Removed, o.Name+"/"+b.Name)
			}
		}
	}
	for _, o := range before {
		if _, kept := after.Find(o.Name); !kept {
			c.Removed = append(c.Removed, o.Name)
		}
	}
	for _, names := range [][]string{c.Added, c.Removed, c.Changed} {
		slices.Sort(names)
	}
	return c
}

// settings leaves out what is made of the rest.
func (h *HTTP) settings() *HTTP {
	if h == nil {
		return nil
	}
	s := *h
	s.endpoint = nil
	return &s
}

func (o Operator) bind(name string) (Bind, bool) {
	i := slices.IndexFunc(o.Binds, func(b Bind) bool { return b.Name == name })
	if i < 0 {
		return Bind{}, false
	}
	return o.Binds[i], true
}

func (o Operator) sameApartFromBinds(other Operator) bool {
	o.Binds, other.Binds = nil, nil
	o.HTTP, other.HTTP = o.HTTP.settings(), other.HTTP.settings()
	return reflect.DeepEqual(o, other)
}
