package sessions

import (
	"context"
	"errors"
	"time"
)

var _ Store = (*Failover)(nil)

// FailoverConfig sets the pace of a Failover; zero fields take the values named.
type FailoverConfig struct {
	// Timeout is how long the first store may take before the step goes to the
	// fallback; 500 ms.
	Timeout time.Duration
	// Trial is how often the first store is tried while it is gone; 1 s.
	Trial time.Duration
	// Linger is how long, after a step on the fallback, both stores are asked
	// and the newer version counts; 5 min, longer than any session lives.
	Linger time.Duration
	// RestoreTTL is what a state moved between the stores gets until its next
	// step sets its own; 2 min.
	RestoreTTL time.Duration
	// Applied, when set, is told of each step on the first store, so that the
	// fallback can be given a copy in batches. It must not block. The copy keeps
	// the last reply only.
	Applied func(key string, s State, ttl time.Duration)
	// OnChange, when set, is told when the first store is given up and taken
	// back. It must not block.
	OnChange func(open bool)
	Now      func() time.Time
}

// Failover is a Store that carries on with the same versions on a fallback while
// the first store does not answer.
//
// Each failed call goes on to the fallback at once, so no step waits longer than
// Timeout for the first store. After two failures in a row the first store is
// left alone but for one trial a second. When it is back, the first step of each
// session takes the newer version of the two and moves it there.
//
// While the first store is gone, a Commit that names a version the fallback has
// not seen yet is taken at its word: the caller read it where it can't be asked
// for now.
type Failover struct {
	first, fallback Tier
	cfg             FailoverConfig
	breaker         breaker
}

// NewFailover puts fallback behind first.
func NewFailover(first, fallback Tier, cfg FailoverConfig) *Failover {
	orDefault := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	orDefault(&cfg.Timeout, 500*time.Millisecond)
	orDefault(&cfg.Trial, time.Second)
	orDefault(&cfg.Linger, 5*time.Minute)
	orDefault(&cfg.RestoreTTL, 2*time.Minute)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Failover{first: first, fallback: fallback, cfg: cfg, breaker: breaker{
		now: cfg.Now, interval: cfg.Trial, linger: cfg.Linger, onChange: cfg.OnChange,
	}}
}

// Open reports whether the first store is given up for now.
func (f *Failover) Open() bool { return f.breaker.isOpen() }

// Load implements Store.
func (f *Failover) Load(ctx context.Context, key string) (State, error) {
	var s State
	err := f.ask(ctx, func(ctx context.Context) (err error) {
		s, err = f.first.Load(ctx, key)
		return err
	})
	switch {
	case failed(err):
		return f.fallback.Load(ctx, key)
	case f.breaker.inDoubt(), errors.Is(err, ErrNone) && f.cfg.Applied != nil:
		return f.newer(ctx, key, s, err)
	}
	return s, err
}

// newer compares what the first store said with the fallback, and moves a newer
// state from there to the first store.
func (f *Failover) newer(ctx context.Context, key string, s State, err error) (State, error) {
	other, otherErr := f.fallback.Load(ctx, key)
	if otherErr != nil || other.Version <= s.Version {
		return s, err
	}
	moveErr := f.ask(ctx, func(ctx context.Context) error {
		_, err := f.first.Install(ctx, key, other, f.cfg.RestoreTTL)
		return err
	})
	if moveErr == nil && f.cfg.Applied == nil {
		// Left behind, it would look newer than the person's next session. If this
		// fails it ends with its own time to live. Where copies are kept, it is the
		// copy.
		_ = f.fallback.Delete(ctx, key, other.Version)
	}
	return other, nil
}

// Commit implements Store.
func (f *Failover) Commit(ctx context.Context, key string, prev uint64, next []byte, ttl time.Duration,
	requestKey string, reply []byte,
) (Outcome, error) {
	if err := checkCommit(ttl, requestKey, reply); err != nil {
		return Outcome{}, err
	}
	var out Outcome
	err := f.ask(ctx, func(ctx context.Context) (err error) {
		out, err = f.first.Commit(ctx, key, prev, next, ttl, requestKey, reply)
		return err
	})
	made := State{Version: prev + 1, Blob: next, Kept: []Kept{{Mark: MarkOf(requestKey), Reply: reply}}}
	if failed(err) {
		return f.commitFallback(ctx, key, made, ttl, requestKey)
	}
	if err == nil && out.Kind == Conflict && out.Version < prev && f.breaker.inDoubt() {
		// The version this step read was only on the fallback, and could not be
		// moved in time.
		return f.installFirst(ctx, key, made, ttl, requestKey)
	}
	if err == nil {
		f.copied(key, made, ttl, out)
	}
	return out, err
}

// copied tells of a step on the first store. A client that lost the answer and
// asked again learns of its own step as a replay.
func (f *Failover) copied(key string, made State, ttl time.Duration, out Outcome) {
	ours := out.Kind == Applied || out.Kind == Replayed && out.Version == made.Version
	if ours && f.cfg.Applied != nil {
		made.Kept[0].Reply = out.Reply
		f.cfg.Applied(key, made, ttl)
	}
}

// commitFallback makes the step on the fallback. What the caller read may never
// have reached it; then the step's own state is newer than what it has and is
// put in as it is.
func (f *Failover) commitFallback(ctx context.Context, key string, made State, ttl time.Duration, requestKey string) (Outcome, error) {
	f.breaker.doubt()
	reply := made.Kept[0].Reply
	out, err := f.fallback.Commit(ctx, key, made.Version-1, made.Blob, ttl, requestKey, reply)
	if err != nil || out.Kind != Conflict || out.Version >= made.Version {
		return out, err
	}
	return settle(ctx, f.fallback, key, made, ttl, requestKey)
}

func (f *Failover) installFirst(ctx context.Context, key string, made State, ttl time.Duration, requestKey string) (Outcome, error) {
	var out Outcome
	err := f.ask(ctx, func(ctx context.Context) (err error) {
		out, err = settle(ctx, f.first, key, made, ttl, requestKey)
		return err
	})
	if failed(err) {
		return f.commitFallback(ctx, key, made, ttl, requestKey)
	}
	if err == nil {
		f.copied(key, made, ttl, out)
	}
	return out, err
}

// settle installs made, or says what stands in its way.
func settle(ctx context.Context, t Tier, key string, made State, ttl time.Duration, requestKey string) (Outcome, error) {
	reply := made.Kept[0].Reply
	done, err := t.Install(ctx, key, made, ttl)
	if err != nil {
		return Outcome{}, err
	}
	if done {
		return Outcome{Kind: Applied, Version: made.Version, Reply: reply}, nil
	}
	s, err := t.Load(ctx, key)
	if err != nil && !errors.Is(err, ErrNone) {
		return Outcome{}, err
	}
	if kept, ok := s.Replay(requestKey); ok {
		return Outcome{Kind: Replayed, Version: s.Version, Reply: kept}, nil
	}
	return Outcome{Kind: Conflict, Version: s.Version}, nil
}

// Delete implements Store.
func (f *Failover) Delete(ctx context.Context, key string, prev uint64) error {
	err := f.ask(ctx, func(ctx context.Context) error { return f.first.Delete(ctx, key, prev) })
	if failed(err) || f.breaker.inDoubt() || f.cfg.Applied != nil {
		if other := f.fallback.Delete(ctx, key, prev); failed(err) {
			return other
		}
	}
	return err
}

// errGivenUp stands for a first store that was not asked.
var errGivenUp = errors.New("sessions: first store is given up for now")

// ask calls the first store, if it is to be asked, within Timeout and tells the
// breaker how it went.
func (f *Failover) ask(ctx context.Context, call func(context.Context) error) error {
	if !f.breaker.allow() {
		return errGivenUp
	}
	within, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	err := call(within)
	if errors.Is(ctx.Err(), context.Canceled) {
		return err // the caller left: that says nothing about the store
	}
	f.breaker.report(!failed(err))
	return err
}

// failed reports whether err means that the store did not do its work, as
// opposed to an answer that is an error.
func failed(err error) bool {
	return err != nil && !errors.Is(err, ErrNone) && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrCorrupt)
}
