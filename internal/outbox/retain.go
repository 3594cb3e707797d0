package outbox

import (
	"context"
	"fmt"

	"github.com/wasl-sms/wasl/internal/schedule"
)

// Prepare sees to it that this month's texts and the next's have tables of
// their own. It may be called at any time, by any number of processes.
func (o *Outbox) Prepare(ctx context.Context) error {
	if _, err := o.cfg.DB.Exec(ctx, sqlMonths); err != nil {
		return fmt.Errorf("outbox: make the tables of the month: %w", err)
	}
	return nil
}

// Forget drops the texts of months that ended more than so many months ago:
// words, numbers, and what became of them.
func (o *Outbox) Forget(ctx context.Context, months int) error {
	if _, err := o.cfg.DB.Exec(ctx, sqlForgetMonths, months); err != nil {
		return fmt.Errorf("outbox: drop old months: %w", err)
	}
	for {
		tag, err := o.cfg.DB.Exec(ctx, sqlForgetTold, months, forgetBatch)
		if err != nil {
			return fmt.Errorf("outbox: forget what was told: %w", err)
		}
		if tag.RowsAffected() < forgetBatch {
			return nil
		}
	}
}

const forgetBatch = 5000

// Jobs lists what the outbox needs done by the clock; texts are kept for so
// many months.
func (o *Outbox) Jobs(months int) []schedule.Job {
	return []schedule.Job{
		{Name: "outbox.months", Spec: "35 0 * * *", Do: func(ctx context.Context, _ schedule.Run) error { return o.Prepare(ctx) }},
		{Name: "outbox.forget", Spec: "15 3 * * *", Do: func(ctx context.Context, _ schedule.Run) error { return o.Forget(ctx, months) }},
	}
}
