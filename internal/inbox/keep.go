package inbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
)

// keeping is a whole text on its way into the table.
type keeping struct {
	whole
	key    []byte
	now    time.Time
	within time.Duration // how long ago the same counts as a repeat
}

// storeWholes commits texts that came at once in one transaction, and tells
// which of them were stored: the others are repeats. Those there is a place for
// are handed on at once, unless their sender has an older one open.
func (b *Inbox) storeWholes(ctx context.Context, list []keeping) ([]bool, error) {
	ids, err := b.ids(ctx, b.cfg.DB, len(list))
	if err != nil {
		return nil, err
	}
	mine := b.allot(list, ids)
	unused := len(mine)
	defer func() { b.giveBack(unused) }()
	states, err := b.insert(ctx, list, ids, mine)
	if err != nil {
		if postgres.Away(err) {
			b.leases.doubt(mine, b.cfg.Now())
		}
		return nil, fmt.Errorf("inbox: keep %d texts: %w", len(list), err)
	}
	stored, waits := make([]bool, len(list)), false
	for i, k := range list {
		state, ok := states[ids[i]]
		stored[i] = ok
		waits = waits || state == "waiting"
		if state == "claimed" {
			unused--
			in := message.Inbound{ID: ids[i], Operator: k.operator, To: k.to, From: k.from, Body: private.NewBody(k.body), Incomplete: k.incomplete, At: k.now}
			b.start(claimed{Inbound: in, tries: 1})
		}
	}
	if waits {
		b.ring()
	}
	return stored, nil
}

// allot takes places for texts, one for each sender, unless older texts wait
// for places. It gives the ids of those that are to be stored as claimed.
func (b *Inbox) allot(list []keeping, ids []int64) []int64 {
	if b.behind.Load() {
		return nil
	}
	var mine []int64
	senders := make(map[private.Msisdn]bool, len(list))
	for i, k := range list {
		if k.state == "waiting" && !senders[k.from] {
			senders[k.from] = true
			mine = append(mine, ids[i])
		}
	}
	n := b.reserve(len(mine))
	if n < len(mine) {
		b.behind.Store(true)
	}
	return mine[:n]
}

// insert gives the state of each text that was stored, by its id.
func (b *Inbox) insert(ctx context.Context, list []keeping, ids, mine []int64) (map[int64]string, error) {
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
		if slices.Contains(mine, ids[i]) {
			k.state = "claimed"
		}
		if err := b.add(r, ids[i], k.whole, k.key, k.now); err != nil {
			return nil, err
		}
	}
	states := make(map[int64]string, len(list))
	batch := postgres.ByIndex()
	for within, r := range windows {
		batch.Queue(sqlKeepWholes, append(r.args(), within, claimFor)...).Query(func(rows pgx.Rows) error {
			var id int64
			var state string
			_, err := pgx.ForEachRow(rows, []any{&id, &state}, func() error { states[id] = state; return nil })
			return err
		})
	}
	return states, b.cfg.DB.SendBatch(ctx, batch).Close()
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
