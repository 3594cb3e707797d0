package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
)

// Receipt is what an operator says of a part after accepting it.
type Receipt struct {
	Operator string
	ID       string // in the operator's normal form; "" when it names none
	// Reached: the handset has it. Failed: it will not get it. Neither: it is
	// on its way, which tells that the operator has it.
	Reached, Failed bool
	Code            *int32
	// From and Reference find the part when its response was lost; Reference
	// is nil for operators that do not echo it.
	From      private.Msisdn
	Reference *uint16
}

func (r Receipt) state() string {
	switch {
	case r.Reached:
		return "delivered"
	case r.Failed:
		return "undelivered"
	}
	return "enroute"
}

type receiptJob struct {
	r    Receipt
	done chan error
}

// most receipts in one commit
const receiptBatch = 256

// Receive stores what a receipt says, and returns once that is committed. A
// receipt that names no part yet is kept for the response that is on its way;
// a repeated or late one changes nothing. Run must be running.
func (o *Outbox) Receive(ctx context.Context, r Receipt) error {
	job := receiptJob{r, make(chan error, 1)}
	select {
	case o.receipts <- job:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-job.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeReceipts stores what has come while the last batch was under way.
func (o *Outbox) takeReceipts(ctx context.Context) {
	for {
		var jobs []receiptJob
		select {
		case j := <-o.receipts:
			jobs = append(jobs, j)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(jobs) < receiptBatch; {
			select {
			case j := <-o.receipts:
				jobs = append(jobs, j)
			default:
				more = false
			}
		}
		err := o.storeReceipts(ctx, jobs)
		for _, j := range jobs {
			j.done <- err
		}
	}
}

func (o *Outbox) storeReceipts(ctx context.Context, jobs []receiptJob) error {
	n := len(jobs)
	operators, ids, states := make([]string, n), make([]*string, n), make([]string, n)
	codes, recipients, references := make([]*int32, n), make([][]byte, n), make([]*int32, n)
	for i, j := range jobs {
		operators[i], ids[i], states[i], codes[i] = j.r.Operator, zeroNil(j.r.ID), j.r.state(), j.r.Code
		recipients[i] = o.recipient(j.r.From)
		if j.r.Reference != nil {
			v := int32(*j.r.Reference)
			references[i] = &v
		}
		o.cfg.Metrics.receipt(j.r)
	}
	err := o.cfg.DB.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		b := postgres.ByIndex()
		b.Queue(sqlReceipts, redelivery(), o.cfg.Now(), operators, ids, states, codes, recipients, references, idFor).Query(o.cfg.Metrics.stored)
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return fmt.Errorf("outbox: store %d receipts: %w", n, err)
	}
	return nil
}

// Late stores an answer that came after its part had been given up as
// unknown. It stops a repeat that has not been written yet.
func (o *Outbox) Late(ctx context.Context, l Lane, p Part, a Answer) error {
	if a.Outcome != Sent {
		return nil // a refusal says nothing that the wait for a receipt would not
	}
	now := o.cfg.Now()
	row := &part{Part: p}
	b := postgres.ByIndex()
	s := &lane{Lane: l, o: o, settled: []settlement{row.settle(a, now)}}
	s.queueSettled(b, now)
	if err := o.cfg.DB.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("outbox: store a late answer: %w", err)
	}
	o.cfg.Metrics.resolved(l.Operator, "late_response", 1)
	return nil
}
