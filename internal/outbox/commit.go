package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// commit stores answers and takes up to room parts, which are in doubt from
// then on, in one transaction and one round trip. On an error nothing may be
// written: the next commits give back what this one may have taken.
func (s *lane) commit(ctx context.Context, room int) (next []*part, err error) {
	// The end of the lane must not break off a commit: what it put in doubt
	// would never be written.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	now := s.o.cfg.Now()
	b := postgres.ByIndex()
	s.queueSettled(b, now)
	var got taken
	whole := room > 0 && s.from == [places]int64{}
	if room > 0 {
		operators, class, after := s.queues()
		b.Queue(sqlTake, s.Operator, operators, room, class, after, s.Bind, s.run, now, whole).Query(func(rows pgx.Rows) (err error) {
			got, err = s.o.scanTaken(rows, now)
			return err
		})
	}
	if err := s.o.cfg.DB.SendBatch(ctx, b).Close(); err != nil {
		if room > 0 {
			s.unsure, s.late = true, now.Add(lateCommit)
		}
		return nil, fmt.Errorf("outbox: lane %s: %w", s.Bind, err)
	}
	if whole {
		s.spent(s.o.cfg.Now().Sub(now))
	}
	s.settled = append(s.settled[:0], got.unreadable...)
	if s.unsure {
		s.unsure, s.searched = false, now
	}
	if room > 0 {
		s.arrive(got, room)
	}
	s.o.cfg.Metrics.expired(s.Lane, got.expired)
	return got.parts, nil
}

// search reports whether what was never heard of is to be looked for again:
// PostgreSQL may carry out a commit after it was given up here.
func (s *lane) search(now time.Time) bool {
	return s.unsure || s.late.After(now) && now.Sub(s.searched) >= poll
}

// queues lists what this lane may take from, in order: of each class the
// operator's own queue, from where the lane has come to, then those it relieves.
func (s *lane) queues() (operators []string, class []int16, after []int64) {
	var others []string
	if s.Relieves != nil {
		others = s.Relieves()
	}
	for _, c := range classes() {
		operators, class, after = append(operators, s.Operator), append(class, int16(c)), append(after, s.from[c])
		for _, other := range others {
			operators, class, after = append(operators, other), append(class, int16(c)), append(after, 0)
		}
	}
	return operators, class, after
}

// arrive moves on in the queues.
func (s *lane) arrive(got taken, room int) {
	if s.look = got.rows == room; !s.look {
		s.from = [places]int64{}
		return
	}
	for _, p := range got.parts {
		if p.home == s.Operator {
			s.from[p.Class] = max(s.from[p.Class], p.ID)
		}
	}
}

func (s *lane) queueSettled(b *pgx.Batch, now time.Time) {
	if len(s.settled) > 0 {
		slices.SortFunc(s.settled, func(a, b settlement) int { return cmp.Compare(a.id, b.id) }) // as receipts are: neither waits for the other
		b.Queue(sqlSettle, settleArgs(s.settled, now)...)
		var ids []string
		for _, t := range s.settled {
			if t.smscID != nil {
				ids = append(ids, *t.smscID)
			}
		}
		if len(ids) > 0 {
			b.Queue(sqlUnparkThese, redelivery(), now, idFor, s.Operator, ids)
		}
	}
	if s.unsure {
		out := make([]int64, 0, len(s.out))
		for id := range s.out {
			out = append(out, id)
		}
		b.Queue(sqlUnwritten, s.run, out, now)
	}
}

// taken is what one commit took.
type taken struct {
	rows       int
	parts      []*part // to write, in order
	unreadable []settlement
	expired    []message.Class
}

// finish waits for the answers that are out and stores them.
func (s *lane) finish(ctx context.Context) error {
	for len(s.out) > 0 {
		s.take(<-s.answers)
	}
	ctx, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	for {
		b := postgres.ByIndex()
		now := s.o.cfg.Now()
		s.unsure = s.unsure || s.late.After(now)
		s.queueSettled(b, now)
		if b.Len() == 1 {
			return nil
		}
		err := s.o.cfg.DB.SendBatch(ctx, b).Close()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("outbox: lane %s: %d answers not stored", s.Bind, len(s.settled)), err)
		}
		pause(ctx, dbWait)
	}
}

// inOrder sorts parts as they are to be sent.
func inOrder(parts []*part) {
	slices.SortFunc(parts, func(a, b *part) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.ID, b.ID))
	})
}
