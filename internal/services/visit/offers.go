package visit

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// Offer is what a party may book.
type Offer struct {
	House house
	Slots []Slot
	// Why says what stands in the way when there is no slot: the reason met
	// nearest to success.
	Why Reason
}

// Slots lists the next slots that a party may have, by the same rules that
// holding one will ask. ask.Occurrence is not looked at.
func (s *Service) Slots(ctx context.Context, ask Ask, limit int) (Offer, error) {
	var id int64
	var holds []Visit
	b := postgres.ByIndex()
	b.Queue(sqlDetaineeHouse, ask.Detainee).QueryRow(func(row pgx.Row) error { return row.Scan(&id) })
	b.Queue(sqlHoldsOf, ask.Account).Query(func(rows pgx.Rows) (err error) {
		holds, err = pgx.CollectRows(rows, pgx.RowToStructByName[Visit])
		return err
	})
	err := s.db.SendBatch(ctx, b).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		return Offer{}, fault.NotFound("visit.why.no_permit", nil)
	}
	if err != nil {
		return Offer{}, fmt.Errorf("find the house: %w", err)
	}
	h, err := s.house(ctx, id)
	if err != nil {
		return Offer{}, err
	}
	out, why, err := s.list(ctx, h, ask, holds, limit)
	return Offer{House: h, Slots: out, Why: why}, err
}

// free is Slots for an establishment that is loaded already.
func (s *Service) free(ctx context.Context, h house, ask Ask, limit int) ([]Slot, error) {
	holds, err := s.holdsOf(ctx, s.db, ask.Account)
	if err != nil {
		return nil, err
	}
	out, _, err := s.list(ctx, h, ask, holds, limit)
	return out, err
}

func (s *Service) list(ctx context.Context, h house, ask Ask, holds []Visit, limit int) ([]Slot, Reason, error) {
	var except []Visit
	if ask.Replaces != 0 {
		old, err := s.visit(ctx, s.db, ask.Replaces)
		if err != nil {
			return nil, "", err
		}
		except = append(except, old)
	}
	party, err := s.party(ctx, s.db, h, ask, append(except, holds...)...) // a new hold gives up the old one
	if err != nil {
		return nil, "", err
	}
	// The first of them are mostly enough; only a party that few suit has all looked at.
	out, why, whole, err := s.fitting(ctx, h, ask, party, except, limit, 4*max(limit, 2))
	if err == nil && len(out) < limit && !whole {
		out, why, _, err = s.fitting(ctx, h, ask, party, except, limit, mostSlots)
	}
	return out, why, err
}

// mostSlots bounds a list of occurrences.
const mostSlots = 1000

// fitting looks for limit slots among the next ones; whole tells whether
// there are no more than were looked at.
func (s *Service) fitting(ctx context.Context, h house, ask Ask, party Party, except []Visit, limit, most int) (out []Slot, why Reason, whole bool, err error) {
	today := civil(h.Now.In(h.Zone))
	all, err := s.coming.Ask(ctx, days{h.ID, ask.pool(), today, today.AddDate(0, 0, h.Rules.BookToDays), most})
	if err != nil {
		return nil, "", false, err
	}
	for _, o := range all {
		o.Start, o.End = o.Start.In(h.Zone), o.End.In(h.Zone)
		if len(except) > 0 && o.ID == except[0].OccurrenceID {
			continue
		}
		switch r := Check(Listing, h.Frame, o, party); {
		case r == "":
			out = append(out, o)
		case rank[r] > rank[why]:
			why = r
		}
		if len(out) == limit {
			break
		}
	}
	if len(all) == 0 {
		why = Full
	}
	return out, why, len(all) < most, nil
}

// rank orders reasons by how near they are to success.
var rank = func() map[Reason]int {
	m := map[Reason]int{}
	for i, r := range []Reason{
		NotOpenYet, WrongHouse, TooSoon, TooFar, Closed, NotForThem, SeparateOnly, Absent, Away, Ban, Sanction,
		PartyTooBig, PartyAdults, PartyChildren, NoAdult, VisitorBanned, NoPermit, PermitUsed, TakenDetainee, TakenVisitor,
		WeekFull, TooManyOpen, Full,
	} {
		m[r] = i + 1
	}
	return m
}()
