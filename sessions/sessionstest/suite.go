// Package sessionstest checks that a sessions.Store keeps its promises, and
// starts a real redis-server to check against.
package sessionstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/sessions"
)

// Fixture is a store under test.
type Fixture struct {
	Store sessions.Store
	// Pass lets time go by in the store. Stores with a clock of their own wait
	// for it.
	Pass func(time.Duration)
}

const ttl = time.Minute

var keys atomic.Int64

func newKey() string { return fmt.Sprintf("person-%d", keys.Add(1)) }

// Run runs the whole suite. open is called once for each part of it.
func Run(t *testing.T, open func(*testing.T) Fixture) {
	for name, check := range map[string]func(*testing.T, Fixture){
		"step":                 step,
		"replay":               replay,
		"keeps three replies":  keepsThree,
		"conflict":             conflict,
		"refuses":              refuses,
		"time to live":         timeToLive,
		"delete":               remove,
		"octets are untouched": octets,
		"one of many wins":     oneWins,
		"same request at once": sameRequest,
		"random walk":          walk,
		"ended context":        ended,
		"install":              install,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, open(t))
		})
	}
}

func commit(t testing.TB, s sessions.Store, key string, prev uint64, blob, request, reply string) sessions.Outcome {
	t.Helper()
	out, err := s.Commit(t.Context(), key, prev, []byte(blob), ttl, request, []byte(reply))
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return out
}

func want(t testing.TB, got sessions.Outcome, kind sessions.Kind, version uint64, reply string) {
	t.Helper()
	if got.Kind != kind || got.Version != version || string(got.Reply) != reply {
		t.Errorf("outcome %v version %d reply %q, want %v %d %q", got.Kind, got.Version, got.Reply, kind, version, reply)
	}
}

func holds(t testing.TB, s sessions.Store, key string, version uint64, blob string) sessions.State {
	t.Helper()
	got, err := s.Load(t.Context(), key)
	if version == 0 {
		if !errors.Is(err, sessions.ErrNone) {
			t.Errorf("Load: version %d, error %v, want ErrNone", got.Version, err)
		}
		return got
	}
	if err != nil || got.Version != version || string(got.Blob) != blob {
		t.Errorf("Load: version %d, %q, %v; want %d, %q", got.Version, got.Blob, err, version, blob)
	}
	return got
}

func step(t *testing.T, f Fixture) {
	key := newKey()
	holds(t, f.Store, key, 0, "")
	want(t, commit(t, f.Store, key, 0, "menu", "r1", "1 permit"), sessions.Applied, 1, "1 permit")
	holds(t, f.Store, key, 1, "menu")
	want(t, commit(t, f.Store, key, 1, "permit", "r2", "id?"), sessions.Applied, 2, "id?")
	holds(t, f.Store, key, 2, "permit")
	holds(t, f.Store, newKey(), 0, "")
}

func replay(t *testing.T, f Fixture) {
	key := newKey()
	commit(t, f.Store, key, 0, "menu", "r1", "first")
	commit(t, f.Store, key, 1, "next", "r2", "second")
	for _, prev := range []uint64{0, 1, 2, 9} {
		want(t, commit(t, f.Store, key, prev, "again", "r1", "other"), sessions.Replayed, 2, "first")
		want(t, commit(t, f.Store, key, prev, "again", "r2", "other"), sessions.Replayed, 2, "second")
	}
	s := holds(t, f.Store, key, 2, "next")
	if reply, ok := s.Replay("r1"); !ok || string(reply) != "first" {
		t.Errorf("loaded state replays %q, %v", reply, ok)
	}
	if _, ok := s.Replay("r3"); ok {
		t.Error("loaded state replays a request it never saw")
	}
}

func keepsThree(t *testing.T, f Fixture) {
	key := newKey()
	for i := range 5 {
		commit(t, f.Store, key, uint64(i), "s", fmt.Sprint("r", i), fmt.Sprint("reply ", i))
	}
	for i := 2; i < 5; i++ {
		want(t, commit(t, f.Store, key, 5, "x", fmt.Sprint("r", i), ""), sessions.Replayed, 5, fmt.Sprint("reply ", i))
	}
	want(t, commit(t, f.Store, key, 1, "x", "r1", "late"), sessions.Conflict, 5, "")
	if s := holds(t, f.Store, key, 5, "s"); len(s.Kept) != sessions.KeptReplies {
		t.Errorf("%d replies kept", len(s.Kept))
	}
}

func conflict(t *testing.T, f Fixture) {
	key := newKey()
	want(t, commit(t, f.Store, key, 7, "x", "r0", ""), sessions.Conflict, 0, "")
	holds(t, f.Store, key, 0, "")
	commit(t, f.Store, key, 0, "menu", "r1", "")
	want(t, commit(t, f.Store, key, 0, "x", "r2", ""), sessions.Conflict, 1, "")
	want(t, commit(t, f.Store, key, 2, "x", "r2", ""), sessions.Conflict, 1, "")
	holds(t, f.Store, key, 1, "menu")
}

func refuses(t *testing.T, f Fixture) {
	key := newKey()
	for name, c := range map[string]struct {
		ttl     time.Duration
		request string
		reply   []byte
		want    error
	}{
		"no time to live":       {0, "r", nil, sessions.ErrTTL},
		"negative time to live": {-time.Second, "r", nil, sessions.ErrTTL},
		"no request key":        {ttl, "", nil, sessions.ErrRequestKey},
		"reply too long":        {ttl, "r", make([]byte, 65536), sessions.ErrTooLong},
	} {
		if _, err := f.Store.Commit(t.Context(), key, 0, nil, c.ttl, c.request, c.reply); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	holds(t, f.Store, key, 0, "")
}

func timeToLive(t *testing.T, f Fixture) {
	key, other := newKey(), newKey()
	for _, k := range []string{key, other} {
		if _, err := f.Store.Commit(t.Context(), k, 0, []byte("short"), 300*time.Millisecond, "r1", nil); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, f.Store, other, 1, "long", "r2", "")
	f.Pass(400 * time.Millisecond)
	holds(t, f.Store, key, 0, "")
	holds(t, f.Store, other, 2, "long")
	want(t, commit(t, f.Store, key, 1, "late", "r3", ""), sessions.Conflict, 0, "")
	want(t, commit(t, f.Store, key, 0, "new", "r1", "fresh"), sessions.Applied, 1, "fresh")
}

func remove(t *testing.T, f Fixture) {
	key, ctx := newKey(), t.Context()
	if err := f.Store.Delete(ctx, key, 3); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	commit(t, f.Store, key, 0, "menu", "r1", "")
	commit(t, f.Store, key, 1, "menu", "r2", "")
	if err := f.Store.Delete(ctx, key, 1); !errors.Is(err, sessions.ErrConflict) {
		t.Errorf("Delete of an old version: %v", err)
	}
	holds(t, f.Store, key, 2, "menu")
	if err := f.Store.Delete(ctx, key, 2); err != nil {
		t.Errorf("Delete: %v", err)
	}
	holds(t, f.Store, key, 0, "")
}

func octets(t *testing.T, f Fixture) {
	key := newKey()
	all := make([]byte, 512)
	for i := range all {
		all[i] = byte(i)
	}
	if _, err := f.Store.Commit(t.Context(), key, 0, all, ttl, "r\x001", all); err != nil {
		t.Fatal(err)
	}
	s := holds(t, f.Store, key, 1, string(all))
	if reply, ok := s.Replay("r\x001"); !ok || !bytes.Equal(reply, all) {
		t.Errorf("reply came back as %x, %v", reply, ok)
	}
	commit(t, f.Store, key, 1, "", "r2", "")
	holds(t, f.Store, key, 2, "")
	want(t, commit(t, f.Store, key, 2, "x", "r2", "other"), sessions.Replayed, 2, "")
}

func oneWins(t *testing.T, f Fixture) {
	key := newKey()
	const steps, rivals = 10, 8
	for v := range uint64(steps) {
		var applied atomic.Int64
		var wg sync.WaitGroup
		for i := range rivals {
			wg.Go(func() {
				out, err := f.Store.Commit(t.Context(), key, v, []byte{byte(i)}, ttl, fmt.Sprint(v, "/", i), nil)
				switch {
				case err != nil:
					t.Errorf("Commit: %v", err)
				case out.Kind == sessions.Applied:
					applied.Add(1)
				case out.Kind != sessions.Conflict:
					t.Errorf("rival got %v", out.Kind)
				}
			})
		}
		wg.Wait()
		if applied.Load() != 1 {
			t.Fatalf("%d rivals were applied on version %d", applied.Load(), v)
		}
	}
}

func sameRequest(t *testing.T, f Fixture) {
	key := newKey()
	var applied, replayed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			out, err := f.Store.Commit(t.Context(), key, 0, []byte("s"), ttl, "same", []byte("screen"))
			switch {
			case err != nil || string(out.Reply) != "screen":
				t.Errorf("reply %q, %v", out.Reply, err)
			case out.Kind == sessions.Applied:
				applied.Add(1)
			case out.Kind == sessions.Replayed:
				replayed.Add(1)
			}
		})
	}
	wg.Wait()
	if applied.Load() != 1 || replayed.Load() != 7 {
		t.Errorf("%d applied, %d replayed; want 1 and 7", applied.Load(), replayed.Load())
	}
}

// walk compares the store with the plainest model of its promises.
func walk(t *testing.T, f Fixture) {
	type kept struct{ request, reply string }
	rapid.Check(t, func(r *rapid.T) {
		key := newKey()
		version, blob, replies := uint64(0), "", []kept(nil)
		for i := range rapid.IntRange(1, 12).Draw(r, "steps") {
			request := fmt.Sprint("r", rapid.IntRange(0, 6).Draw(r, "request"))
			prev := version
			if rapid.IntRange(0, 4).Draw(r, "stale") == 0 {
				prev = rapid.Uint64Range(0, 5).Draw(r, "prev")
			}
			next, reply := fmt.Sprint("blob", i), fmt.Sprint("reply", i)
			expect := sessions.Outcome{Kind: sessions.Conflict, Version: version}
			if prev == version {
				expect = sessions.Outcome{Kind: sessions.Applied, Version: version + 1, Reply: []byte(reply)}
			}
			for _, k := range replies {
				if k.request == request {
					expect = sessions.Outcome{Kind: sessions.Replayed, Version: version, Reply: []byte(k.reply)}
				}
			}
			got, err := f.Store.Commit(context.Background(), key, prev, []byte(next), ttl, request, []byte(reply))
			if err != nil {
				r.Fatal(err)
			}
			if len(got.Reply) == 0 {
				got.Reply = nil
			}
			if diff := cmp.Diff(expect, got); diff != "" {
				r.Fatalf("step %d: -want +got\n%s", i, diff)
			}
			if got.Kind == sessions.Applied {
				version, blob = version+1, next
				replies = append([]kept{{request, reply}}, replies...)
				replies = replies[:min(len(replies), sessions.KeptReplies)]
			}
			if s, err := f.Store.Load(context.Background(), key); version != 0 && (err != nil || s.Version != version || string(s.Blob) != blob) {
				r.Fatalf("step %d: holds %d %q %v, want %d %q", i, s.Version, s.Blob, err, version, blob)
			}
		}
	})
}

func ended(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	key := newKey()
	if _, err := f.Store.Load(ctx, key); err == nil || errors.Is(err, sessions.ErrNone) {
		t.Errorf("Load with an ended context: %v", err)
	}
	if _, err := f.Store.Commit(ctx, key, 0, nil, ttl, "r", nil); err == nil {
		t.Error("Commit with an ended context succeeds")
	}
}

func install(t *testing.T, f Fixture) {
	tier, ok := f.Store.(sessions.Tier)
	if !ok {
		return // only stores that can stand in a Failover promise this
	}
	key := newKey()
	s := sessions.State{Version: 5, Blob: []byte("moved"), Kept: []sessions.Kept{{Mark: sessions.MarkOf("r5"), Reply: []byte("five")}}}
	put := func(s sessions.State, expect bool) {
		t.Helper()
		if done, err := tier.Install(t.Context(), key, s, ttl); err != nil || done != expect {
			t.Errorf("Install of version %d: %v, %v; want %v", s.Version, done, err, expect)
		}
	}
	put(s, true)
	put(s, false)
	put(sessions.State{Version: 4, Blob: []byte("older")}, false)
	got := holds(t, tier, key, 5, "moved")
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("-installed +loaded\n%s", diff)
	}
	want(t, commit(t, tier, key, 5, "x", "r5", ""), sessions.Replayed, 5, "five")
	want(t, commit(t, tier, key, 5, "six", "r6", ""), sessions.Applied, 6, "")
	put(sessions.State{Version: 256, Blob: []byte("far")}, true)
	holds(t, tier, key, 256, "far")
	if _, err := tier.Install(t.Context(), key, s, 0); !errors.Is(err, sessions.ErrTTL) {
		t.Errorf("Install without a time to live: %v", err)
	}
}
