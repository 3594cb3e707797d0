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
)

// commit stores answers, puts next in doubt and claims more, in one
// transaction and one round trip. On an error next goes back to the queue and
// nothing of it may be written.
func (s *lane) commit(ctx context.Context, next *[]*part, limit int, class message.Class) error {
	// The end of the lane must not break off a commit: what it put in doubt
	// would never be written.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	now := s.o.cfg.Now()
	b := byIndex()
	s.queueSettled(b, now)
	marked := map[int64]bool{}
	if len(*next) > 0 {
		ids, attempts := make([]int64, len(*next)), make([]int32, len(*next))
		for i, p := range *next {
			ids[i], attempts[i] = p.ID, p.attempt
		}
		b.Queue(sqlDoubt, ids, attempts, s.Bind, now, s.name).Query(func(rows pgx.Rows) error {
			var id int64
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error { marked[id] = true; return nil })
			return err
		})
	}
	var claimed []*part
	var unreadable []settlement
	if limit > 0 {
		b.Queue(sqlClaim, s.Operator, class, limit, s.name, leaseFor, s.serves()).Query(func(rows pgx.Rows) (err error) {
			claimed, unreadable, err = s.o.scanParts(rows, now)
			return err
		})
	}
	if err := s.o.cfg.DB.SendBatch(ctx, b).Close(); err != nil {
		for _, p := range *next {
			p.attempt--
		}
		s.queue = append(slices.Clone(*next), s.queue...)
		return fmt.Errorf("outbox: lane %s: %w", s.Bind, err)
	}
	s.stored(now)
	*next = slices.DeleteFunc(*next, func(p *part) bool { return !marked[p.ID] })
	s.settled = append(s.settled, unreadable...)
	s.enqueue(claimed)
	if full := len(claimed)+len(unreadable) == limit; limit > 0 && !full {
		s.news = false
		if class == message.Campaign {
			s.look = false
		}
	}
	return nil
}

// serves lists the operators whose parts this lane may take now.
func (s *lane) serves() []string {
	list := []string{s.Operator}
	if s.Relieves != nil {
		list = append(list, s.Relieves()...)
	}
	return list
}

func byIndex() *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(sqlByIndex)
	return b
}

func (s *lane) queueSettled(b *pgx.Batch, now time.Time) {
	if len(s.settled) > 0 {
		b.Queue(sqlSettle, settleArgs(s.settled, now, s.name)...)
		var ids []string
		for _, t := range s.settled {
			if t.smscID != nil {
				ids = append(ids, *t.smscID)
			}
		}
		if len(ids) > 0 {
			b.Queue(sqlUnparkThese, redelivery(), now, s.Operator, ids)
		}
	}
	if len(s.release) > 0 {
		b.Queue(sqlRelease, s.release, s.name)
	}
}

// stored forgets what the database now knows.
func (s *lane) stored(now time.Time) {
	s.settled, s.release = s.settled[:0], s.release[:0]
	for _, p := range s.back {
		p.claimed = now
	}
	s.enqueue(s.back)
	s.back = s.back[:0]
}

func (s *lane) enqueue(parts []*part) {
	if len(parts) == 0 {
		return
	}
	s.queue = append(s.queue, parts...)
	slices.SortFunc(s.queue, func(a, b *part) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.ID, b.ID))
	})
}

// finish waits for the answers that are out and gives the queue back.
func (s *lane) finish(ctx context.Context) error {
	for s.flight > 0 {
		s.take(<-s.answers)
	}
	for _, p := range append(s.queue, s.back...) {
		s.release = append(s.release, p.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	for {
		b := byIndex()
		s.queueSettled(b, s.o.cfg.Now())
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
		s.rest(ctx, dbWait)
	}
}
