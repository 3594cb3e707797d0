package dialog_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/text"
)

// sample is a small service: three questions and an effect in PostgreSQL.
type sample struct {
	db     *pgxpool.Pool
	book   *casework.Book
	people *person.Registry
	now    func() time.Time
}

type errand struct {
	Number string `json:"n,omitempty"`
	Day    int    `json:"d,omitempty"`
}

type joining struct {
	Born string `json:"b,omitempty"`
	PIN  string `json:"p,omitempty"` // hashed
}

type keeping struct {
	Ref string `json:"r,omitempty"`
}

const sampleSchema = `
create table effect (id bigint generated always as identity primary key, account bigint, ref text, number text, day int);
create table told (id bigint generated always as identity primary key, number text, text_key text, body text, dedupe text)`

func (s *sample) day(i int) time.Time { return s.now().AddDate(0, 0, i) }

func (s *sample) definition() form.Definition {
	return form.Definition{Name: "sample", Entries: []form.Entry{
		{
			Name: "sample.join", Version: 1, Menu: 5, Label: "sample.join_menu", Flow: s.join(),
			Keywords: map[text.Lang][]string{text.French: {"INSCRIRE"}, text.Darija: {"SJEL", "TSEJJEL"}, text.Arabic: {"تسجيل"}},
			Hidden:   func(_ context.Context, w form.Who) (bool, error) { return w.Account != 0, nil },
		},
		{
			Name: "sample.book", Version: 1, Menu: 10, Label: "sample.menu", Needs: form.WithPIN, Flow: s.errand(),
			Keywords: map[text.Lang][]string{text.French: {"RDV", "RENDEZ VOUS"}, text.Darija: {"MAW3ID", "7JEZ"}, text.Arabic: {"موعد", "حجز"}, text.English: {"BOOK"}},
		},
		{
			Name: "sample.cancel", Version: 1, Needs: form.Registered, Flow: s.keep(),
			Keywords: map[text.Lang][]string{text.French: {"ANNULER"}, text.Darija: {"LGHI"}, text.Arabic: {"إلغاء"}},
		},
	}}
}

func (s *sample) errand() form.Flow {
	return form.New(form.Spec[errand]{Name: "sample.book", Questions: []form.Question[errand]{
		{
			Name: "number", Kind: form.Digits, AskKey: "sample.number", Holds: true,
			Arg: func(w string) bool { return len(w) >= 4 && len(w) <= 6 && strings.Trim(w, "0123456789") == "" },
			Set: func(_ context.Context, _ form.Who, d *errand, a string) (err error) {
				d.Number, err = form.ParseDigits(a, 4, 6)
				return err
			},
		},
		{
			Name: "day", Kind: form.Choice, AskKey: "sample.day",
			Options: func(context.Context, form.Who, errand) (all []form.Option, err error) {
				for i := 1; i <= 12; i++ {
					all = append(all, form.Option{Value: strconv.Itoa(i), Label: text.L("sample.choice", text.Params{"at": s.day(i)})})
				}
				return all, nil
			},
			Set: func(_ context.Context, _ form.Who, d *errand, a string) (err error) {
				d.Day, err = strconv.Atoi(a)
				return err
			},
		},
		{
			Name: "confirm", Kind: form.Choice,
			Ask: func(_ context.Context, _ form.Who, d errand) (text.Line, error) {
				return text.L("sample.confirm", text.Params{"number": d.Number, "at": s.day(d.Day)}), nil
			},
			Options: func(context.Context, form.Who, errand) ([]form.Option, error) {
				return []form.Option{{Value: "again", Label: text.L("sample.again", nil)}, {Value: "send", Key: "9", Label: text.L("sample.send", nil)}}, nil
			},
			Set: func(_ context.Context, _ form.Who, d *errand, a string) error {
				if a == "again" {
					d.Day = 0
					return form.Reopen("day")
				}
				return nil
			},
		},
	}, Finish: func(ctx context.Context, w form.Who, key string, d errand) (form.Receipt, error) {
		if d.Day == 7 {
			return form.Receipt{}, fault.Conflict("sample.full", nil)
		}
		var done struct{ Ref string }
		cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: w.Account}, Channel: string(w.Channel), Key: key, Verb: "sample.book"}
		_, err := s.book.Do(ctx, cmd, &done, func(ctx context.Context, tx *casework.Tx) (err error) {
			if done.Ref, err = casework.NewRef(); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "insert into effect (account, ref, number, day) values ($1, $2, $3, $4)", w.Account, done.Ref, d.Number, d.Day)
			return err
		})
		return form.Receipt{Say: text.L("sample.done", text.Params{"ref": done.Ref})}, err
	}})
}

func (s *sample) join() form.Flow {
	return form.New(form.Spec[joining]{Name: "sample.join", Questions: []form.Question[joining]{
		{
			Name: "birth", Kind: form.Date, AskKey: "sample.birth",
			Set: func(_ context.Context, _ form.Who, d *joining, a string) error {
				_, err := form.ParseDate(a)
				d.Born = a
				return err
			},
		},
		{
			Name: "pin", Kind: form.Secret, AskKey: "sample.pin",
			Set: func(ctx context.Context, _ form.Who, d *joining, a string) error {
				pin, err := form.ParseDigits(a, 4, 6)
				if err != nil {
					return err
				}
				h, err := s.people.HashPIN(ctx, pin)
				d.PIN = string(h)
				return err
			},
		},
	}, Finish: func(ctx context.Context, w form.Who, key string, d joining) (form.Receipt, error) {
		born, err := form.ParseDate(d.Born)
		if err != nil {
			return form.Receipt{}, err
		}
		cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen}, Channel: string(w.Channel), Key: key, Verb: "sample.join"}
		_, err = s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
			_, err := s.people.Register(ctx, tx, person.Registration{
				Msisdn: w.Msisdn, Lang: w.Lang, Quality: person.Family, IDType: "cin",
				IDNumber: "AB" + w.Msisdn.Raw()[len(w.Msisdn.Raw())-6:], BirthDate: born, PIN: person.PINHash(d.PIN), ConsentVersion: 1, Channel: string(w.Channel),
			})
			return err
		})
		return form.Receipt{Say: text.L("sample.joined", nil), Then: "menu"}, err
	}})
}

func (s *sample) keep() form.Flow {
	return form.New(form.Spec[keeping]{Name: "sample.cancel", Questions: []form.Question[keeping]{
		{
			Name: "ref", Kind: form.Digits, AskKey: "sample.number", Arg: casework.ValidRef,
			Set: func(_ context.Context, _ form.Who, d *keeping, a string) error {
				if !casework.ValidRef(a) {
					return form.Again("form.digits", text.Params{"n": 8})
				}
				d.Ref = a
				return nil
			},
		},
		{Name: "sure", AskKey: "", Ask: func(_ context.Context, _ form.Who, d keeping) (text.Line, error) {
			return text.L("sample.keep", text.Params{"ref": d.Ref}), nil
		}, Options: func(context.Context, form.Who, keeping) ([]form.Option, error) {
			return []form.Option{{Value: "yes", Label: text.L("sample.yes", nil)}}, nil
		}, Set: func(context.Context, form.Who, *keeping, string) error { return nil }},
	}, Finish: func(ctx context.Context, w form.Who, key string, d keeping) (form.Receipt, error) {
		cmd := casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: w.Account}, Channel: string(w.Channel), Key: key, Verb: "sample.cancel"}
		_, err := s.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
			_, err := tx.Exec(ctx, "insert into effect (account, ref) values ($1, $2)", w.Account, d.Ref)
			return err
		})
		return form.Receipt{Say: text.L("sample.done", text.Params{"ref": d.Ref})}, err
	}})
}

// Status implements dialog.Status.
func (s *sample) Status(ctx context.Context, w form.Who, ref string) (text.Line, bool, error) {
	var found bool
	err := s.db.QueryRow(ctx, "select exists (select from effect where account = $1 and ref = $2)", w.Account, ref).Scan(&found)
	if err != nil {
		return text.Line{}, false, fmt.Errorf("sample status: %w", err)
	}
	return text.L("sample.state", text.Params{"ref": ref}), found, nil
}
