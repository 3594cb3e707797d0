package dialog

import (
	"context"
	"hash/maphash"
)

// lanes let one request of a person pass at a time in this process, so that a
// repeat that comes at once finds the answer of the first. Between processes the
// version check of the session decides. A few people share a lane.
type lanes struct {
	seed  maphash.Seed
	gates []chan struct{}
}

func newLanes() lanes {
	l := lanes{seed: maphash.MakeSeed(), gates: make([]chan struct{}, 1024)}
	for i := range l.gates {
		l.gates[i] = make(chan struct{}, 1)
	}
	return l
}

func (l lanes) enter(ctx context.Context, h string) (leave func(), err error) {
	gate := l.gates[maphash.String(l.seed, h)%uint64(len(l.gates))]
	select {
	case gate <- struct{}{}:
		return func() { <-gate }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
