package dialog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/sessions"
)

const (
	behind     = 250 * time.Millisecond // how old what is not written yet may get
	sweepEvery = time.Minute
	mostBehind = 100_000 // rows in memory; beyond it PostgreSQL has been away for long
	perWrite   = 1000
)

// Keeper writes drafts and copies of live sessions to PostgreSQL in batches, so
// that no USSD step waits for a commit. What it has not written is lost with
// the process, and is in the session store then: a draft is never an effect.
type Keeper struct {
	db      DB
	now     func() time.Time
	onFault func(error)
	wake    chan struct{}

	flush sync.Mutex // one write at a time

	mu       sync.Mutex
	drafts   map[string]keptDraft
	sessions map[string]keptSession
	flying   map[string]keptDraft // taken, and not yet committed
	aloft    map[string]keptSession
}

type keptDraft struct {
	sealed  []byte // nil: dropped
	at      time.Time
	expires time.Time
}

type keptSession struct {
	state   sessions.State
	expires time.Time
}

// NewKeeper makes a Keeper; onFault (may be nil) is told of writes that failed
// and will be tried again.
func NewKeeper(db DB, now func() time.Time, onFault func(error)) *Keeper {
	if onFault == nil {
		onFault = func(error) {}
	}
	return &Keeper{
		db: db, now: now, onFault: onFault, wake: make(chan struct{}, 1),
		drafts: map[string]keptDraft{}, sessions: map[string]keptSession{},
	}
}

// Save keeps a draft; the latest of a person counts.
func (k *Keeper) Save(h string, sealed []byte, at, expires time.Time) {
	k.put(h, keptDraft{sealed: sealed, at: at, expires: expires})
}

// Drop forgets the drafts of a person up to an instant.
func (k *Keeper) Drop(h string, at time.Time) { k.put(h, keptDraft{at: at}) }

func (k *Keeper) put(h string, d keptDraft) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if had, ok := k.drafts[h]; (!ok && len(k.drafts) >= mostBehind) || ok && had.at.After(d.at) {
		return
	}
	k.drafts[h] = d
}

// Applied copies a step of the session store; it is sessions.FailoverConfig's
// hook of that name.
func (k *Keeper) Applied(key string, s sessions.State, ttl time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	had, ok := k.sessions[key]
	if !ok && len(k.sessions) >= mostBehind || had.state.Version > s.Version && s.Version > 1 {
		return
	}
	k.sessions[key] = keptSession{state: s, expires: k.now().Add(ttl)}
}

// Wake has what is kept written at once.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and then once more.
func (k *Keeper) Run(ctx context.Context) error {
	write, sweep := time.NewTicker(behind), time.NewTicker(sweepEvery)
	defer write.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			return k.Flush(last)
		case <-write.C:
		case <-k.wake:
		case <-sweep.C:
			if err := k.sweep(ctx); err != nil {
				k.onFault(err)
			}
		}
		if err := k.Flush(ctx); err != nil && ctx.Err() == nil {
			k.onFault(err)
		}
	}
}

// Flush writes what is kept now. What can't be written stays kept, unless
// something newer has come.
func (k *Keeper) Flush(ctx context.Context) error {
	k.flush.Lock()
	defer k.flush.Unlock()
	for {
		drafts, live, rest := k.take()
		if len(drafts)+len(live) == 0 {
			return nil
		}
		err := k.write(ctx, drafts, live)
		k.landed(drafts, live, err == nil)
		if err != nil {
			return fmt.Errorf("write drafts and sessions behind: %w", err)
		}
		if !rest {
			return nil
		}
	}
}

// session gives the copy of a live session that is not written yet.
func (k *Keeper) session(key string) (sessions.State, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept, ok := k.sessions[key]
	if !ok {
		kept, ok = k.aloft[key]
	}
	return kept.state, ok && kept.expires.After(k.now())
}

func (k *Keeper) take() (drafts map[string]keptDraft, live map[string]keptSession, rest bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	drafts, live = some(k.drafts), some(k.sessions)
	k.flying, k.aloft = drafts, live
	return drafts, live, len(k.drafts)+len(k.sessions) > 0
}

func some[V any](from map[string]V) map[string]V {
	out := map[string]V{}
	for key, v := range from {
		if len(out) == perWrite {
			break
		}
		out[key] = v
		delete(from, key)
	}
	return out
}

// landed ends a flight: what could not be written is kept again, unless
// something newer has come.
func (k *Keeper) landed(drafts map[string]keptDraft, live map[string]keptSession, written bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flying, k.aloft = nil, nil
	if written {
		return
	}
	for h, d := range drafts {
		if _, newer := k.drafts[h]; !newer {
			k.drafts[h] = d
		}
	}
	for key, s := range live {
		if _, newer := k.sessions[key]; !newer {
			k.sessions[key] = s
		}
	}
}

func (k *Keeper) write(ctx context.Context, drafts map[string]keptDraft, live map[string]keptSession) error {
	var hs, gone, keys []string
	var sealed, values [][]byte
	var at, expires, goneAt, until []time.Time
	var versions []int64
	for h, d := range drafts {
		if d.sealed == nil {
			gone, goneAt = append(gone, h), append(goneAt, d.at)
			continue
		}
		hs, sealed, at, expires = append(hs, h), append(sealed, d.sealed), append(at, d.at), append(expires, d.expires)
	}
	for key, s := range live {
		keys, versions = append(keys, key), append(versions, int64(s.state.Version))
		values, until = append(values, s.state.Marshal()), append(until, s.expires)
	}
	return k.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		b := &pgx.Batch{}
		if len(hs) > 0 {
			b.Queue(sqlDraftSave, hs, sealed, at, expires)
		}
		if len(gone) > 0 {
			b.Queue(sqlDraftDrop, gone, goneAt)
		}
		if len(keys) > 0 {
			b.Queue(sqlSessionInstall, keys, versions, values, until, k.now())
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

func (k *Keeper) sweep(ctx context.Context) error {
	return k.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		b := &pgx.Batch{}
		for _, sql := range []string{sqlSweepSessions, sqlSweepDrafts, sqlSweepTalks} {
			b.Queue(sql, k.now())
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

// draft gives a person's draft, written or not yet; nil when there is none.
func (k *Keeper) draft(ctx context.Context, h string) ([]byte, error) {
	k.mu.Lock()
	kept, ok := k.drafts[h]
	if !ok {
		kept, ok = k.flying[h]
	}
	k.mu.Unlock()
	if ok && (kept.sealed == nil || kept.expires.After(k.now())) {
		return kept.sealed, nil
	}
	var sealed []byte
	err := k.db.QueryRow(ctx, sqlDraftLoad, h, k.now()).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load a draft: %w", err)
	}
	return sealed, nil
}
