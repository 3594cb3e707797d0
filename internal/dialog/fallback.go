package dialog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/sessions"
)

var _ sessions.Tier = (*SessionTable)(nil)

// SessionTable keeps USSD sessions in PostgreSQL: the tier behind Redis.
type SessionTable struct {
	db  DB
	now func() time.Time
}

// NewSessionTable makes a SessionTable.
func NewSessionTable(db DB, now func() time.Time) *SessionTable { return &SessionTable{db, now} }

// Load implements sessions.Store.
func (s *SessionTable) Load(ctx context.Context, key string) (sessions.State, error) {
	return readSession(s.db.QueryRow(ctx, sqlSessionLoad, key, s.now()))
}

func readSession(row pgx.Row) (sessions.State, error) {
	var value []byte
	if err := row.Scan(&value); errors.Is(err, pgx.ErrNoRows) {
		return sessions.State{}, sessions.ErrNone
	} else if err != nil {
		return sessions.State{}, fmt.Errorf("load a session: %w", err)
	}
	return sessions.Unmarshal(value)
}

// Commit implements sessions.Store.
func (s *SessionTable) Commit(ctx context.Context, key string, prev uint64, next []byte, ttl time.Duration,
	requestKey string, reply []byte,
) (out sessions.Outcome, err error) {
	switch {
	case ttl < time.Millisecond:
		return out, sessions.ErrTTL
	case requestKey == "":
		return out, sessions.ErrRequestKey
	case len(reply) > 0xFFFF:
		return out, sessions.ErrTooLong
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		out = sessions.Outcome{}
		now := s.now()
		had, err := readSession(tx.QueryRow(ctx, sqlSessionLock, key, now))
		if err != nil && !errors.Is(err, sessions.ErrNone) && !errors.Is(err, sessions.ErrCorrupt) {
			return err
		}
		if kept, ok := had.Replay(requestKey); ok {
			out = sessions.Outcome{Kind: sessions.Replayed, Version: had.Version, Reply: kept}
			return nil
		}
		if had.Version != prev {
			out = sessions.Outcome{Kind: sessions.Conflict, Version: had.Version}
			return nil
		}
		kept := append([]sessions.Kept{{Mark: sessions.MarkOf(requestKey), Reply: reply}}, had.Kept...)
		made := sessions.State{Version: prev + 1, Blob: next, Kept: kept[:min(len(kept), sessions.KeptReplies)]}
		sql := sqlSessionNext
		if prev == 0 {
			sql = sqlSessionNew
		}
		tag, err := tx.Exec(ctx, sql, key, made.Version, made.Marshal(), now.Add(ttl), now)
		if err != nil {
			return fmt.Errorf("commit a session: %w", err)
		}
		if tag.RowsAffected() == 0 { // another one was first to begin
			out = sessions.Outcome{Kind: sessions.Conflict}
			return nil
		}
		out = sessions.Outcome{Kind: sessions.Applied, Version: made.Version, Reply: reply}
		return nil
	})
	if err == nil && out.Kind == sessions.Conflict && out.Version == 0 {
		return s.afterLostBegin(ctx, key, requestKey)
	}
	return out, err
}

// afterLostBegin says what the winner of two simultaneous begins left.
func (s *SessionTable) afterLostBegin(ctx context.Context, key, requestKey string) (sessions.Outcome, error) {
	had, err := s.Load(ctx, key)
	if err != nil && !errors.Is(err, sessions.ErrNone) {
		return sessions.Outcome{}, err
	}
	if kept, ok := had.Replay(requestKey); ok {
		return sessions.Outcome{Kind: sessions.Replayed, Version: had.Version, Reply: kept}, nil
	}
	return sessions.Outcome{Kind: sessions.Conflict, Version: had.Version}, nil
}

// Delete implements sessions.Store.
func (s *SessionTable) Delete(ctx context.Context, key string, prev uint64) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlSessionDelete, key, prev, s.now()); err != nil {
			return fmt.Errorf("delete a session: %w", err)
		}
		_, err := readSession(tx.QueryRow(ctx, sqlSessionLoad, key, s.now()))
		switch {
		case errors.Is(err, sessions.ErrNone):
			return nil
		case err == nil || errors.Is(err, sessions.ErrCorrupt):
			return sessions.ErrConflict
		}
		return err
	})
}

// After is the table that is never behind k: Redis may go the moment after a
// step, and the next must not begin from the one before. What k has not
// written yet is read from it, so that no step waits for a commit.
func (s *SessionTable) After(k *Keeper) sessions.Tier { return caughtUp{s, k} }

type caughtUp struct {
	*SessionTable
	keeper *Keeper
}

func (c caughtUp) Load(ctx context.Context, key string) (sessions.State, error) {
	kept, ok := c.keeper.session(key) // before the table: it may be written meanwhile
	written, err := c.SessionTable.Load(ctx, key)
	none := errors.Is(err, sessions.ErrNone)
	if ok && (none || err == nil && written.Version < kept.Version) {
		return kept, nil
	}
	return written, err
}

// Install implements sessions.Tier.
func (s *SessionTable) Install(ctx context.Context, key string, st sessions.State, ttl time.Duration) (done bool, err error) {
	if ttl < time.Millisecond {
		return false, sessions.ErrTTL
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		now := s.now()
		tag, err := tx.Exec(ctx, sqlSessionInstall, []string{key}, []int64{int64(st.Version)}, [][]byte{st.Marshal()},
			[]time.Time{now.Add(ttl)}, now)
		if err != nil {
			return fmt.Errorf("install a session: %w", err)
		}
		done = tag.RowsAffected() == 1
		return nil
	})
	return done, err
}
