package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/text"
)

// View is one heap of the inbox.
type View string

// Views.
const (
	ToDo    View = "todo"    // the clock runs
	Waiting View = "waiting" // for the family
	Ended   View = "ended"   // newest first
)

// Views lists them in page order.
func Views() []View { return []View{ToDo, Waiting, Ended} }

func (v View) states() []string {
	switch v {
	case ToDo: // and whatever a page asks for that is no view
	case Waiting:
		return []string{"INFO_NEEDED"}
	case Ended:
		return []string{"GRANTED", "GRANTED_PART", "REFUSED", "WITHDRAWN", "LAPSED", "CLOSED_NO_OBJECT", "UPHELD", "OVERTURNED"}
	}
	return []string{"SUBMITTED", "UNDER_REVIEW", "OPINION", "APPEALED"}
}

// Row is one line of the inbox: nothing in it names a person.
type Row struct {
	ID          int64
	Ref         string
	State       casework.State
	CreatedAt   time.Time
	DueAt       *time.Time
	AnswerBy    *time.Time
	Alarm       int16
	Unmatched   bool
	Visitors    int
	Relations   []string
	PlaceFr     string
	PlaceAr     string
	ClaimedBy   int64
	ClaimedName string
}

// Place gives the short name of the establishment in a language.
func (r Row) Place(l text.Lang) string {
	if l == text.Arabic {
		return r.PlaceAr
	}
	return r.PlaceFr
}

// Due says how pressing a row is.
type Due string

// From most to least pressing.
const (
	Overdue  Due = "overdue"
	Today    Due = "today"
	Soon     Due = "soon" // four fifths of the clock are used
	InTime   Due = "in_time"
	NoClock  Due = "no_clock"
	OnFamily Due = "on_family"
)

// Due tells how pressing the row is now, by the clock of the reader's zone.
func (r Row) Due(now time.Time) Due {
	switch {
	case r.AnswerBy != nil:
		return OnFamily
	case r.DueAt == nil:
		return NoClock
	case r.Alarm >= 100 || r.DueAt.Before(now):
		return Overdue
	case sameDay(r.DueAt.In(now.Location()), now):
		return Today
	case r.Used(now) >= 80:
		return Soon
	}
	return InTime
}

// Used is how much of the clock has run, in percent.
func (r Row) Used(now time.Time) int {
	if r.DueAt == nil {
		return 0
	}
	whole := r.DueAt.Sub(r.CreatedAt)
	if whole <= 0 {
		return 100
	}
	return int(min(100, max(0, 100*now.Sub(r.CreatedAt)/whole)))
}

func sameDay(a, b time.Time) bool { return a.YearDay() == b.YearDay() && a.Year() == b.Year() }

// PageSize is how many rows one page of a list shows.
const PageSize = 50

// Inbox is one page of a heap and how much lies in each.
type Inbox struct {
	Rows   []Row
	Counts map[View]int
	Late   int // overdue, of ToDo
	More   bool
}

// Inbox lists what lies with the person's authorities or establishments:
// overdue first, then by date due. Pages count from 0.
func (d *Desk) Inbox(ctx context.Context, w Who, v View, page int) (Inbox, error) {
	if err := w.Allow(SeeInbox); err != nil {
		return Inbox{}, err
	}
	in := Inbox{Counts: map[View]int{}}
	page = min(max(0, page), 100)
	sql := sqlInbox
	if v == Ended {
		sql = sqlInboxEnded
	}
	who := []any{string(w.Role), w.Authorities, w.Establishments, w.Countries, w.StaffID}
	batch := &pgx.Batch{}
	batch.Queue(sql, append(who, v.states(), d.now(), PageSize+1, page*PageSize)...).Query(func(rows pgx.Rows) (err error) {
		in.Rows, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Row])
		return err
	})
	for _, each := range Views() {
		batch.Queue(sqlInboxCount, append(who, each.states(), d.now())...).QueryRow(func(row pgx.Row) error {
			var n, late int
			err := row.Scan(&n, &late)
			in.Counts[each] = n
			if each == ToDo {
				in.Late = late
			}
			return err
		})
	}
	if err := d.db.SendBatch(ctx, batch).Close(); err != nil {
		return in, fmt.Errorf("read the inbox: %w", err)
	}
	if len(in.Rows) > PageSize {
		in.Rows, in.More = in.Rows[:PageSize], true
	}
	return in, nil
}
