package visit

import (
	"context"
	"strconv"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// booked lists an account's visits that are sure or asked for.
func (s *Service) booked(ctx context.Context, account int64) ([]Visit, error) {
	mine, err := s.Mine(ctx, account)
	if err != nil {
		return nil, err
	}
	var out []Visit
	for _, v := range mine {
		if v.State == Booked || v.State == Requested {
			out = append(out, v)
		}
	}
	return out, nil
}

// mineForm shows a visit, moves it or cancels it.
func (s *Service) mineForm() form.Flow {
	return form.New(form.Spec[bookDraft]{
		Name: EntryMine,
		Begin: func(ctx context.Context, w form.Who, d *bookDraft) error {
			mine, err := s.booked(ctx, w.Account)
			if err != nil {
				return err
			}
			switch len(mine) {
			case 0:
				return fault.NotFound("visit.none", nil)
			case 1:
				d.pick(mine[0])
			}
			return nil
		},
		Questions: []form.Question[bookDraft]{s.askWhich(), s.askWhat(), s.askSlotToMove(), s.askSure()},
		Finish:    s.finishMine,
	})
}

func (d *bookDraft) pick(v Visit) {
	d.Replaces, d.Detainee, d.Visitors = v.ID, v.DetaineeID, v.Visitors
}

func (s *Service) askWhich() form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "which", Kind: form.Choice, AskKey: "visit.ask.which",
		Skip: func(_ form.Who, d bookDraft) bool { return d.Replaces != 0 },
		Options: func(ctx context.Context, w form.Who, _ bookDraft) ([]form.Option, error) {
			mine, err := s.booked(ctx, w.Account)
			if err != nil {
				return nil, err
			}
			var out []form.Option
			houses := map[int64]house{}
			for _, v := range mine {
				h, err := s.houseOnce(ctx, houses, v.EstablishmentID)
				if err != nil {
					return nil, err
				}
				start := v.Starts.In(h.Zone)
				out = append(out, form.Option{
					Value: strconv.FormatInt(v.ID, 10), Label: text.L("visit.opt.slot", text.Params{"day": start, "time": start}),
				})
			}
			return out, nil
		},
		Set: func(ctx context.Context, w form.Who, d *bookDraft, answer string) error {
			id, err := strconv.ParseInt(answer, 10, 64)
			if err != nil {
				return err
			}
			v, err := s.visit(ctx, s.db, id)
			if err != nil {
				return err
			}
			d.pick(v)
			return own(v, command(w, "").Actor)
		},
	}
}

func (s *Service) askWhat() form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "what", Kind: form.Choice,
		Ask: func(ctx context.Context, _ form.Who, d bookDraft) (text.Line, error) {
			v, h, err := s.before(ctx, d.Replaces)
			if err != nil {
				return text.Line{}, err
			}
			p := when(h, v)
			if v.State == Requested {
				p["state"] = text.Label("visit.state." + string(v.State))
				return text.L("visit.status_full", p), nil
			}
			p["code"] = text.Ref(v.Code)
			return text.L("visit.ask.what", p), nil
		},
		Options: func(ctx context.Context, _ form.Who, d bookDraft) ([]form.Option, error) {
			v, err := s.visit(ctx, s.db, d.Replaces)
			if err != nil {
				return nil, err
			}
			off := form.Option{Value: "cancel", Key: "2", Label: text.L("visit.opt.cancel", nil)}
			if v.State == Requested { // nothing to move yet
				return []form.Option{off}, nil
			}
			return []form.Option{{Value: "move", Key: "1", Label: text.L("visit.opt.move", nil)}, off}, nil
		},
		Set: func(_ context.Context, _ form.Who, d *bookDraft, answer string) error {
			d.What = answer
			return nil
		},
	}
}

func (s *Service) askSlotToMove() form.Question[bookDraft] {
	q := s.askSlot()
	q.AskKey = "visit.ask.new_slot"
	return q
}

func (s *Service) finishMine(ctx context.Context, w form.Who, key string, d bookDraft) (form.Receipt, error) {
	switch d.What {
	case "cancel":
		return s.cancelDraft(ctx, w, key, d)
	case "keep":
		return form.Receipt{Say: text.L("visit.done.kept", nil)}, nil
	}
	return s.confirmDraft(ctx, w, key, d)
}

func (s *Service) cancelDraft(ctx context.Context, w form.Who, key string, d bookDraft) (form.Receipt, error) {
	if err := s.Cancel(ctx, command(w, key), d.Replaces, Cancellation{Side: ByFamily}); err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L("visit.done.cancelled", nil), Texted: true}, nil
}

// byRef asks for the reference of a visit of one's own. A text of ours brings
// it along as an argument.
func (s *Service) byRef() form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "ref", Kind: form.Digits, AskKey: "visit.ask.ref",
		Skip: func(_ form.Who, d bookDraft) bool { return d.Replaces != 0 },
		Arg:  casework.ValidRef,
		Set: func(ctx context.Context, w form.Who, d *bookDraft, answer string) error {
			digits, err := form.ParseDigits(answer, 8, 8)
			if err != nil {
				return err
			}
			if !casework.ValidRef(digits) {
				return form.Again("visit.ref_mistyped", nil)
			}
			mine, err := s.read(ctx, s.db, sqlVisitByRef, digits, w.Account)
			if err != nil {
				return err
			}
			if len(mine) == 0 {
				return form.Again("visit.ref_unknown", nil)
			}
			d.pick(mine[0])
			d.Hold = mine[0].ID
			return nil
		},
	}
}

// cancelForm is ANNULER with a reference.
func (s *Service) cancelForm() form.Flow {
	sure := s.askSure()
	ref := s.byRef()
	set := ref.Set
	ref.Set = func(ctx context.Context, w form.Who, d *bookDraft, answer string) error {
		d.What = "cancel"
		return set(ctx, w, d, answer)
	}
	return form.New(form.Spec[bookDraft]{
		Name: EntryCancel, Questions: []form.Question[bookDraft]{ref, sure}, Finish: s.finishMine,
	})
}

// reminderForm takes "1 we come, 2 cancel".
func (s *Service) reminderForm() form.Flow {
	return form.New(form.Spec[bookDraft]{
		Name: EntryReminder, Finish: s.finishMine,
		Questions: []form.Question[bookDraft]{s.byRef(), s.choose("visit.ask.coming",
			form.Option{Value: "keep", Label: text.L("visit.opt.coming", nil)},
			form.Option{Value: "cancel", Label: text.L("visit.opt.cancel", nil)})},
	})
}

// holdForm takes "1 confirm, 2 give back" for a place that is held.
func (s *Service) holdForm() form.Flow {
	return form.New(form.Spec[bookDraft]{
		Name: EntryHold,
		Questions: []form.Question[bookDraft]{s.byRef(), s.choose("visit.ask.held",
			form.Option{Value: "confirm", Label: text.L("visit.opt.confirm", nil)},
			form.Option{Value: "release", Label: text.L("visit.opt.release", nil)})},
		Finish: func(ctx context.Context, w form.Who, key string, d bookDraft) (form.Receipt, error) {
			if d.What == "release" {
				if err := s.Release(ctx, command(w, key), d.Hold); err != nil {
					return form.Receipt{}, err
				}
				return form.Receipt{Say: text.L("visit.done.released", nil)}, nil
			}
			b, err := s.Confirm(ctx, command(w, key), d.Hold)
			if err != nil {
				return form.Receipt{}, err
			}
			return s.bookedReceipt(ctx, b)
		},
	})
}

// choose asks one of two things in the wording of the text it answers.
func (s *Service) choose(ask text.Key, options ...form.Option) form.Question[bookDraft] {
	return form.Question[bookDraft]{
		Name: "what", Kind: form.Choice, AskKey: ask,
		Options: func(context.Context, form.Who, bookDraft) ([]form.Option, error) { return options, nil },
		Set: func(_ context.Context, _ form.Who, d *bookDraft, answer string) error {
			d.What = answer
			return nil
		},
	}
}

// offerDraft is the answer to the two slots offered after a closing.
type offerDraft struct {
	Visit int64    `json:"v,omitempty"`
	Slots []string `json:"o,omitempty"`
	Slot  int64    `json:"s,omitempty"`
}

// offerForm books one of the offered slots for the same party.
func (s *Service) offerForm() form.Flow {
	isSlot := func(word string) bool {
		_, err := strconv.ParseInt(word[min(1, len(word)):], 10, 64)
		return len(word) > 1 && word[0] == 'o' && err == nil
	}
	offered := func(name string) form.Question[offerDraft] {
		return form.Question[offerDraft]{
			Name: name, AskKey: "visit.ask.slot", Arg: isSlot,
			Skip: func(_ form.Who, d offerDraft) bool { return d.Visit == 0 || len(d.Slots) >= offers },
			Set: func(_ context.Context, _ form.Who, d *offerDraft, answer string) error {
				d.Slots = append(d.Slots, answer)
				return nil
			},
		}
	}
	return form.New(form.Spec[offerDraft]{
		Name: EntryOffer,
		Questions: []form.Question[offerDraft]{
			{
				Name: "ref", Kind: form.Digits, AskKey: "visit.ask.ref", Arg: casework.ValidRef,
				Set: func(ctx context.Context, w form.Who, d *offerDraft, answer string) error {
					mine, err := s.read(ctx, s.db, sqlVisitByRef, answer, w.Account)
					if err != nil {
						return err
					}
					if len(mine) == 0 {
						return form.Again("visit.ref_unknown", nil)
					}
					d.Visit = mine[0].ID
					return nil
				},
			},
			offered("first"), offered("second"),
			{
				Name: "slot", Kind: form.Choice, AskKey: "visit.ask.slot",
				Options: func(ctx context.Context, _ form.Who, d offerDraft) ([]form.Option, error) {
					return s.offered(ctx, d)
				},
				Set: func(_ context.Context, _ form.Who, d *offerDraft, answer string) (err error) {
					d.Slot, err = strconv.ParseInt(answer[1:], 10, 64)
					return err
				},
			},
		},
		Finish: func(ctx context.Context, w form.Who, key string, d offerDraft) (form.Receipt, error) {
			v, err := s.visit(ctx, s.db, d.Visit)
			if err != nil {
				return form.Receipt{}, err
			}
			b, err := s.Book(ctx, command(w, key), Ask{
				Account: w.Account, Detainee: v.DetaineeID, Visitors: v.Visitors, Occurrence: d.Slot,
			})
			if err != nil {
				return form.Receipt{}, err
			}
			return s.bookedReceipt(ctx, b)
		},
	})
}

// offered shows the slots in the order in which the text named them.
func (s *Service) offered(ctx context.Context, d offerDraft) ([]form.Option, error) {
	_, h, err := s.before(ctx, d.Visit)
	if err != nil {
		return nil, err
	}
	var out []form.Option
	for _, arg := range d.Slots { // two at most
		id, err := strconv.ParseInt(arg[1:], 10, 64)
		if err != nil {
			return nil, err
		}
		o, err := s.slot(ctx, s.db, h, id, "public")
		if err != nil {
			return nil, err
		}
		out = append(out, slotOption(o))
	}
	return out, nil
}
