package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
)

// Quarantined is a text that failed too often, without its words and its
// sender. Since names the version of it: set aside anew, it is another.
type Quarantined struct {
	ID         int64
	Operator   string
	ShortCode  string
	ReceivedAt time.Time
	Tries      int16 // failures
	Lost       int16 // times that a process died with it under way
	Reason     string
	Since      time.Time
}

// Reasons lists the kinds of error that set a text aside, in words of a metric.
func Reasons() []string {
	list := []string{"panic", "timeout", "lost"}
	for _, k := range []fault.Kind{fault.KindInvalid, fault.KindNotFound, fault.KindConflict, fault.KindForbidden, fault.KindUnavailable, fault.KindInternal} {
		list = append(list, fmt.Sprint(k))
	}
	return list
}

// Quarantined lists texts that were set aside, newest first, but for the first
// so many.
func (b *Inbox) Quarantined(ctx context.Context, limit, skip int) ([]Quarantined, error) {
	rows, err := b.cfg.DB.Query(ctx, sqlQuarantined, limit, skip)
	if err != nil {
		return nil, fmt.Errorf("inbox: texts set aside: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Quarantined])
	if err != nil {
		return nil, fmt.Errorf("inbox: texts set aside: %w", err)
	}
	return list, nil
}

// SetAside counts the texts that failed too often.
func (b *Inbox) SetAside(ctx context.Context) (n int64, err error) {
	if err := b.cfg.DB.QueryRow(ctx, sqlSetAside).Scan(&n); err != nil {
		return 0, fmt.Errorf("inbox: count texts set aside: %w", err)
	}
	return n, nil
}

// Replay gives a text that was set aside, in tx, another round of tries. It is
// a Conflict if the text is not set aside since then any more.
func (b *Inbox) Replay(ctx context.Context, tx pgx.Tx, id int64, since time.Time) (Quarantined, error) {
	return b.settleAside(ctx, tx, sqlReplay, id, since)
}

// Leave ends, in tx, what was set aside: it is kept like a text that was
// answered. It is a Conflict as with Replay.
func (b *Inbox) Leave(ctx context.Context, tx pgx.Tx, id int64, since time.Time) (Quarantined, error) {
	return b.settleAside(ctx, tx, sqlLeave, id, since)
}

func (b *Inbox) settleAside(ctx context.Context, tx pgx.Tx, sql string, id int64, since time.Time) (Quarantined, error) {
	rows, err := tx.Query(ctx, sql, id, since, b.cfg.Now())
	if err != nil {
		return Quarantined{}, fmt.Errorf("inbox: text %d set aside: %w", id, err)
	}
	q, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Quarantined])
	if err == nil {
		return q, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return q, fmt.Errorf("inbox: text %d set aside: %w", id, err)
	}
	var known bool
	if err := tx.QueryRow(ctx, sqlKnown, id).Scan(&known); err != nil {
		return q, fmt.Errorf("inbox: text %d set aside: %w", id, err)
	}
	if !known {
		return q, fault.NotFound("inbox.unknown", nil)
	}
	return q, fault.Conflict("inbox.settled", nil)
}

// replayLimit bounds one round of ReplayAll.
const replayLimit = 1000

// ReplayAll gives up to a thousand texts that were set aside by then, in tx,
// another round of tries, and tells how many. What is set aside later stays.
func (b *Inbox) ReplayAll(ctx context.Context, tx pgx.Tx, by time.Time) (int64, error) {
	tag, err := tx.Exec(ctx, sqlReplayAll, by, b.cfg.Now(), replayLimit)
	if err != nil {
		return 0, fmt.Errorf("inbox: replay all: %w", err)
	}
	return tag.RowsAffected(), nil
}
