package desk

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/inbox"
)

// Aside is the desk of the texts from people that failed too often. Their
// words and numbers do not come to it.
type Aside struct {
	desk  *Desk
	inbox *inbox.Inbox
}

// NewAside makes the desk of the texts that were set aside.
func NewAside(d *Desk, in *inbox.Inbox) *Aside { return &Aside{desk: d, inbox: in} }

// List gives a page of them, newest first. Pages count from 0.
func (a *Aside) List(ctx context.Context, w Who, page int) (all []inbox.Quarantined, more bool, err error) {
	if err := w.Allow(SettleTexts); err != nil {
		return nil, false, err
	}
	page = min(max(0, page), 100)
	all, err = a.inbox.Quarantined(ctx, PageSize+1, page*PageSize)
	if len(all) > PageSize {
		all, more = all[:PageSize], true
	}
	return all, more, err
}

// Again has a text handed on once more, as if it had just come. It is a
// Conflict unless the text is set aside since then.
func (a *Aside) Again(ctx context.Context, w Who, nonce string, id int64, since time.Time) error {
	return a.settle(ctx, w, nonce, "inbox.replay", id, since, a.inbox.Replay)
}

// Leave takes a text off the list: its sender gets no answer. It is a Conflict
// as with Again.
func (a *Aside) Leave(ctx context.Context, w Who, nonce string, id int64, since time.Time) error {
	return a.settle(ctx, w, nonce, "inbox.leave", id, since, a.inbox.Leave)
}

func (a *Aside) settle(ctx context.Context, w Who, nonce, verb string, id int64, since time.Time,
	do func(context.Context, pgx.Tx, int64, time.Time) (inbox.Quarantined, error),
) error {
	return a.command(ctx, w, nonce, verb, func(ctx context.Context, tx *casework.Tx) error {
		q, err := do(ctx, tx.Tx, id, since)
		if err != nil {
			return err
		}
		tx.Audit(casework.Entry{
			Action: verb, ObjectKind: "inbound", ObjectID: id,
			Detail: map[string]any{"operator": q.Operator, "cause": q.Reason, "tries": q.Tries, "deaths": q.Lost, "since": q.Since},
		})
		return nil
	})
}

// AgainAll has all texts handed on once more that were set aside by then.
func (a *Aside) AgainAll(ctx context.Context, w Who, nonce string, by time.Time) error {
	const verb = "inbox.replay_all"
	return a.command(ctx, w, nonce, verb, func(ctx context.Context, tx *casework.Tx) error {
		n, err := a.inbox.ReplayAll(ctx, tx.Tx, by)
		if err != nil {
			return err
		}
		tx.Audit(casework.Entry{Action: verb, ObjectKind: "inbound", Detail: map[string]any{"texts": n, "by": by}})
		return nil
	})
}

func (a *Aside) command(ctx context.Context, w Who, nonce, verb string, do func(context.Context, *casework.Tx) error) error {
	if err := w.Allow(SettleTexts); err != nil {
		return err
	}
	_, err := a.desk.book.Do(ctx, w.Command(verb, nonce), nil, do)
	return err
}
