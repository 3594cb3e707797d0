package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// keeping is a whole text on its way into the table.
type keeping struct {
	whole
	key    []byte
	now    time.Time
	within time.Duration // how long ago the same counts as a repeat
}

// storeWholes commits texts that came at once in one transaction, and tells
// which of them were stored: the others are repeats.
func (b *Inbox) storeWholes(ctx context.Context, list []keeping) ([]bool, error) {
	ids, err := b.ids(ctx, b.cfg.DB, len(list))
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(list))
	windows := map[time.Duration]*rows{}
	for i, k := range list {
		if seen[string(k.key)] { // the same octets twice in one batch: the second is the repeat of the first
			continue
		}
		seen[string(k.key)] = true
		r := windows[k.within]
		if r == nil {
			r = &rows{}
			windows[k.within] = r
		}
		if err := b.add(r, ids[i], k.whole, k.key, k.now); err != nil {
			return nil, err
		}
	}
	stored := make(map[int64]bool, len(list))
	batch := &pgx.Batch{}
	for within, r := range windows {
		batch.Queue(sqlKeepWholes, append(r.args(), within)...).Query(func(rows pgx.Rows) error {
			var id int64
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error { stored[id] = true; return nil })
			return err
		})
	}
	if err := b.cfg.DB.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("inbox: keep %d texts: %w", len(list), err)
	}
	out := make([]bool, len(list))
	for i := range list {
		out[i] = stored[ids[i]]
	}
	return out, nil
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (b *Inbox) ids(ctx context.Context, db querier, n int) ([]int64, error) {
	found, err := db.Query(ctx, sqlInboxIDs, n)
	if err != nil {
		return nil, fmt.Errorf("inbox: draw ids: %w", err)
	}
	ids, err := pgx.CollectRows(found, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("inbox: draw ids: %w", err)
	}
	return ids, nil
}

// rows holds the columns of texts about to be stored.
type rows struct {
	key                  [][]byte
	id                   []int64
	operator, to, state  []string
	sender, number, body [][]byte
	incomplete           []bool
	at                   []time.Time
}

func (r *rows) args() []any {
	return []any{r.key, r.id, r.operator, r.sender, r.to, r.number, r.body, r.incomplete, r.state, r.at}
}

// add seals a text to its row.
func (b *Inbox) add(r *rows, id int64, t whole, key []byte, now time.Time) error {
	number, err := b.cfg.Vault.Seal("inbox", "number_sealed", id, []byte(t.from.Raw()))
	if err != nil {
		return fmt.Errorf("inbox: seal number: %w", err)
	}
	body, err := b.cfg.Vault.Seal("inbox", "body_sealed", id, []byte(t.body))
	if err != nil {
		return fmt.Errorf("inbox: seal body: %w", err)
	}
	r.key, r.id, r.at = append(r.key, key), append(r.id, id), append(r.at, now)
	r.operator, r.to, r.state = append(r.operator, t.operator), append(r.to, t.to), append(r.state, t.state)
	r.sender, r.number, r.body = append(r.sender, b.sender(t.from)), append(r.number, number), append(r.body, body)
	r.incomplete = append(r.incomplete, t.incomplete)
	return nil
}
