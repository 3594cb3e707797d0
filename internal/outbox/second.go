package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// failed is a text that its number did not take.
type failed struct {
	ID         int64
	CaseID     *int64
	AccountID  int64
	TextKey    text.Key
	Lang       text.Lang
	Class      int16
	Recipient  []byte
	BodySealed []byte
	Expires    time.Time
}

// trySecond tells failed texts once more, in the same words, to the second
// number of their account. The copy's occasion makes it happen once, whoever
// sweeps.
func (o *Outbox) trySecond(ctx context.Context) error {
	now := o.cfg.Now()
	return o.cfg.DB.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := postgres.GoByIndex(ctx, tx); err != nil {
			return fmt.Errorf("outbox: texts that failed: %w", err)
		}
		rows, err := tx.Query(ctx, sqlFailed, now.Add(-24*time.Hour))
		if err != nil {
			return fmt.Errorf("outbox: texts that failed: %w", err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByName[failed])
		if err != nil || len(list) == 0 {
			return err
		}
		accounts, ids := make([]int64, len(list)), make([]int64, len(list))
		for i, f := range list {
			accounts[i], ids[i] = f.AccountID, f.ID
		}
		contacts, err := o.cfg.Contacts.Contacts(ctx, tx, accounts)
		if err != nil {
			return fmt.Errorf("outbox: second numbers: %w", err)
		}
		var again []message.Outbound
		for _, f := range list {
			second := contacts[f.AccountID].Second
			if second.IsZero() || !f.Expires.After(now) || string(o.recipient(second)) == string(f.Recipient) {
				continue
			}
			plain, err := o.cfg.Vault.Open("message", "body_sealed", f.ID, f.BodySealed)
			if err != nil {
				return fmt.Errorf("outbox: open text %d: %w", f.ID, err)
			}
			copied := message.Outbound{
				Account: f.AccountID, To: second, Lang: f.Lang, Class: message.Class(f.Class),
				Line: text.L(f.TextKey, nil), Body: private.NewBody(string(plain)),
				Dedupe: fmt.Sprintf("second:%d", f.ID), Expires: f.Expires,
			}
			if f.CaseID != nil {
				copied.CaseID = *f.CaseID
			}
			again = append(again, copied)
		}
		if err := o.Enqueue(ctx, tx, again); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlSecondLooked, ids, now); err != nil {
			return fmt.Errorf("outbox: note the second numbers: %w", err)
		}
		return nil
	})
}
