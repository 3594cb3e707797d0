package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
)

// TrailRow is one event as the auditor reads it: who did what to which
// record. It holds no name of a family, no text and no note.
type TrailRow struct {
	ID        int64
	At        time.Time
	ActorKind string
	Name      string
	Login     string
	Role      string
	Channel   string
	Action    string
	Kind      string
	ObjectID  int64
	Ref       string
	Reason    string
	Sealed    bool
	Bind      string // operator/bind, of what was done to one
}

// TrailFilter narrows the trail. Before is an event id to page from; 0 begins
// with the newest.
type TrailFilter struct {
	Before int64
	Ref    string
	Login  string
	Action string
}

// Trail reads the audit trail, newest first.
func (d *Desk) Trail(ctx context.Context, w Who, f TrailFilter) (rows []TrailRow, more bool, err error) {
	if err := w.Allow(SeeAudit); err != nil {
		return nil, false, err
	}
	found, err := d.db.Query(ctx, sqlTrail, f.Before, f.Ref, f.Login, f.Action, PageSize+1)
	if err != nil {
		return nil, false, fmt.Errorf("read the trail: %w", err)
	}
	rows, err = pgx.CollectRows(found, pgx.RowToStructByPos[TrailRow])
	if err != nil {
		return nil, false, fmt.Errorf("read the trail: %w", err)
	}
	if len(rows) > PageSize {
		return rows[:PageSize], true, nil
	}
	return rows, false, nil
}

// VerifyTrail computes the whole chain again. That it was
// done is an event itself.
func (d *Desk) VerifyTrail(ctx context.Context, w Who, nonce string) (casework.Report, error) {
	if err := w.Allow(SeeAudit); err != nil {
		return casework.Report{}, err
	}
	report, err := casework.Verify(ctx, d.db)
	if err != nil {
		return report, err
	}
	_, err = d.book.Do(ctx, w.Command("audit.verify", nonce), nil, func(_ context.Context, tx *casework.Tx) error {
		tx.Audit(casework.Entry{
			Action: "audit.verify", ObjectKind: "audit", ObjectID: report.Head.Seq,
			Detail: map[string]any{"sealed": report.Sealed, "holds": report.First == nil},
		})
		return nil
	})
	return report, err
}
