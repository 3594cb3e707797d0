package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
)

var errDown = errors.New("connection refused")

// flaky is a store that can be cut off, or whose answers can be lost.
type flaky struct {
	sessions.Tier
	down, deaf atomic.Bool
	asked      atomic.Int64
}

func (f *flaky) fails() bool {
	f.asked.Add(1)
	return f.down.Load()
}

func (f *flaky) Load(ctx context.Context, key string) (sessions.State, error) {
	if f.fails() {
		return sessions.State{}, errDown
	}
	return f.Tier.Load(ctx, key)
}

func (f *flaky) Commit(ctx context.Context, key string, prev uint64, next []byte, ttl time.Duration, request string, reply []byte) (sessions.Outcome, error) {
	if f.fails() {
		return sessions.Outcome{}, errDown
	}
	out, err := f.Tier.Commit(ctx, key, prev, next, ttl, request, reply)
	if f.deaf.Load() {
		return sessions.Outcome{}, errDown
	}
	return out, err
}

func (f *flaky) Install(ctx context.Context, key string, s sessions.State, ttl time.Duration) (bool, error) {
	if f.fails() {
		return false, errDown
	}
	return f.Tier.Install(ctx, key, s, ttl)
}

func (f *flaky) Delete(ctx context.Context, key string, prev uint64) error {
	if f.fails() {
		return errDown
	}
	return f.Tier.Delete(ctx, key, prev)
}

type pair struct {
	*sessions.Failover
	first, second *flaky
	clock         *clock
}

func newPair(cfg sessions.FailoverConfig) pair {
	c := newClock()
	cfg.Now = c.now
	p := pair{clock: c, first: &flaky{Tier: sessions.NewMemoryStore(c.now)}, second: &flaky{Tier: sessions.NewMemoryStore(c.now)}}
	p.Failover = sessions.NewFailover(p.first, p.second, cfg)
	return p
}

func (p pair) step(t *testing.T, prev uint64, request string) sessions.Outcome {
	t.Helper()
	out, err := p.Commit(t.Context(), "k", prev, []byte(request), time.Minute, request, []byte("to "+request))
	if err != nil {
		t.Fatalf("Commit %s: %v", request, err)
	}
	return out
}

func (p pair) holds(t *testing.T, version uint64, blob string) {
	t.Helper()
	s, err := p.Load(t.Context(), "k")
	if err != nil || s.Version != version || string(s.Blob) != blob {
		t.Fatalf("holds version %d %q, %v; want %d %q", s.Version, s.Blob, err, version, blob)
	}
}

func TestFailoverCarriesOn(t *testing.T) {
	t.Parallel()
	p := newPair(sessions.FailoverConfig{})
	p.step(t, 0, "r1")
	p.step(t, 1, "r2")
	p.first.down.Store(true)

	// The fallback never saw versions 1 and 2, but the step read them.
	if out := p.step(t, 2, "r3"); out.Kind != sessions.Applied || out.Version != 3 {
		t.Fatalf("step without the first store: %+v", out)
	}
	if out := p.step(t, 2, "r3"); out.Kind != sessions.Replayed || string(out.Reply) != "to r3" {
		t.Fatalf("repeat: %+v", out)
	}
	if out := p.step(t, 2, "rival"); out.Kind != sessions.Conflict || out.Version != 3 {
		t.Fatalf("rival: %+v", out)
	}
	p.holds(t, 3, "r3")
	if !p.Open() {
		t.Fatal("breaker is closed after three failures")
	}

	// Back, with the older version: the newer one counts, and moves over.
	p.first.down.Store(false)
	p.clock.pass(time.Second)
	p.holds(t, 3, "r3")
	if p.Open() {
		t.Fatal("breaker is open after a good trial")
	}
	if s, err := p.first.Tier.Load(t.Context(), "k"); err != nil || s.Version != 3 {
		t.Fatalf("the first store has version %d, %v", s.Version, err)
	}
	if _, err := p.second.Tier.Load(t.Context(), "k"); !errors.Is(err, sessions.ErrNone) {
		t.Fatalf("the fallback still has the session: %v", err)
	}
	if out := p.step(t, 2, "r3"); out.Kind != sessions.Replayed {
		t.Fatalf("repeat after the return: %+v", out)
	}
	if out := p.step(t, 3, "r4"); out.Kind != sessions.Applied || out.Version != 4 {
		t.Fatalf("step after the return: %+v", out)
	}
}

func TestFailoverReturnsBetweenLoadAndCommit(t *testing.T) {
	t.Parallel()
	p := newPair(sessions.FailoverConfig{})
	p.step(t, 0, "r1")
	p.first.down.Store(true)
	p.step(t, 1, "r2")
	p.step(t, 2, "r3")
	p.holds(t, 3, "r3")
	p.first.down.Store(false)
	p.clock.pass(time.Second)
	if out := p.step(t, 3, "r4"); out.Kind != sessions.Applied || out.Version != 4 {
		t.Fatalf("step read from the fallback, committed to the first store: %+v", out)
	}
	p.holds(t, 4, "r4")
}

func TestFailoverBreaker(t *testing.T) {
	t.Parallel()
	var changes []bool
	p := newPair(sessions.FailoverConfig{OnChange: func(open bool) { changes = append(changes, open) }})
	p.first.down.Store(true)
	load := func(times int) {
		for range times {
			if _, err := p.Load(t.Context(), "k"); !errors.Is(err, sessions.ErrNone) {
				t.Fatalf("Load: %v", err)
			}
		}
	}
	load(10)
	if n := p.first.asked.Load(); n != 2 {
		t.Errorf("asked %d times before giving up, want 2", n)
	}
	for range 3 {
		p.clock.pass(time.Second)
		load(10)
	}
	if n := p.first.asked.Load(); n != 5 {
		t.Errorf("asked %d times in all, want one trial a second", n)
	}
	p.first.down.Store(false)
	p.clock.pass(time.Second)
	load(10)
	if n := p.first.asked.Load(); n != 15 || p.Open() {
		t.Errorf("asked %d times, open %v, after its return", n, p.Open())
	}
	if fmt.Sprint(changes) != "[true false]" {
		t.Errorf("changes %v", changes)
	}
}

func TestFailoverLostAnswer(t *testing.T) {
	t.Parallel()
	p := newPair(sessions.FailoverConfig{})
	p.step(t, 0, "r1")
	p.first.deaf.Store(true)
	if out := p.step(t, 1, "r2"); out.Kind != sessions.Applied || out.Version != 2 {
		t.Fatalf("the step whose answer was lost: %+v", out)
	}
	p.first.deaf.Store(false)
	p.holds(t, 2, "r2")
	if out := p.step(t, 1, "r2"); out.Kind != sessions.Replayed || string(out.Reply) != "to r2" {
		t.Fatalf("its repeat: %+v", out)
	}
}

func TestFailoverBothGone(t *testing.T) {
	t.Parallel()
	p := newPair(sessions.FailoverConfig{})
	p.first.down.Store(true)
	p.second.down.Store(true)
	if _, err := p.Load(t.Context(), "k"); !errors.Is(err, errDown) {
		t.Errorf("Load: %v", err)
	}
	if _, err := p.Commit(t.Context(), "k", 0, nil, time.Minute, "r", nil); !errors.Is(err, errDown) {
		t.Errorf("Commit: %v", err)
	}
	if err := p.Delete(t.Context(), "k", 1); !errors.Is(err, errDown) {
		t.Errorf("Delete: %v", err)
	}
}

func TestFailoverCopies(t *testing.T) {
	t.Parallel()
	var p pair
	p = newPair(sessions.FailoverConfig{Applied: func(key string, s sessions.State, ttl time.Duration) {
		if _, err := p.second.Tier.Install(context.Background(), key, s, ttl); err != nil {
			t.Error(err)
		}
	}})
	p.step(t, 0, "r1")
	p.step(t, 1, "r2")
	// The first store is restarted, empty, and nobody notices.
	p.first.Tier = sessions.NewMemoryStore(p.clock.now)
	p.holds(t, 2, "r2")
	if out := p.step(t, 1, "r2"); out.Kind != sessions.Replayed || string(out.Reply) != "to r2" {
		t.Fatalf("repeat after the restart: %+v", out)
	}
	if out := p.step(t, 2, "r3"); out.Kind != sessions.Applied {
		t.Fatalf("step after the restart: %+v", out)
	}
	if err := p.Delete(t.Context(), "k", 3); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Load(t.Context(), "k"); !errors.Is(err, sessions.ErrNone) {
		t.Fatalf("after Delete: %v", err)
	}
}

// TestRedisKilled plays many phones against a real redis-server that is killed
// and started again under them: every step is answered within its 2 s, and each
// answer is that of its own person's step.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	playThrough(t, (*sessionstest.Redis).Kill, (*sessionstest.Redis).Start)
}

// TestRedisFrozen is the harder case: the server answers nothing, and when it
// comes back it first does what was asked of it meanwhile.
func TestRedisFrozen(t *testing.T) {
	t.Parallel()
	playThrough(t, (*sessionstest.Redis).Freeze, (*sessionstest.Redis).Thaw)
}

func playThrough(t *testing.T, takeAway, giveBack func(*sessionstest.Redis)) {
	r := sessionstest.StartRedis(t)
	first := openRedis(t, r)
	second := sessions.NewMemoryStore(nil)
	f := sessions.NewFailover(first, second, sessions.FailoverConfig{
		Trial: 50 * time.Millisecond, Timeout: 100 * time.Millisecond,
		Applied: func(key string, s sessions.State, ttl time.Duration) {
			if _, err := second.Install(context.Background(), key, s, ttl); err != nil {
				t.Error(err)
			}
		},
	})

	const phones, stepsEach, faults = 20, 150, 3
	var done atomic.Int64
	due := make(chan struct{}, faults)
	var wg sync.WaitGroup
	for phone := range phones {
		wg.Go(func() {
			for n := range uint64(stepsEach) {
				playStep(t, f, fmt.Sprint("phone", phone), n)
				if total := done.Add(1); total%(phones*stepsEach/(faults+1)) == 0 && total < phones*stepsEach {
					due <- struct{}{}
				}
			}
		})
	}
	for range faults {
		<-due
		before := done.Load()
		takeAway(r)
		waitUntil(t, func() bool { return done.Load() >= min(before+phones, phones*stepsEach) })
		giveBack(r)
	}
	wg.Wait()
	for phone := range phones {
		s, err := f.Load(t.Context(), fmt.Sprint("phone", phone))
		if err != nil || s.Version != stepsEach {
			t.Errorf("phone %d ends at version %d, %v; want %d", phone, s.Version, err, stepsEach)
		}
	}
}

// playStep makes step n of one phone as a dialogue would: load, answer, commit,
// and again on a conflict. Every third step is sent twice.
func playStep(t *testing.T, store sessions.Store, key string, n uint64) {
	request, answer := fmt.Sprint(key, "/", n), fmt.Sprint("screen ", n, " of ", key)
	times := 1
	if n%3 == 0 {
		times = 2
	}
	for range times {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		reply, err := tryStep(ctx, store, key, request, answer, n)
		cancel()
		if err != nil {
			t.Errorf("%s: %v", request, err)
		} else if reply != answer {
			t.Errorf("%s: answered %q", request, reply)
		}
	}
}

func tryStep(ctx context.Context, store sessions.Store, key, request, answer string, n uint64) (string, error) {
	for range 3 {
		s, err := store.Load(ctx, key)
		if err != nil && !errors.Is(err, sessions.ErrNone) {
			return "", err
		}
		if reply, ok := s.Replay(request); ok {
			return string(reply), nil
		}
		if s.Version != n {
			return "", fmt.Errorf("session is at %d", s.Version)
		}
		out, err := store.Commit(ctx, key, s.Version, []byte(answer), time.Minute, request, []byte(answer))
		if err != nil {
			return "", err
		}
		if out.Kind != sessions.Conflict {
			return string(out.Reply), nil
		}
	}
	return "", errors.New("three conflicts")
}

func waitUntil(t *testing.T, met func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !met(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("condition not met in 20 s")
		}
	}
}

func TestFailoverCopiesEveryStep(t *testing.T) {
	t.Parallel()
	var p pair
	p = newPair(sessions.FailoverConfig{Applied: func(key string, s sessions.State, ttl time.Duration) {
		if _, err := p.second.Tier.Install(context.Background(), key, s, ttl); err != nil {
			t.Error(err)
		}
	}})
	p.step(t, 0, "r1")
	p.first.down.Store(true)
	p.step(t, 1, "r2")
	p.step(t, 2, "r3")
	p.holds(t, 3, "r3")
	// Back and empty between the load and the commit of a step, then gone again.
	p.first.down.Store(false)
	p.first.Tier = sessions.NewMemoryStore(p.clock.now)
	p.clock.pass(time.Second)
	p.step(t, 3, "r4")
	p.first.down.Store(true)
	p.holds(t, 4, "r4")
	// Back and empty before a load, then gone again.
	p.first.down.Store(false)
	p.first.Tier = sessions.NewMemoryStore(p.clock.now)
	p.clock.pass(time.Second)
	p.holds(t, 4, "r4")
	p.first.down.Store(true)
	p.holds(t, 4, "r4")
}
