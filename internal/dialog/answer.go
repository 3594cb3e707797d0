package dialog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

// talkKey asks for the conversation of a person, and whether a text of theirs
// was answered before.
type talkKey struct {
	h, key string
	now    time.Time
}

type kept struct {
	handled bool
	version uint64
	sealed  []byte
}

// loadTalks reads the conversations of those who wrote at once.
func (d *Dialog) loadTalks(ctx context.Context, list []talkKey) ([]kept, error) {
	hs, keys := make([]string, len(list)), make([]string, len(list))
	for i, k := range list {
		hs[i], keys[i] = k.h, k.key
	}
	out := make([]kept, len(list))
	b := postgres.ByIndex()
	b.Queue(sqlTalkLoad, hs, keys, list[0].now).Query(func(rows pgx.Rows) error {
		var n int
		var k kept
		_, err := pgx.ForEachRow(rows, []any{&n, &k.handled, &k.version, &k.sealed}, func() error {
			out[n-1] = k
			k.sealed = nil
			return nil
		})
		return err
	})
	if err := d.DB.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("load conversations: %w", err)
	}
	return out, nil
}

// answer is all that a text has led to but for errands, to be committed under
// the text's key: the state of the conversation and the reply.
type answer struct {
	cmd     casework.Command
	h       string
	version uint64 // of the state it was made from
	sealed  []byte // the next one
	now     time.Time
	reply   *message.Outbound // nil: none
	unread  bool              // no rule could read the text
	inbox   int64
	lang    text.Lang
}

// apart: what keeps one answer from being stored must not keep others.
func apart(err error) bool { return !postgres.Away(err) }

// commit stores the answers to texts of several people in one transaction. One
// that was stored before, or meets a conversation that has moved on, has them
// all refused; then they are stored in smaller batches and it alone.
func (d *Dialog) commit(ctx context.Context, list []answer) ([]struct{}, error) {
	var err error
	if len(list) == 1 {
		_, err = d.Commands.Do(ctx, list[0].cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
			return d.store(ctx, tx.Tx, list, tx.Tell)
		})
	} else {
		cs := make([]casework.Command, len(list))
		for i, a := range list {
			cs[i] = a.cmd
		}
		err = d.Commands.Together(ctx, cs, func(ctx context.Context, tx *casework.Joint) error {
			return d.store(ctx, tx, list, tx.Tell)
		})
	}
	return make([]struct{}, len(list)), err
}

func (d *Dialog) store(ctx context.Context, tx pgx.Tx, list []answer, tell func(message.Outbound)) error {
	n := len(list)
	hs, versions, sealed := make([]string, n), make([]int64, n), make([][]byte, n)
	var unread []int64
	var langs []string
	for i, a := range list {
		hs[i], versions[i], sealed[i] = a.h, int64(a.version), a.sealed
		if a.unread {
			unread, langs = append(unread, a.inbox), append(langs, string(a.lang))
		}
		if a.reply != nil {
			tell(*a.reply)
		}
	}
	if err := d.saveTalks(ctx, tx, hs, versions, sealed, list[0].now); err != nil {
		return err
	}
	if len(unread) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, sqlUnread, unread, langs, list[0].now); err != nil {
		return fmt.Errorf("mark texts as unread: %w", err)
	}
	return nil
}

var errTalkMoved = errors.New("another text of the same person was answered meanwhile")

// saveTalks keeps conversations in their next version, all or none.
func (d *Dialog) saveTalks(ctx context.Context, tx pgx.Tx, hs []string, versions []int64, sealed [][]byte, now time.Time) error {
	tag, err := tx.Exec(ctx, sqlTalkSave, hs, versions, sealed, now.Add(talkLives), now)
	if err != nil {
		return fmt.Errorf("keep conversations: %w", err)
	}
	if tag.RowsAffected() != int64(len(hs)) {
		return errTalkMoved
	}
	return nil
}
