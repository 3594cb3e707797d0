package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/wasl-sms/wasl/internal/schedule"
)

const forgetBatch = 5000

// Forget deletes what was done with before this instant, words and numbers.
func (b *Inbox) Forget(ctx context.Context, before time.Time) error {
	for {
		tag, err := b.cfg.DB.Exec(ctx, sqlForgetTexts, before, forgetBatch)
		if err != nil {
			return fmt.Errorf("inbox: forget old texts: %w", err)
		}
		if tag.RowsAffected() < forgetBatch {
			return nil
		}
	}
}

// Jobs lists what the inbox needs done by the clock; texts are kept for so many
// months.
func (b *Inbox) Jobs(months int) []schedule.Job {
	return []schedule.Job{{Name: "inbox.forget", Spec: "25 3 * * *", Do: func(ctx context.Context, r schedule.Run) error {
		return b.Forget(ctx, r.Due.AddDate(0, -months, 0))
	}}}
}
