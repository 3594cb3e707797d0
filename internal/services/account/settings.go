package account

import (
	"context"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/text"
)

// setting is the draft of a change to the settings. It never holds a PIN,
// only its hash.
type setting struct {
	What string         `json:"what,omitempty"`
	Lang text.Lang      `json:"lang,omitempty"`
	PIN  person.PINHash `json:"pin,omitempty"`
}

func (s *Service) settingsFlow() form.Flow {
	unless := func(what string) func(form.Who, setting) bool {
		return func(_ form.Who, d setting) bool { return d.What != what }
	}
	return form.New(form.Spec[setting]{Name: "account.settings", Finish: s.finishSettings, Questions: []form.Question[setting]{
		{
			Name: "what", AskKey: "account.ask_setting", Options: s.settings,
			Set: func(_ context.Context, _ form.Who, d *setting, answer string) error { d.What = answer; return nil },
		},
		{
			Name: "lang", AskKey: "account.ask_lang", Skip: unless("lang"), Options: languages,
			Set: func(_ context.Context, _ form.Who, d *setting, answer string) error {
				d.Lang = text.Lang(answer)
				return nil
			},
		},
		{Name: "pin", Kind: form.Secret, AskKey: "account.ask_new_pin", Skip: unless("pin"), Set: s.setNewPIN},
		{Name: "pin_again", Kind: form.Secret, AskKey: "account.ask_pin_again", Skip: unless("pin"), Set: s.sameNewPIN},
	}})
}

func (s *Service) settings(ctx context.Context, w form.Who, _ setting) ([]form.Option, error) {
	a, err := s.persons.Account(ctx, w.Account)
	if err != nil {
		return nil, err
	}
	reminders := option("quiet", "account.quiet")
	if a.OptOut {
		reminders = option("loud", "account.loud")
	}
	return []form.Option{option("lang", "account.lang"), option("pin", "account.pin"), option("data", "account.data"), reminders}, nil
}

func languages(context.Context, form.Who, setting) ([]form.Option, error) {
	var options []form.Option
	for _, l := range text.Citizen() {
		options = append(options, option(string(l), text.Key("account.lang."+string(l))))
	}
	return options, nil
}

func (s *Service) setNewPIN(ctx context.Context, w form.Who, d *setting, answer string) error {
	known, err := s.persons.Known(ctx, w.Account)
	if err != nil {
		return err
	}
	if err := person.WeakPIN(answer, known); err != nil {
		return again(err)
	}
	d.PIN, err = s.persons.HashPIN(ctx, answer)
	return err
}

func (s *Service) sameNewPIN(ctx context.Context, _ form.Who, d *setting, answer string) error {
	same, err := s.persons.SamePIN(ctx, d.PIN, answer)
	if err != nil {
		return err
	}
	if !same {
		return form.Again("pin.differs", nil)
	}
	return nil
}

func (s *Service) finishSettings(ctx context.Context, w form.Who, key string, d setting) (form.Receipt, error) {
	said := map[string]text.Key{"lang": "account.lang_set", "pin": "account.pin_set", "quiet": "account.quiet_set", "loud": "account.loud_set"}
	var err error
	switch d.What {
	case "lang":
		err = s.persons.SetLang(ctx, w.Msisdn, d.Lang)
	case "quiet", "loud":
		err = s.persons.SetOptOut(ctx, w.Account, d.What == "quiet")
	case "pin":
		err = s.changePIN(ctx, w, key, d.PIN)
	default:
		return s.sendData(ctx, w, key)
	}
	if err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L(said[d.What], nil)}, nil
}

// changePIN tells the number that its PIN was changed, in case it was not the
// holder who did it.
func (s *Service) changePIN(ctx context.Context, w form.Who, key string, h person.PINHash) error {
	if !w.PINGiven {
		return fault.Forbidden("pin.needed", nil)
	}
	_, err := s.book.Do(ctx, command(w, key, "account.pin"), nil, func(ctx context.Context, tx *casework.Tx) error {
		if err := s.persons.SetPIN(ctx, tx, w.Account, h); err != nil {
			return err
		}
		tx.Tell(message.Outbound{Account: w.Account, Class: message.Decision, Dedupe: "pin/" + key, Line: text.L("account.pin_changed", nil)})
		return nil
	})
	return err
}

// asking is the empty draft of an errand without a question.
type asking struct{}

func (s *Service) dataFlow() form.Flow {
	return form.New(form.Spec[asking]{Name: "account.my_data", Finish: func(ctx context.Context, w form.Who, key string, _ asking) (form.Receipt, error) {
		return s.sendData(ctx, w, key)
	}})
}

// sendData tells what is kept and how to see or correct it. What is kept
// itself is shown at a counter only: a text can be read by anybody.
func (s *Service) sendData(ctx context.Context, w form.Who, key string) (form.Receipt, error) {
	_, err := s.book.Do(ctx, command(w, key, "account.my_data"), nil, func(_ context.Context, tx *casework.Tx) error {
		tx.Tell(message.Outbound{Account: w.Account, Class: message.Information, Dedupe: "data/" + key, Line: text.L("account.my_data", nil)})
		tx.Audit(casework.Entry{Action: "account.my_data", ObjectKind: "account", ObjectID: w.Account})
		return nil
	})
	if err != nil {
		return form.Receipt{}, err
	}
	return form.Receipt{Say: text.L("account.data_sent", nil), Texted: true}, nil
}
