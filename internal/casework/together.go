package casework

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
)

// ErrTaken says that one command of several has taken effect before. Nothing
// was done: the caller goes on one by one, with Do.
var ErrTaken = errors.New("a command of several has taken effect before")

// Joint is the transaction of several commands. They move no case and audit
// nothing: what does has a transaction of its own.
type Joint struct {
	pgx.Tx
	texts []message.Outbound
}

// Tell adds a text that is stored with the commands.
func (j *Joint) Tell(m message.Outbound) { j.texts = append(j.texts, m) }

// Together runs fn in one transaction under the keys of several commands that
// have no result. All take effect or none does.
func (b *Book) Together(ctx context.Context, cs []Command, fn func(context.Context, *Joint) error) error {
	n := len(cs)
	channels, keys, verbs, kinds := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	actors := make([]int64, n)
	for i, c := range cs {
		if c.Key == "" {
			return fmt.Errorf("%s: command without a key", c.Verb)
		}
		channels[i], keys[i], verbs[i], kinds[i], actors[i] = c.Channel, c.Key, c.Verb, string(c.Actor.Kind), c.Actor.ID
	}
	return b.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlCommandsBegin, channels, keys, verbs, kinds, actors, b.now())
		if err != nil {
			return fmt.Errorf("begin %d commands: %w", n, err)
		}
		if tag.RowsAffected() != int64(n) {
			return ErrTaken
		}
		j := &Joint{Tx: tx}
		if err := fn(ctx, j); err != nil {
			return err
		}
		if len(j.texts) == 0 {
			return nil
		}
		if err := b.outbox.Enqueue(ctx, tx, j.texts); err != nil {
			return fmt.Errorf("enqueue texts of %d commands: %w", n, err)
		}
		return nil
	})
}
