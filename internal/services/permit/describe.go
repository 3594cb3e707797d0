package permit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// described is what a family keys about the person it wants to see.
type described struct {
	Number string `json:"number,omitempty"`
	ByName bool   `json:"by_name,omitempty"`
	Family string `json:"family,omitempty"`
	Given  string `json:"given,omitempty"`
	Birth  string `json:"birth,omitempty"`
	Place  int64  `json:"place,omitempty"`
}

func (d described) claim() Claim {
	if !d.ByName {
		return Claim{Number: d.Number}
	}
	return Claim{Family: d.Family, Given: d.Given, Birth: d.Birth, PlaceID: d.Place}
}

// describing gives the questions about that person for a form whose answers
// hold them; asked tells whether the form wants them at all.
func describing[D any](s *Service, of func(*D) *described, asked func(D) bool) []form.Question[D] {
	byNumber := func(_ form.Who, d D) bool { return !asked(d) || !of(&d).ByName }
	set := func(f func(context.Context, form.Who, *described, string) error) func(context.Context, form.Who, *D, string) error {
		return func(ctx context.Context, w form.Who, d *D, answer string) error { return f(ctx, w, of(d), answer) }
	}
	return []form.Question[D]{
		{
			Name: "number", Kind: form.Digits, AskKey: "permit.ask_number", Arg: isNumber, Holds: true, Set: set(setNumber),
			Skip: func(_ form.Who, d D) bool { return !asked(d) },
		},
		{
			Name: "family", Kind: form.Words, AskKey: "permit.ask_family_name", Skip: byNumber, Holds: true,
			Set: set(setName(func(d *described) *string { return &d.Family })),
		},
		{
			Name: "given", Kind: form.Words, AskKey: "permit.ask_given_name", Skip: byNumber, Holds: true,
			Set: set(setName(func(d *described) *string { return &d.Given })),
		},
		{
			Name: "birth", Kind: form.Date, AskKey: "permit.ask_relative_birth", Skip: byNumber,
			Set: set(func(_ context.Context, _ form.Who, d *described, answer string) (err error) {
				d.Birth, err = s.birth(answer)
				return err
			}),
		},
		{
			Name: "place", AskKey: "permit.ask_place", Skip: byNumber, Set: set(s.setPlace),
			Options: func(ctx context.Context, w form.Who, _ D) ([]form.Option, error) { return s.placeOptions(ctx, w) },
		},
	}
}

func isNumber(word string) bool {
	_, err := form.ParseDigits(word, 3, 10)
	return err == nil
}

func setNumber(_ context.Context, _ form.Who, d *described, answer string) error {
	if answer == "1" {
		d.ByName, d.Number = true, ""
		return nil
	}
	n, err := form.ParseDigits(answer, 3, 10)
	if err != nil {
		return form.Again("permit.bad_number", nil)
	}
	d.ByName, d.Number = false, n
	return nil
}

func setName(field func(*described) *string) func(context.Context, form.Who, *described, string) error {
	return func(_ context.Context, _ form.Who, d *described, answer string) error {
		n := utf8.RuneCountInString(answer)
		letters := strings.IndexFunc(answer, func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune(" '-", r) }) < 0
		if n < 2 || n > 40 || !letters {
			return form.Again("permit.bad_name", nil)
		}
		*field(d) = answer
		return nil
	}
}

// birth reads a birth date as it is stored.
func (s *Service) birth(answer string) (string, error) {
	t, err := form.ParseDate(answer)
	if err == nil {
		err = form.Asked(s.persons.CheckBirth(t))
	}
	if err != nil {
		return "", err
	}
	return t.Format(time.DateOnly), nil
}

func (s *Service) placeOptions(ctx context.Context, w form.Who) ([]form.Option, error) {
	acc, err := s.persons.Account(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	all, err := s.places.Establishments(ctx, acc.Country)
	if err != nil {
		return nil, err
	}
	options := make([]form.Option, len(all))
	for i, e := range all {
		options[i] = form.Option{Value: strconv.FormatInt(e.ID, 10), Label: text.L("permit.place", text.Params{"name": e.Short(w.Lang)})}
	}
	return options, nil
}

// setPlace is told early where the service has not opened yet, with whom to call.
func (s *Service) setPlace(ctx context.Context, _ form.Who, d *described, answer string) error {
	id, err := strconv.ParseInt(answer, 10, 64)
	if err != nil {
		return fmt.Errorf("place %q: %w", answer, err)
	}
	phase, err := s.places.Phase(ctx, id, "permit")
	if err != nil {
		return err
	}
	if !phase.Takes() {
		e, err := s.places.Establishment(ctx, id)
		if err != nil {
			return err
		}
		return form.Again("permit.not_open_here", text.Params{"phone": e.Phone})
	}
	d.Place = id
	return nil
}
