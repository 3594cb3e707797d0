package batch

import (
	"context"
	"sync"
)

// Same gives those who ask for the same thing at once one answer. It is never
// older than the question: who comes while it is being looked up waits for the
// next look, with all others who do.
type Same[K comparable, R any] struct {
	look func(context.Context, K) (R, error)

	mu    sync.Mutex
	asked map[K]*asked[R]
}

type asked[R any] struct {
	*Group[struct{}, R]
	by int
}

// NewSame makes a Same that looks things up with look. Its answers are shared:
// nobody may change them.
func NewSame[K comparable, R any](look func(context.Context, K) (R, error)) *Same[K, R] {
	return &Same[K, R]{look: look, asked: map[K]*asked[R]{}}
}

// Ask gives the answer for k.
func (s *Same[K, R]) Ask(ctx context.Context, k K) (R, error) {
	a := s.enter(k)
	defer s.leave(k, a)
	return a.Do(ctx, struct{}{})
}

func (s *Same[K, R]) enter(k K) *asked[R] {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.asked[k]
	if !ok {
		a = &asked[R]{Group: New(Config[struct{}, R]{Do: func(ctx context.Context, all []struct{}) ([]R, error) {
			r, err := s.look(ctx, k)
			out := make([]R, len(all))
			for i := range out {
				out[i] = r
			}
			return out, err
		}})}
		s.asked[k] = a
	}
	a.by++
	return a
}

func (s *Same[K, R]) leave(k K, a *asked[R]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.by--; a.by == 0 {
		delete(s.asked, k)
	}
}
