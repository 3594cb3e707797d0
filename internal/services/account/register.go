package account

import (
	"context"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/text"
)

// consentVersion numbers the notice of the catalogue; raise it when the
// notice's meaning changes.
const consentVersion = 1

// registering is the draft. It never holds a PIN, only its hash.
type registering struct {
	Declined bool           `json:"declined,omitempty"`
	Quality  person.Quality `json:"quality,omitempty"`
	IDType   string         `json:"id_type,omitempty"`
	Number   string         `json:"number,omitempty"`
	Birth    string         `json:"birth,omitempty"`
	PIN      person.PINHash `json:"pin,omitempty"`
}

func (s *Service) registerFlow() form.Flow {
	declined := func(_ form.Who, d registering) bool { return d.Declined }
	return form.New(form.Spec[registering]{Name: "account.register", Finish: s.finishRegister, Questions: []form.Question[registering]{
		{
			Name: "notice", AskKey: "account.notice",
			Options: func(context.Context, form.Who, registering) ([]form.Option, error) {
				return []form.Option{option("yes", "account.accept"), option("no", "account.decline")}, nil
			},
			Set: func(_ context.Context, _ form.Who, d *registering, answer string) error {
				d.Declined = answer == "no"
				return nil
			},
		},
		{
			Name: "quality", AskKey: "account.ask_quality", Skip: declined,
			Options: func(context.Context, form.Who, registering) ([]form.Option, error) {
				return []form.Option{
					option("family", "account.quality.family"), option("lawyer", "account.quality.lawyer"),
					option("officer", "account.quality.officer"),
				}, nil
			},
			Set: func(_ context.Context, _ form.Who, d *registering, answer string) error {
				d.Quality = person.Quality(answer)
				return nil
			},
		},
		{Name: "id_number", Kind: form.Words, AskKey: "account.ask_id", Skip: declined, Set: s.setID, Arg: hasDigit, Holds: true},
		{Name: "birth", Kind: form.Date, AskKey: "account.ask_birth", Skip: declined, Set: s.setBirth},
		{Name: "pin", Kind: form.Secret, AskKey: "account.ask_pin", Skip: declined, Set: s.setPIN},
		{Name: "pin_again", Kind: form.Secret, AskKey: "account.ask_pin_again", Skip: declined, Set: s.samePIN},
	}})
}

// hasDigit tells an identity number from a word of greeting.
func hasDigit(word string) bool {
	digits := 0
	for _, r := range word {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits >= 5
}

func (s *Service) setID(ctx context.Context, w form.Who, d *registering, answer string) error {
	country, err := s.persons.Country(ctx, w.Msisdn)
	if err != nil {
		return err
	}
	idType, number, err := s.persons.MatchID(ctx, country, answer)
	if err != nil {
		return again(err)
	}
	d.IDType, d.Number = idType, number.Raw()
	return nil
}

func (s *Service) setBirth(_ context.Context, _ form.Who, d *registering, answer string) error {
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

func (s *Service) setPIN(ctx context.Context, w form.Who, d *registering, answer string) error {
	birth, err := parseBirth(d.Birth)
	if err != nil {
		return err
	}
	if err := person.WeakPIN(answer, person.Known{BirthDate: birth, IDNumber: d.Number, Number: w.Msisdn.Raw()}); err != nil {
		return again(err)
	}
	d.PIN, err = s.persons.HashPIN(ctx, answer)
	return err
}

func (s *Service) samePIN(ctx context.Context, _ form.Who, d *registering, answer string) error {
	same, err := s.persons.SamePIN(ctx, d.PIN, answer)
	if err != nil {
		return err
	}
	if !same {
		return form.Again("pin.differs", nil)
	}
	return nil
}

func (s *Service) finishRegister(ctx context.Context, w form.Who, key string, d registering) (form.Receipt, error) {
	if d.Declined {
		return form.Receipt{Say: text.L("account.declined", text.Params{"dial": s.dial})}, nil
	}
	birth, err := parseBirth(d.Birth)
	if err != nil {
		return form.Receipt{}, err
	}
	w.Account = 0 // a repeat after success comes with the account it made
	_, err = s.book.Do(ctx, command(w, key, "account.register"), nil, func(ctx context.Context, tx *casework.Tx) error {
		a, err := s.persons.Register(ctx, tx, person.Registration{
			Msisdn: w.Msisdn, Lang: w.Lang, Quality: d.Quality,
			IDType: d.IDType, IDNumber: d.Number, BirthDate: birth, PIN: d.PIN, ConsentVersion: consentVersion,
			Channel: string(w.Channel),
		})
		if err != nil {
			return err
		}
		tx.Tell(message.Outbound{
			Account: a.ID, Class: message.Decision, Dedupe: "registered",
			Line: text.L("account.registered", text.Params{"dial": s.dial}),
		})
		return nil
	})
	if fault.KeyOf(err) == "account.known" {
		return form.Receipt{Say: text.L("account.known", text.Params{"dial": s.dial})}, nil
	}
	if err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L("account.done", text.Params{"dial": s.dial}), Texted: true}, nil
}
