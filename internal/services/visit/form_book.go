package visit

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// bookDraft is what has been answered on the way to a place.
type bookDraft struct {
	Detainee int64   `json:"p,omitempty"`
	Visitors []int64 `json:"v,omitempty"`
	Same     bool    `json:"s,omitempty"` // as last time, and others could come instead
	Party    bool    `json:"k,omitempty"` // who comes is settled
	Later    int     `json:"l,omitempty"` // slots passed over for later ones
	Slot     int64   `json:"o,omitempty"`
	Hold     int64   `json:"h,omitempty"`
	Replaces int64   `json:"r,omitempty"`
	One      bool    `json:"1,omitempty"` // there was but one visit to choose
	What     string  `json:"w,omitempty"` // "move", "cancel"
}

func (d bookDraft) ask(account int64) Ask {
	return Ask{Account: account, Detainee: d.Detainee, Visitors: d.Visitors, Occurrence: d.Slot, Replaces: d.Replaces}
}

// bookForm goes straight to the slots for a family that has been before.
func (s *Service) bookForm() form.Flow {
	return form.New(form.Spec[bookDraft]{
		Name: EntryBook,
		Begin: func(ctx context.Context, w form.Who, d *bookDraft) error {
			all, last, err := s.permittedAndLast(ctx, w.Account)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return fault.Forbidden("visit.no_permit", nil)
			}
			d.asLastTime(all, last)
			return nil
		},
		Questions: []form.Question[bookDraft]{
			s.askWhose(), s.askGuests(), s.askSlot(), s.askSure(),
		},
		Finish: s.confirmDraft,
	})
}

// asLastTime proposes the party of the last visit as far as it still may come.
func (d *bookDraft) asLastTime(all []permitted, last permitted) {
	for _, p := range all {
		if p.Detainee != last.Detainee {
			continue
		}
		together := slices.DeleteFunc(last.Visitors, func(id int64) bool { return !slices.Contains(p.Visitors, id) })
		if len(together) > 0 {
			d.Detainee, d.Visitors, d.Party = p.Detainee, together, true
			d.Same = len(all) > 1 || len(p.Visitors) > 1
			return
		}
	}
	if len(all) == 1 {
		d.Detainee = all[0].Detainee
		if len(all[0].Visitors) == 1 {
			d.Visitors, d.Party = all[0].Visitors, true
		}
	}
}

func (s *Service) askWhose() form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "whose", Kind: form.Choice, AskKey: "visit.ask.whose",
		Skip: func(_ form.Who, d bookDraft) bool { return d.Detainee != 0 },
		Options: func(ctx context.Context, w form.Who, _ bookDraft) ([]form.Option, error) {
			all, err := s.permitted(ctx, w.Account)
			if err != nil {
				return nil, err
			}
			var out []form.Option
			for _, p := range all {
				out = append(out, form.Option{
					Value: strconv.FormatInt(p.Detainee, 10), Label: text.L("visit.opt.permit", text.Params{"ref": text.Ref(p.Ref)}),
				})
			}
			return out, nil
		},
		Set: func(_ context.Context, _ form.Who, d *bookDraft, answer string) (err error) {
			d.Detainee, err = strconv.ParseInt(answer, 10, 64)
			return err
		},
	}
}

// guest is one of a household as a menu shows it: never by name or number.
type guest struct {
	ID       int64
	Self     bool
	Relation string
	Born     time.Time
}

func (g guest) label() text.Line {
	if g.Self {
		return text.L("visit.opt.self", nil)
	}
	return text.L("visit.opt.guest", text.Params{"relation": text.Label("relation." + g.Relation), "year": g.Born.Format("2006")})
}

const (
	everyone = "all"
	enough   = "done"
	others   = "others"
	later    = "later"
)

func (s *Service) askGuests() form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "guests", Kind: form.Choice,
		Ask: func(_ context.Context, _ form.Who, d bookDraft) (text.Line, error) {
			if len(d.Visitors) > 0 {
				return text.L("visit.ask.more_guests", text.Params{"n": len(d.Visitors)}), nil
			}
			return text.L("visit.ask.guests", nil), nil
		},
		Skip: func(_ form.Who, d bookDraft) bool { return d.Party },
		Options: func(ctx context.Context, w form.Who, d bookDraft) ([]form.Option, error) {
			all, err := s.guestsFor(ctx, w.Account, d.Detainee)
			if err != nil {
				return nil, err
			}
			var out []form.Option
			for _, g := range all {
				if !slices.Contains(d.Visitors, g.ID) {
					out = append(out, form.Option{Value: strconv.FormatInt(g.ID, 10), Label: g.label()})
				}
			}
			switch {
			case len(d.Visitors) > 0:
				out = append(out, form.Option{Value: enough, Key: "9", Label: text.L("visit.opt.enough", nil)})
			case len(all) > 1:
				out = append([]form.Option{{Value: everyone, Label: text.L("visit.opt.everyone", text.Params{"n": len(all)})}}, out...)
			}
			return out, nil
		},
		Set: func(ctx context.Context, w form.Who, d *bookDraft, answer string) error {
			all, err := s.guestsFor(ctx, w.Account, d.Detainee)
			if err != nil {
				return err
			}
			d.Party = true
			switch answer {
			case enough:
				return s.fits(ctx, w, *d)
			case everyone:
				for _, g := range all {
					d.Visitors = append(d.Visitors, g.ID)
				}
				return s.fits(ctx, w, *d)
			}
			id, err := strconv.ParseInt(answer, 10, 64)
			if err != nil {
				return err
			}
			d.Visitors = append(d.Visitors, id)
			if len(d.Visitors) < len(all) {
				d.Party = false
				return form.Reopen()
			}
			return s.fits(ctx, w, *d)
		},
	}
}

// fits asks for other people at once when no session could ever take these.
func (s *Service) fits(ctx context.Context, w form.Who, d bookDraft) error {
	offer, err := s.Slots(ctx, d.ask(w.Account), 1)
	if err != nil {
		return err
	}
	of := []Reason{PartyTooBig, PartyAdults, PartyChildren, NoAdult}
	if len(offer.Slots) == 0 && slices.Contains(of, offer.Why) {
		return form.Again(offer.Why.Text(), nil)
	}
	return nil
}

func (s *Service) guestsFor(ctx context.Context, account, detainee int64) ([]guest, error) {
	rows, err := s.db.Query(ctx, sqlGuestsFor, account, detainee, s.now())
	if err != nil {
		return nil, fmt.Errorf("list who may come: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[guest])
	if err != nil {
		return nil, fmt.Errorf("list who may come: %w", err)
	}
	return all, nil
}

// slotsShown is how many slots a menu offers, so that one digit chooses; what
// comes after them is one choice more.
const slotsShown = 7

func slotArg(id int64) string { return "o" + strconv.FormatInt(id, 10) }

func slotOption(o Slot) form.Option {
	return form.Option{
		Value: slotArg(o.ID), Label: text.L("visit.opt.hour", text.Params{"time": o.Start}),
		Under: text.L("visit.opt.day", text.Params{"day": o.Start}),
	}
}

// askSlot offers what the rules allow and holds what is chosen. The hold is
// made here, so that a call that drops on the next screen loses nothing.
func (s *Service) askSlot() form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "slot", Kind: form.Choice, AskKey: "visit.ask.slot",
		Skip: func(_ form.Who, d bookDraft) bool { return d.What == "cancel" },
		Options: func(ctx context.Context, w form.Who, d bookDraft) ([]form.Option, error) {
			offer, err := s.Slots(ctx, d.ask(w.Account), d.Later+slotsShown+1)
			if err != nil {
				return nil, err
			}
			if len(offer.Slots) == 0 {
				return nil, refusal(offer.Why)
			}
			from := min(d.Later, len(offer.Slots)-1) // others may have taken some meanwhile
			to := min(from+slotsShown, len(offer.Slots))
			var out []form.Option
			for _, o := range offer.Slots[from:to] {
				out = append(out, slotOption(o))
			}
			if to < len(offer.Slots) {
				out = append(out, form.Option{Value: later, Label: text.L("visit.opt.later", nil)})
			}
			if d.Same {
				out = append(out, form.Option{Value: others, Label: text.L("visit.opt.others", nil)})
			}
			return out, nil
		},
		Set: func(ctx context.Context, w form.Who, d *bookDraft, answer string) error {
			switch answer {
			case later:
				d.Later += slotsShown
				return form.Reopen()
			case others:
				*d = bookDraft{}
				all, err := s.permitted(ctx, w.Account)
				if err == nil && len(all) == 1 {
					d.Detainee = all[0].Detainee
				}
				if err != nil {
					return err
				}
				return form.Reopen("whose", "guests")
			}
			id, err := strconv.ParseInt(strings.TrimPrefix(answer, "o"), 10, 64)
			if err != nil {
				return err
			}
			d.Slot = id
			held, err := s.Hold(ctx, command(w, rand.Text()), d.ask(w.Account))
			if err != nil {
				return err
			}
			d.Hold = held.ID
			return nil
		},
	}
}

const (
	yes = "yes"
	no  = "no"
)

func (s *Service) askSure() form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "sure", Kind: form.Choice,
		Ask: func(ctx context.Context, _ form.Who, d bookDraft) (text.Line, error) {
			id := d.Hold
			if d.What == "cancel" {
				id = d.Replaces
			}
			v, h, err := s.before(ctx, id)
			if err != nil {
				return text.Line{}, err
			}
			if d.What == "cancel" {
				return text.L("visit.ask.cancel", when(h, v)), nil
			}
			p := when(h, v)
			p["n"] = len(v.Visitors)
			if v.Kind == "separated" {
				return text.L("visit.ask.sure_separated", p), nil
			}
			return text.L("visit.ask.sure", p), nil
		},
		Options: func(_ context.Context, _ form.Who, d bookDraft) ([]form.Option, error) {
			if d.What == "cancel" {
				return []form.Option{
					{Value: yes, Label: text.L("visit.opt.cancel", nil)}, {Value: no, Label: text.L("visit.opt.keep", nil)},
				}, nil
			}
			return []form.Option{
				{Value: yes, Label: text.L("visit.opt.confirm", nil)}, {Value: no, Label: text.L("visit.opt.other_hour", nil)},
			}, nil
		},
		Set: func(_ context.Context, _ form.Who, d *bookDraft, answer string) error {
			switch {
			case answer == no && d.What == "cancel":
				d.What = "keep"
			case answer == no:
				return form.Reopen("slot")
			}
			return nil
		},
	}
}

// confirmDraft makes the held place sure. When the hold has run out meanwhile
// the same place is asked for once more.
func (s *Service) confirmDraft(ctx context.Context, w form.Who, key string, d bookDraft) (form.Receipt, error) {
	b, err := s.Confirm(ctx, command(w, key), d.Hold)
	if fault.KeyOf(err) == "visit.hold_expired" {
		b, err = s.Book(ctx, command(w, key+"/again"), d.ask(w.Account))
	}
	if err != nil {
		return form.Receipt{}, err
	}
	return s.bookedReceipt(ctx, b)
}

func (s *Service) bookedReceipt(ctx context.Context, b Booking) (form.Receipt, error) {
	v, h, err := s.before(ctx, b.ID)
	if err != nil {
		return form.Receipt{}, err
	}
	p := when(h, v)
	if b.Code == "" {
		return form.Receipt{Say: text.L("visit.done.requested", p)}, nil
	}
	p["code"] = text.Ref(b.Code)
	return form.Receipt{Say: text.L("visit.done.booked", p), Texted: true}, nil
}
