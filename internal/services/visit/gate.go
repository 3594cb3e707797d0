package visit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Light is what fills the gate's screen.
type Light string

// Lights.
const (
	Green Light = "green" // let them in
	Amber Light = "amber" // someone has to look at it
	Red   Light = "red"   // not now
)

// Verdict answers the gate. Why is a key of a staff text; "" when green.
type Verdict struct {
	Light  Light
	Why    text.Key
	Visit  Visit
	Room   string
	Starts time.Time // in the establishment's zone
	Guests []GateGuest
	Phone  string // whom to call about it
	Flags  []string
}

// GateGuest is one visitor as the gate sees them.
type GateGuest struct {
	VisitorID  int64
	Lead       bool
	Age        int
	Attendance string // "expected", "present", "refused"
	PermitRef  string
	Sighted    bool // originals of the papers were seen
	Why        text.Key
}

// GateLookup finds a visit by the code that the family says, or by reference,
// and tells whether to let them in. The look-up is audited.
func (s *Service) GateLookup(ctx context.Context, cmd casework.Command, establishmentID int64, digits string) (Verdict, error) {
	h, err := s.house(ctx, establishmentID)
	if err != nil {
		return Verdict{}, err
	}
	if !casework.ValidRef(digits) {
		return Verdict{Light: Red, Why: "visit.gate.mistyped", Phone: h.Phone}, nil
	}
	today := civil(h.Now.In(h.Zone))
	found, err := s.read(ctx, s.db, sqlByCode, digits, today, establishmentID)
	if err != nil {
		return Verdict{}, err
	}
	out := Verdict{Light: Red, Why: "visit.gate.unknown", Phone: h.Phone}
	if len(found) > 0 {
		if out, err = s.verdict(ctx, h, found[0]); err != nil {
			return Verdict{}, err
		}
		if len(found) > 1 { // two codes of one day fell together: the reference decides
			out.Light, out.Why = Amber, "visit.gate.two"
		}
	}
	err = s.do(ctx, cmd, "visit.lookup", nil, func(_ context.Context, tx *casework.Tx) error {
		tx.Audit(casework.Entry{
			Action: "visit.lookup", ObjectKind: "visit", ObjectID: out.Visit.ID,
			Detail: map[string]any{"light": out.Light, "why": out.Why},
		})
		return nil
	})
	return out, err
}

// verdict asks the slot rules as they stand at the gate.
func (s *Service) verdict(ctx context.Context, h house, v Visit) (Verdict, error) {
	out := Verdict{Light: Green, Visit: v, Starts: v.Starts.In(h.Zone), Phone: h.Phone}
	o, err := s.slot(ctx, s.db, h, v.OccurrenceID, v.Pool)
	if err != nil {
		return out, err
	}
	out.Room = o.Room
	party, err := s.party(ctx, s.db, h, v.ask(), v)
	if err != nil {
		return out, err
	}
	if out.Flags, party.Flagged, err = s.flags(ctx, v.ID); err != nil {
		return out, err
	}
	if out.Guests, err = s.gateGuests(ctx, o, party, v); err != nil {
		return out, err
	}
	switch {
	case v.EstablishmentID != h.ID:
		out.Light, out.Why = Red, "visit.gate.wrong_house"
	case v.State != Booked && v.State != CheckedIn:
		out.Light, out.Why = Red, text.Key("visit.gate.state."+string(v.State))
	default:
		if why := Check(AtGate, h.Frame, o, party); why != "" {
			out.Light, out.Why = gateLight(why), text.Key("visit.gate."+string(why))
		} else if len(out.Flags) > 0 {
			out.Light, out.Why = Amber, "visit.gate.flagged"
		} else if v.State == CheckedIn {
			out.Light, out.Why = Amber, "visit.gate.inside"
		}
	}
	return out, nil
}

// gateLight: what a supervisor at the gate may settle is amber.
func gateLight(why Reason) Light {
	switch why {
	case OtherHour, Flagged, Away, PartyTooBig, PartyAdults, PartyChildren:
		return Amber
	default:
		return Red
	}
}

func (s *Service) flags(ctx context.Context, visitID int64) (kinds []string, blocks bool, err error) {
	rows, err := s.db.Query(ctx, sqlFlags, visitID)
	if err != nil {
		return nil, false, fmt.Errorf("read flags: %w", err)
	}
	var kind string
	var b bool
	_, err = pgx.ForEachRow(rows, []any{&kind, &b}, func() error {
		kinds, blocks = append(kinds, kind), blocks || b
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("read flags: %w", err)
	}
	return kinds, blocks, nil
}

func (s *Service) gateGuests(ctx context.Context, o Slot, p Party, v Visit) ([]GateGuest, error) {
	rows, err := s.db.Query(ctx, sqlAttendance, v.ID)
	if err != nil {
		return nil, fmt.Errorf("read visitors: %w", err)
	}
	var out []GateGuest
	var g GateGuest
	var permit int64
	_, err = pgx.ForEachRow(rows, []any{&g.VisitorID, &g.Lead, &g.Age, &g.Attendance, &permit, &g.PermitRef, &g.Sighted}, func() error {
		g.Why = ""
		for _, guest := range p.Guests {
			if guest.VisitorID != g.VisitorID {
				continue
			}
			if _, why := guest.permitFor(o, false); why != "" {
				g.Why = text.Key("visit.gate." + string(why))
			}
		}
		out = append(out, g)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read visitors: %w", err)
	}
	return out, nil
}

// CheckIn lets one visitor in. The lead comes first; with the lead the visit
// is checked in. A permit that no longer holds is refused by the database too.
func (s *Service) CheckIn(ctx context.Context, cmd casework.Command, visitID, visitorID int64) error {
	v, h, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	o, err := s.slot(ctx, s.db, h, v.OccurrenceID, v.Pool)
	if err != nil {
		return err
	}
	return s.do(ctx, cmd, "visit.check_in", nil, func(ctx context.Context, tx *casework.Tx) error {
		h.Now = tx.Now()
		v, f, err := s.take(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := lockPlaces(ctx, tx.Tx, v); err != nil {
			return err
		}
		party, err := s.party(ctx, tx, h, v.ask(), v)
		if err != nil {
			return err
		}
		if why := Check(AtGate, h.Frame, o, party); why != "" && gateLight(why) == Red {
			return refusal(why)
		}
		var blocked bool
		var lead, leadIn bool
		if err := tx.QueryRow(ctx, sqlGateState, v.ID, visitorID).Scan(&blocked, &lead, &leadIn); err != nil {
			return fmt.Errorf("read visit %d at the gate: %w", v.ID, err)
		}
		switch {
		case blocked:
			return refusal(Flagged)
		case !lead && !leadIn:
			return fault.Conflict("visit.gate.lead_first", nil)
		}
		done, err := s.attend(ctx, tx, v, visitorID, "present", "")
		if err != nil || !done {
			return err
		}
		if v.State == CheckedIn {
			return nil
		}
		if _, err := tx.Exec(ctx, sqlSetCheckedIn, v.ID, tx.Now()); err != nil {
			return fmt.Errorf("check in visit %d: %w", v.ID, err)
		}
		_, err = tx.Move(ctx, Life(), f, casework.Move{Event: checkIn})
		return err
	})
}

// TurnAway refuses one visitor at the gate while the others may go in.
func (s *Service) TurnAway(ctx context.Context, cmd casework.Command, visitID, visitorID int64, reason string) error {
	v, h, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	return s.do(ctx, cmd, "visit.turn_away", nil, func(ctx context.Context, tx *casework.Tx) error {
		v, _, err := s.take(ctx, tx, v)
		if err != nil {
			return err
		}
		if v.State != Booked && v.State != CheckedIn {
			return fault.Conflict("case.state_changed", nil)
		}
		if err := onTheDay(tx, h, v); err != nil {
			return err
		}
		_, err = s.attend(ctx, tx, v, visitorID, "refused", reason)
		return err
	})
}

// attend notes who came; done is false when it was noted before.
func (s *Service) attend(ctx context.Context, tx *casework.Tx, v Visit, visitorID int64, what, reason string) (done bool, err error) {
	var why *string
	if reason != "" {
		why = &reason
	}
	tag, err := tx.Exec(ctx, sqlSetAttendance, v.ID, visitorID, what, why, tx.Now(), tx.Command().Actor.ID)
	if err != nil {
		return false, fmt.Errorf("note visitor of visit %d: %w", v.ID, err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	tx.Audit(casework.Entry{
		Action: "visit." + what, ObjectKind: "visit", ObjectID: v.ID, Reason: reason,
		Detail: map[string]any{"visitor": visitorID},
	})
	return true, nil
}

// onTheDay refuses an act of the gate on any day but the visit's own.
func onTheDay(tx *casework.Tx, h house, v Visit) error {
	if !civil(tx.Now().In(h.Zone)).Equal(v.Day) {
		return fault.Conflict("visit.gate.other_day", nil)
	}
	return nil
}

// Refuse turns the whole party away. Reasons of the house give the rights back.
func (s *Service) Refuse(ctx context.Context, cmd casework.Command, visitID int64, reason, note string) error {
	v, h, err := s.before(ctx, visitID)
	if err != nil {
		return err
	}
	return s.settle(ctx, cmd, "visit.refuse", v, func(ctx context.Context, tx *casework.Tx, v Visit, f casework.File) error {
		if err := onTheDay(tx, h, v); err != nil {
			return err
		}
		if houseFault(reason) {
			if _, err := tx.Exec(ctx, sqlSetExcused, v.ID, true); err != nil {
				return fmt.Errorf("excuse visit %d: %w", v.ID, err)
			}
		}
		if _, err := tx.Move(ctx, Life(), f, casework.Move{Event: refuse, Reason: reason, Note: note}); err != nil {
			return err
		}
		tell(tx, h, v, "visit.sms.refused", text.Params{"reason": reasonLabel(reason), "phone": h.Phone},
			message.Outbound{Class: message.Gate})
		return nil
	})
}
