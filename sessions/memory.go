package sessions

import (
	"bytes"
	"context"
	"sync"
	"time"
)

var _ Tier = (*MemoryStore)(nil)

// MemoryStore keeps states in this process. It drops dead ones as new ones come.
type MemoryStore struct {
	now func() time.Time

	mu    sync.Mutex
	lives map[string]life
	swept time.Time
}

type life struct {
	state State
	until time.Time
}

// sweepEvery bounds how long a dead state may take up memory.
const sweepEvery = 10 * time.Second

// NewMemoryStore returns an empty store on the given clock; nil is time.Now.
func NewMemoryStore(now func() time.Time) *MemoryStore {
	if now == nil {
		now = time.Now
	}
	return &MemoryStore{now: now, lives: map[string]life{}, swept: now()}
}

func (m *MemoryStore) get(key string) State {
	l, ok := m.lives[key]
	if !ok || !m.now().Before(l.until) {
		return State{}
	}
	return l.state
}

func (m *MemoryStore) put(key string, s State, ttl time.Duration) {
	now := m.now()
	if now.Sub(m.swept) >= sweepEvery {
		m.swept = now
		for k, l := range m.lives {
			if !now.Before(l.until) {
				delete(m.lives, k)
			}
		}
	}
	m.lives[key] = life{state: s, until: now.Add(ttl)}
}

// Load implements Store.
func (m *MemoryStore) Load(ctx context.Context, key string) (State, error) {
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.get(key)
	if s.Version == 0 {
		return State{}, ErrNone
	}
	return s.clone(), nil
}

// Commit implements Store.
func (m *MemoryStore) Commit(ctx context.Context, key string, prev uint64, next []byte, ttl time.Duration,
	requestKey string, reply []byte,
) (Outcome, error) {
	if err := checkCommit(ttl, requestKey, reply); err != nil {
		return Outcome{}, err
	}
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, mark := m.get(key), MarkOf(requestKey)
	if kept, ok := replay(s.Kept, mark); ok {
		return Outcome{Kind: Replayed, Version: s.Version, Reply: bytes.Clone(kept)}, nil
	}
	if s.Version != prev {
		return Outcome{Kind: Conflict, Version: s.Version}, nil
	}
	m.put(key, State{
		Version: prev + 1,
		Blob:    bytes.Clone(next),
		Kept:    remember(s.Kept, mark, bytes.Clone(reply)),
	}, ttl)
	return Outcome{Kind: Applied, Version: prev + 1, Reply: reply}, nil
}

// Delete implements Store.
func (m *MemoryStore) Delete(ctx context.Context, key string, prev uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch s := m.get(key); s.Version {
	case 0:
		return nil
	case prev:
		delete(m.lives, key)
		return nil
	}
	return ErrConflict
}

// Install implements Tier.
func (m *MemoryStore) Install(ctx context.Context, key string, s State, ttl time.Duration) (bool, error) {
	if ttl < time.Millisecond {
		return false, ErrTTL
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.get(key).Version >= s.Version {
		return false, nil
	}
	m.put(key, s.clone(), ttl)
	return true, nil
}

func (s State) clone() State {
	c := State{Version: s.Version, Blob: bytes.Clone(s.Blob)}
	for _, k := range s.Kept {
		c.Kept = append(c.Kept, Kept{Mark: k.Mark, Reply: bytes.Clone(k.Reply)})
	}
	return c
}
