// Package account is how a person comes in: registering a number, keeping a
// household of visitors, and settings: language, PIN, reminders, and what is
// kept about oneself.
package account

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

//go:embed texts/*.toml
var texts embed.FS

// Texts gives the catalogue files of this package.
func Texts() fs.FS { return texts }

// Persons keeps accounts and households.
type Persons interface {
	Account(ctx context.Context, id int64) (person.Account, error)
	Country(ctx context.Context, m private.Msisdn) (string, error)
	MatchID(ctx context.Context, country, number string) (string, private.NationalID, error)
	CheckBirth(time.Time) error
	HashPIN(ctx context.Context, pin string) (person.PINHash, error)
	SamePIN(ctx context.Context, h person.PINHash, pin string) (bool, error)
	Known(ctx context.Context, accountID int64) (person.Known, error)
	Register(ctx context.Context, tx *casework.Tx, in person.Registration) (person.Account, error)
	SetPIN(ctx context.Context, tx *casework.Tx, accountID int64, h person.PINHash) error
	SetLang(ctx context.Context, m private.Msisdn, l text.Lang) error
	SetOptOut(ctx context.Context, accountID int64, stop bool) error
	Household(ctx context.Context, accountID int64) ([]person.Visitor, error)
	AddVisitor(ctx context.Context, tx *casework.Tx, accountID int64, in person.VisitorInput) (person.Visitor, error)
	RemoveVisitor(ctx context.Context, tx *casework.Tx, accountID, visitorID int64) error
}

// Places gives what countries decide.
type Places interface {
	CountryRules(ctx context.Context, country string, at time.Time) (establishment.Rules, error)
	Relations(ctx context.Context, country string) ([]establishment.Relation, error)
}

// Commands runs a command once per key.
type Commands interface {
	Do(ctx context.Context, c casework.Command, result any, fn func(context.Context, *casework.Tx) error) (bool, error)
}

// Service runs the errands of an account. It is safe for concurrent use.
type Service struct {
	persons Persons
	places  Places
	book    Commands
	dial    string // the USSD code, as people dial it
}

// New makes a Service; dial is the USSD code shown in its texts.
func New(persons Persons, places Places, book Commands, dial string) *Service {
	return &Service{persons: persons, places: places, book: book, dial: dial}
}

// Definition declares the service to every surface.
func (s *Service) Definition() form.Definition {
	return form.Definition{Name: "account", Entries: []form.Entry{
		{
			Name: "account.register", Version: 1, Menu: 5, Label: "account.register_menu", Needs: form.Anyone,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"تسجيل", "سجل"}, text.French: {"INSCRIRE", "INSCRIPTION"},
				text.Darija: {"SAJEL", "SJEL", "TSJIL"}, text.English: {"REGISTER"},
			},
			Hidden: func(_ context.Context, w form.Who) (bool, error) { return w.Account != 0, nil },
			Flow:   s.registerFlow(),
		},
		{
			Name: "account.household", Version: 1, Menu: 50, Label: "account.household_menu", Needs: form.WithPIN,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"عائلتي"}, text.French: {"FAMILLE", "PROCHES"},
				text.Darija: {"3A2ILA"}, text.English: {"FAMILY"},
			},
			Flow: s.householdFlow(),
		},
		{
			Name: "account.settings", Version: 1, Menu: 70, Label: "account.settings_menu", Needs: form.WithPIN,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"إعدادات"}, text.French: {"REGLAGES"},
				text.Darija: {"I3DADAT"}, text.English: {"SETTINGS"},
			},
			Flow: s.settingsFlow(),
		},
		{
			Name: "account.my_data", Version: 1, Label: "account.data", Needs: form.Registered,
			Keywords: map[text.Lang][]string{
				text.Arabic: {"معطياتي", "بياناتي"}, text.French: {"MESDONNEES", "DONNEES"},
				text.Darija: {"M3TIYATI"}, text.English: {"MYDATA"},
			},
			Flow: s.dataFlow(),
		},
	}}
}

// command names an errand of the person who answers.
func command(w form.Who, key, verb string) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: w.Account}, Channel: string(w.Channel), Key: key, Verb: verb}
}

// again asks the same question once more when the answer was at fault, with
// the sentence that says what to do; other errors stay.
func again(err error) error {
	if fault.KindOf(err) == fault.KindInvalid {
		line := fault.LineOf(err)
		return form.Again(line.Key, line.Params)
	}
	return err
}

func option(value string, key text.Key) form.Option {
	return form.Option{Value: value, Label: text.L(key, nil)}
}

func parseBirth(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fmt.Errorf("birth date in the draft: %w", err)
	}
	return t, nil
}
