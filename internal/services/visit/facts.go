package visit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// querier is the pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// house is an establishment with its rules at one instant.
type house struct {
	establishment.Establishment
	Frame
}

// house loads an establishment with its rules. It must not be called inside a
// transaction: it takes a connection of its own.
func (s *Service) house(ctx context.Context, id int64) (house, error) {
	h, err := s.rules.Ask(ctx, id)
	h.Now = s.now()
	return h, err
}

func (s *Service) openHouse(ctx context.Context, id int64) (house, error) {
	e, err := s.houses.Establishment(ctx, id)
	if err != nil {
		return house{}, err
	}
	h := house{Establishment: e, Frame: Frame{WeekStart: time.Weekday(e.WeekStart), Now: s.now()}}
	if h.Zone, err = e.Location(); err != nil {
		return h, err
	}
	h.Rules, err = s.houses.Rules(ctx, id, h.Now)
	return h, err
}

// party loads what the rules need to know of those who come and of the
// detainee, leaving out the visits in except: the one being confirmed and the
// one being replaced. All of it is one round trip.
func (s *Service) party(ctx context.Context, q querier, h house, ask Ask, except ...Visit) (Party, error) {
	p := Party{Account: ask.Account, Staff: ask.Staff, Moves: ask.Replaces != 0, Weeks: map[WeekKey]Week{}}
	today := civil(h.Now.In(h.Zone))
	ids := make([]int64, 0, len(except))
	for _, v := range except {
		ids = append(ids, v.ID)
	}
	var known bool
	b := postgres.ByIndex()
	b.Queue(sqlDetainee, ask.Detainee).Query(func(rows pgx.Rows) (err error) {
		p.Detainee, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Detainee])
		known = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	b.Queue(sqlQuality, ask.Account).QueryRow(func(row pgx.Row) error { return row.Scan(&p.Professional) })
	queueGuests(b, &p, ask)
	queueBans(b, &p, ask, today)
	queueBusy(b, &p, ask, h.Now, ids)
	queueWeeks(b, &p, ask, weekOf(today, h.Frame.WeekStart))
	b.Queue(sqlOpenBookings, ask.Account, today, h.Now, ids).QueryRow(func(row pgx.Row) error { return row.Scan(&p.OpenBookings) })
	if err := q.SendBatch(ctx, b).Close(); err != nil {
		return p, fmt.Errorf("read a party: %w", err)
	}
	if !known || len(p.Guests) != len(ask.Visitors) { // another household's, removed, or named twice
		return p, fault.NotFound("visit.why.no_permit", nil)
	}
	for _, v := range except {
		p.giveBack(v)
	}
	return p, nil
}

// giveBack takes the rights that a visit uses out of the counts.
func (p *Party) giveBack(v Visit) {
	if v.Stage != "live" {
		return
	}
	if v.WeekStart != nil {
		k := WeekKey{*v.WeekStart, v.Kind}
		w := p.Weeks[k]
		w.Used--
		p.Weeks[k] = w
	}
	for _, g := range p.Guests {
		for i, permit := range g.Permits {
			if permit.Left != nil && slices.Contains(v.Permits, permit.ID) {
				left := *permit.Left + 1
				g.Permits[i].Left = &left
			}
		}
	}
}

func queueGuests(b *pgx.Batch, p *Party, ask Ask) {
	type row struct {
		VisitorID       int64
		BirthDate       time.Time
		PermitID        *int64
		Ref             *string
		State           *string
		ValidFrom       *time.Time
		ValidTo         *time.Time
		LeftOver        *int
		Separation      *bool
		EstablishmentID *int64
	}
	b.Queue(sqlGuests, ask.Account, ask.Detainee, ask.Visitors).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if err != nil {
			return fmt.Errorf("visitors: %w", err)
		}
		for _, r := range all {
			if len(p.Guests) == 0 || p.Guests[len(p.Guests)-1].VisitorID != r.VisitorID {
				p.Guests = append(p.Guests, Guest{VisitorID: r.VisitorID, Birth: r.BirthDate})
			}
			if r.PermitID == nil {
				continue
			}
			g := &p.Guests[len(p.Guests)-1]
			g.Permits = append(g.Permits, Permit{
				ID: *r.PermitID, Ref: *r.Ref, State: casework.State(*r.State), From: *r.ValidFrom, To: r.ValidTo,
				Left: r.LeftOver, Separation: *r.Separation, EstablishmentID: r.EstablishmentID,
			})
		}
		return nil
	})
}

func queueBans(b *pgx.Batch, p *Party, ask Ask, today time.Time) {
	var visitor int64
	var ban span
	b.Queue(sqlBans, ask.Visitors, ask.Detainee, today).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&visitor, &ban.from, &ban.to}, func() error {
			if i := slices.IndexFunc(p.Guests, func(g Guest) bool { return g.VisitorID == visitor }); i >= 0 {
				p.Guests[i].Banned = append(p.Guests[i].Banned, ban)
			}
			return nil
		})
		return err
	})
}

func queueBusy(b *pgx.Batch, p *Party, ask Ask, from time.Time, except []int64) {
	var when span
	var detainee bool
	b.Queue(sqlBusy, ask.Detainee, ask.Visitors, from, except).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&when.from, &when.to, &detainee}, func() error {
			if detainee {
				p.DetaineeBusy = append(p.DetaineeBusy, when)
			} else {
				p.GuestsBusy = append(p.GuestsBusy, when)
			}
			return nil
		})
		return err
	})
}

func queueWeeks(b *pgx.Batch, p *Party, ask Ask, from time.Time) {
	var k WeekKey
	var w Week
	b.Queue(sqlWeeks, ask.Detainee, from).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&k.Start, &k.Kind, &w.Used, &w.Allowed}, func() error {
			p.Weeks[k] = w
			return nil
		})
		return err
	})
}

// slot loads one occurrence as the rules see it.
func (s *Service) slot(ctx context.Context, q querier, h house, id int64, pool string) (Slot, error) {
	rows, err := q.Query(ctx, sqlSlot, pool, h.Now, id)
	if err != nil {
		return Slot{}, fmt.Errorf("read occurrence %d: %w", id, err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Slot])
	if errors.Is(err, pgx.ErrNoRows) {
		return o, fault.NotFound("visit.unknown_slot", nil)
	}
	if err != nil {
		return o, fmt.Errorf("read occurrence %d: %w", id, err)
	}
	o.Start, o.End = o.Start.In(h.Zone), o.End.In(h.Zone)
	return o, nil
}

// days names a list of occurrences.
type days struct {
	house    int64
	pool     string
	from, to time.Time
	most     int
}

// slots loads the first occurrences of some days, with times in UTC.
func (s *Service) slots(ctx context.Context, d days) (all []Slot, err error) {
	b := postgres.ByIndex()
	b.Queue(sqlSlots, d.pool, s.now(), d.house, d.from, d.to, d.most).Query(func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Slot])
		return err
	})
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("list occurrences: %w", err)
	}
	return all, nil
}
