package visit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
)

// Hold keeps a place for a while. An account holds one place at a time: an
// earlier hold is given up, and asking for the same place again gives the hold
// that is there. When the slot can't be had the error is a *Refusal, which
// carries the next ones.
func (s *Service) Hold(ctx context.Context, cmd casework.Command, ask Ask) (Hold, error) {
	var out Hold
	h, full, err := s.open(ctx, ask)
	if err != nil {
		return out, err
	}
	err = s.do(ctx, cmd, "visit.hold", &out, func(ctx context.Context, tx *casework.Tx) error {
		if full {
			return refusal(Full)
		}
		v, err := s.takeHold(ctx, tx, h, ask)
		if err != nil {
			return err
		}
		out = Hold{ID: v.ID, Ref: v.Ref, Until: *v.HoldExpiresAt}
		return nil
	})
	return out, s.withNext(ctx, h, ask, err)
}

// Release gives a held place back.
func (s *Service) Release(ctx context.Context, cmd casework.Command, visitID int64) error {
	v, err := s.visit(ctx, s.db, visitID)
	if err != nil {
		return err
	}
	if err := own(v, cmd.Actor); err != nil {
		return err
	}
	return s.do(ctx, cmd, "visit.release", nil, func(ctx context.Context, tx *casework.Tx) error {
		v, f, err := s.take(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := lockPlaces(ctx, tx.Tx, v); err != nil {
			return err
		}
		_, err = tx.Move(ctx, Life(), f, casework.Move{Event: release})
		return err
	})
}

// open loads the house of what is asked for and tells, before any lock is
// taken, what is plainly full: no hold of one's own in it, and none run out.
func (s *Service) open(ctx context.Context, ask Ask) (h house, full bool, err error) {
	var id int64
	err = s.db.QueryRow(ctx, sqlOccurrenceHouse, ask.Occurrence, ask.pool(), s.now()).Scan(&id, &full)
	if errors.Is(err, pgx.ErrNoRows) {
		return h, false, fault.NotFound("visit.unknown_slot", nil)
	}
	if err != nil {
		return h, false, fmt.Errorf("read occurrence %d: %w", ask.Occurrence, err)
	}
	if h, err = s.house(ctx, id); err != nil || !full {
		return h, full, err
	}
	holds, err := s.holdsOf(ctx, s.db, ask.Account)
	mine := slices.ContainsFunc(holds, func(v Visit) bool { return v.OccurrenceID == ask.Occurrence })
	return h, !mine, err
}

func (s *Service) holdsOf(ctx context.Context, q querier, account int64) ([]Visit, error) {
	return s.read(ctx, q, sqlHoldsOf, account)
}

// takeHold is Hold inside its transaction.
func (s *Service) takeHold(ctx context.Context, tx *casework.Tx, h house, ask Ask) (Visit, error) {
	h.Now = tx.Now()
	// Locked alone first: what the account holds is read behind it.
	if _, err := tx.Exec(ctx, sqlLockAccount, ask.Account); err != nil {
		return Visit{}, fmt.Errorf("lock account: %w", err)
	}
	holds, err := s.holdsOf(ctx, tx, ask.Account)
	if err != nil {
		return Visit{}, err
	}
	if i := slices.IndexFunc(holds, func(v Visit) bool { return v.answers(ask, h.Now) }); i >= 0 {
		return holds[i], nil
	}
	except := slices.Clone(holds)
	if ask.Replaces != 0 {
		old, err := s.visit(ctx, tx, ask.Replaces)
		if err != nil {
			return Visit{}, err
		}
		if old.State != Booked || old.AccountID != ask.Account || old.DetaineeID != ask.Detainee {
			return Visit{}, fault.Conflict("visit.not_movable", nil)
		}
		except = append(except, old)
	}
	if err := lockFamily(ctx, tx.Tx, ask, except...); err != nil {
		return Visit{}, err
	}
	party, err := s.party(ctx, tx, h, ask, except...)
	if err != nil {
		return Visit{}, err
	}
	o, err := s.slot(ctx, tx, h, ask.Occurrence, ask.pool())
	if err != nil {
		return Visit{}, err
	}
	for _, v := range holds { // given up below
		if v.OccurrenceID == o.ID && v.HoldExpiresAt.After(h.Now) && v.Pool == ask.pool() {
			o.FreeGroups, o.FreeHeads = o.FreeGroups+1, o.FreeHeads+v.Heads
		}
	}
	if why := Check(Holding, h.Frame, o, party); why != "" {
		return Visit{}, refusal(why)
	}
	week := weekStart(h, o, party)
	if err := s.makeWeek(ctx, tx.Tx, h, o, party, week); err != nil {
		return Visit{}, err
	}
	if err := lockPlaces(ctx, tx.Tx, append(except, Visit{
		DetaineeID: ask.Detainee, WeekStart: week, OccurrenceID: o.ID,
	})...); err != nil {
		return Visit{}, err
	}
	if err := s.allowWeek(ctx, tx.Tx, h, o, party, week); err != nil {
		return Visit{}, err
	}
	for _, v := range holds {
		if err := s.drop(ctx, tx, v, release, nil); err != nil {
			return Visit{}, err
		}
	}
	if err := s.makeRoom(ctx, tx, h, ask, party.heads(h.Frame, o.Day)); err != nil {
		return Visit{}, err
	}
	return s.insert(ctx, tx, h, ask, o, party, week)
}

// answers tells whether a hold is just what is asked for.
func (v Visit) answers(ask Ask, now time.Time) bool {
	mine, wanted := slices.Sorted(slices.Values(v.Visitors)), slices.Sorted(slices.Values(ask.Visitors))
	replaces := int64(0)
	if v.Replaces != nil {
		replaces = *v.Replaces
	}
	return v.OccurrenceID == ask.Occurrence && v.DetaineeID == ask.Detainee && v.Pool == ask.pool() &&
		replaces == ask.Replaces && v.HoldExpiresAt.After(now) && slices.Equal(mine, wanted)
}

func (v Visit) ask() Ask {
	a := Ask{Account: v.AccountID, Detainee: v.DetaineeID, Visitors: v.Visitors, Occurrence: v.OccurrenceID, Pool: v.Pool}
	if v.Replaces != nil {
		a.Replaces = *v.Replaces
	}
	return a
}

// weekStart gives the week whose right a visit uses; nil where no limit holds.
func weekStart(h house, o Slot, p Party) *time.Time {
	if p.Professional {
		return nil
	}
	w := weekOf(o.Day, h.Frame.WeekStart)
	return &w
}

func (s *Service) makeWeek(ctx context.Context, tx pgx.Tx, h house, o Slot, p Party, week *time.Time) error {
	if week == nil {
		return nil
	}
	_, err := tx.Exec(ctx, sqlMakeWeek, p.Detainee.ID, *week, o.Kind, h.Rules.Week(p.Detainee.LegalStatus))
	if err != nil {
		return fmt.Errorf("open week: %w", err)
	}
	return nil
}

func (s *Service) allowWeek(ctx context.Context, tx pgx.Tx, h house, o Slot, p Party, week *time.Time) error {
	if week == nil {
		return nil
	}
	_, err := tx.Exec(ctx, sqlAllowWeek, p.Detainee.ID, *week, o.Kind, h.Rules.Week(p.Detainee.LegalStatus))
	if err != nil {
		return fmt.Errorf("limit week: %w", err)
	}
	return nil
}

// drop ends a hold or request whose rights are locked. by overrides the actor.
func (s *Service) drop(ctx context.Context, tx *casework.Tx, v Visit, e casework.Event, by *casework.Actor) error {
	f, err := tx.Read(ctx, v.ID)
	if err != nil {
		return err
	}
	_, err = tx.Move(ctx, Life(), f, casework.Move{Event: e, By: by})
	return err
}

// makeRoom makes sure of a place in a locked occurrence: before anyone is told
// "full", the holds that have run out are taken back.
func (s *Service) makeRoom(ctx context.Context, tx *casework.Tx, h house, ask Ask, heads int) error {
	for range 2 {
		var room bool
		if err := tx.QueryRow(ctx, sqlHasPlace, ask.Occurrence, ask.pool(), heads).Scan(&room); err != nil {
			return fmt.Errorf("look for a place: %w", err)
		}
		if room {
			return nil
		}
		expired, err := s.read(ctx, tx, sqlExpiredHolds, ask.Occurrence, h.Now)
		if err != nil {
			return err
		}
		timer := casework.Actor{Kind: casework.System, Role: "visit.expire"}
		for _, v := range expired {
			if err := s.drop(ctx, tx, v, expire, &timer); err != nil {
				return err
			}
		}
	}
	return refusal(Full)
}

func (s *Service) insert(ctx context.Context, tx *casework.Tx, h house, ask Ask, o Slot, p Party, week *time.Time) (Visit, error) {
	f, err := tx.Begin(ctx, Life(), casework.Opening{AccountID: ask.Account, EstablishmentID: &o.EstablishmentID},
		casework.Move{Event: hold, Rules: h.Rules.Version, Detail: map[string]any{"occurrence": o.ID}})
	if err != nil {
		return Visit{}, err
	}
	until := h.Now.Add(time.Duration(h.Rules.HoldMinutes) * time.Minute)
	if until.After(o.Start) {
		until = o.Start
	}
	var replaces *int64
	if ask.Replaces != 0 {
		replaces = &ask.Replaces
	}
	_, err = tx.Exec(ctx, sqlInsertVisit, f.ID, ask.Account, ask.Detainee, o.ID, ask.pool(), p.heads(h.Frame, o.Day), week,
		tx.Command().Channel, replaces, until)
	if err != nil {
		return Visit{}, fmt.Errorf("hold a place: %w", err)
	}
	lead := slices.IndexFunc(p.Guests, func(g Guest) bool { return g.age(o.Day) >= h.Rules.AdultAge })
	n := len(p.Guests)
	visitors, permits, ages := make([]int64, n), make([]int64, n), make([]int16, n)
	leads, counts := make([]bool, n), make([]bool, n)
	for i, g := range p.Guests {
		permit, why := g.permitFor(o, true)
		if why != "" {
			return Visit{}, refusal(why)
		}
		visitors[i], permits[i], ages[i] = g.VisitorID, permit.ID, int16(g.age(o.Day))
		leads[i], counts[i] = i == max(lead, 0), counted(h.Frame, g.age(o.Day))
	}
	if _, err := tx.Exec(ctx, sqlInsertGuests, f.ID, visitors, permits, leads, ages, counts); err != nil {
		return Visit{}, fmt.Errorf("name the visitors: %w", err)
	}
	return s.visit(ctx, tx, f.ID)
}
