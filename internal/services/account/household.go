package account

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/text"
)

// tending is the draft of a change to the household.
type tending struct {
	Pick     string `json:"pick,omitempty"` // a visitor's id, or "add"
	Act      string `json:"act,omitempty"`
	IDType   string `json:"id_type,omitempty"`
	Number   string `json:"number,omitempty"`
	Birth    string `json:"birth,omitempty"`
	Relation string `json:"relation,omitempty"`
}

func (s *Service) householdFlow() form.Flow {
	notAdding := func(_ form.Who, d tending) bool { return d.Pick != "add" }
	return form.New(form.Spec[tending]{Name: "account.household", Finish: s.finishHousehold, Questions: []form.Question[tending]{
		{Name: "who", AskKey: "account.ask_who", Options: s.people, Set: s.pick},
		{
			Name: "act", AskKey: "account.ask_remove", Skip: func(_ form.Who, d tending) bool { return d.Pick == "add" },
			Options: func(context.Context, form.Who, tending) ([]form.Option, error) {
				return []form.Option{option("remove", "account.remove"), option("keep", "account.keep")}, nil
			},
			Set: func(_ context.Context, _ form.Who, d *tending, answer string) error { d.Act = answer; return nil },
		},
		{Name: "id_number", Kind: form.Words, AskKey: "account.ask_visitor_id", Skip: notAdding, Set: s.setVisitorID, Holds: true},
		{Name: "birth", Kind: form.Date, AskKey: "account.ask_visitor_birth", Skip: notAdding, Set: s.setVisitorBirth},
		{
			Name: "relation", AskKey: "account.ask_relation", Skip: notAdding, Options: s.relations,
			Set: func(_ context.Context, _ form.Who, d *tending, answer string) error { d.Relation = answer; return nil },
		},
	}})
}

// people lists the household; its holder can't be taken out and is not offered.
func (s *Service) people(ctx context.Context, w form.Who, _ tending) ([]form.Option, error) {
	all, err := s.persons.Household(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	options := []form.Option{option("add", "account.add")}
	for _, v := range all {
		if v.Self {
			continue
		}
		options = append(options, form.Option{
			Value: strconv.FormatInt(v.ID, 10),
			Label: text.L("account.person", text.Params{"tail": v.IDTail}),
		})
	}
	return options, nil
}

func (s *Service) pick(_ context.Context, _ form.Who, d *tending, answer string) error {
	d.Pick = answer
	return nil
}

func (s *Service) setVisitorID(ctx context.Context, w form.Who, d *tending, answer string) error {
	a, err := s.persons.Account(ctx, w.Account)
	if err != nil {
		return err
	}
	idType, number, err := s.persons.MatchID(ctx, a.Country, answer)
	if err != nil {
		return again(err)
	}
	d.IDType, d.Number = idType, number.Raw()
	return nil
}

func (s *Service) setVisitorBirth(_ context.Context, _ form.Who, d *tending, answer string) error {
	t, err := form.ParseDate(answer)
	if err != nil {
		return err
	}
	if err := s.persons.CheckBirth(t); err != nil {
		return again(err)
	}
	d.Birth = t.Format(time.DateOnly)
	return nil
}

func (s *Service) relations(ctx context.Context, w form.Who, _ tending) ([]form.Option, error) {
	a, err := s.persons.Account(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	all, err := s.places.Relations(ctx, a.Country)
	if err != nil {
		return nil, err
	}
	options := make([]form.Option, len(all))
	for i, r := range all {
		options[i] = option(r.Code, r.Label())
	}
	return options, nil
}

func (s *Service) finishHousehold(ctx context.Context, w form.Who, key string, d tending) (form.Receipt, error) {
	if d.Pick == "add" {
		return s.addVisitor(ctx, w, key, d)
	}
	if d.Act != "remove" {
		return form.Receipt{Say: text.L("account.unchanged", nil)}, nil
	}
	id, err := strconv.ParseInt(d.Pick, 10, 64)
	if err != nil {
		return form.Receipt{}, fmt.Errorf("visitor in the draft: %w", err)
	}
	_, err = s.book.Do(ctx, command(w, key, "household.remove"), nil, func(ctx context.Context, tx *casework.Tx) error {
		return s.persons.RemoveVisitor(ctx, tx, w.Account, id)
	})
	if err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L("account.removed", nil)}, nil
}

func (s *Service) addVisitor(ctx context.Context, w form.Who, key string, d tending) (form.Receipt, error) {
	birth, err := parseBirth(d.Birth)
	if err != nil {
		return form.Receipt{}, err
	}
	a, err := s.persons.Account(ctx, w.Account)
	if err != nil {
		return form.Receipt{}, err
	}
	rules, err := s.places.CountryRules(ctx, a.Country, w.Now)
	if err != nil {
		return form.Receipt{}, err
	}
	_, err = s.book.Do(ctx, command(w, key, "household.add"), nil, func(ctx context.Context, tx *casework.Tx) error {
		_, err := s.persons.AddVisitor(ctx, tx, w.Account, person.VisitorInput{
			IDType: d.IDType, IDNumber: d.Number,
			BirthDate: birth, Relation: d.Relation, Max: rules.HouseholdMax,
		})
		return err
	})
	if err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L("account.added", nil)}, nil
}
