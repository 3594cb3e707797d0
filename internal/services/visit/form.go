package visit

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

//go:embed texts/*.toml
var texts embed.FS

// Texts gives the catalogue files of this service.
func Texts() fs.FS { return texts }

// Entries of this service.
const (
	EntryBook     = "visit.book"
	EntryMine     = "visit.mine"
	EntryCancel   = "visit.cancel"
	EntryReminder = "visit.reminder" // the answer to a reminder; its argument is the reference
	EntryHold     = "visit.hold"     // the answer to "your place is kept until"
	EntryOffer    = "visit.offer"    // the answer to the two offers after a closing
)

// Definition declares the service to the surfaces.
func (s *Service) Definition() form.Definition {
	return form.Definition{Name: "visit", Entries: []form.Entry{
		{
			Name: EntryBook, Version: 1, Menu: 10, Label: "visit.menu.book", Needs: form.WithPIN, Flow: s.bookForm(),
			Keywords: map[text.Lang][]string{
				text.French:  {"RDV", "VISITE", "RENDEZVOUS"},
				text.Darija:  {"MAW3ID", "7JEZ", "RANDIVOU"},
				text.Arabic:  {"موعد", "حجز", "زيارة"},
				text.English: {"BOOK", "VISIT"},
			},
		},
		{
			Name: EntryMine, Version: 1, Menu: 20, Label: "visit.menu.mine", Needs: form.WithPIN, Flow: s.mineForm(),
			Keywords: map[text.Lang][]string{
				text.French: {"MESRDV", "CHANGER"}, text.Darija: {"MAWA3IDI", "BEDDEL"},
				text.Arabic: {"مواعيدي", "تغيير"}, text.English: {"MYVISITS", "CHANGE"},
			},
		},
		{
			Name: EntryCancel, Version: 1, Label: "visit.menu.cancel", Needs: form.Registered, Flow: s.cancelForm(),
			Keywords: map[text.Lang][]string{
				text.French: {"ANNULER"}, text.Darija: {"LGHI"}, text.Arabic: {"الغاء", "إلغاء"}, text.English: {"CANCELVISIT"},
			},
		},
		{Name: EntryReminder, Version: 1, Label: "visit.menu.mine", Needs: form.Registered, Flow: s.reminderForm()},
		{Name: EntryHold, Version: 1, Label: "visit.menu.book", Needs: form.Registered, Flow: s.holdForm()},
		{Name: EntryOffer, Version: 1, Label: "visit.menu.book", Needs: form.Registered, Flow: s.offerForm()},
	}}
}

// command is a citizen's act on a surface.
func command(w form.Who, key string) casework.Command {
	return casework.Command{
		Actor: casework.Actor{Kind: casework.Citizen, ID: w.Account}, Channel: string(w.Channel), Key: key,
	}
}

// permitted is one detainee that an account may visit, and with whom.
type permitted struct {
	Detainee int64
	Ref      string // of a permit: what stands for the person on a screen
	Visitors []int64
}

func (s *Service) permitted(ctx context.Context, account int64) ([]permitted, error) {
	all, _, err := s.permittedAndLast(ctx, account)
	return all, err
}

// permittedAndLast gives the party of the last visit too, if there was one.
func (s *Service) permittedAndLast(ctx context.Context, account int64) (all []permitted, last permitted, err error) {
	b := postgres.ByIndex()
	b.Queue(sqlPermitted, account, s.now()).Query(func(rows pgx.Rows) (err error) {
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[permitted])
		return err
	})
	b.Queue(sqlLastParty, account).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&last.Detainee, &last.Visitors}, func() error { return nil })
		return err
	})
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return nil, last, fmt.Errorf("list whom account %d may visit: %w", account, err)
	}
	return all, last, nil
}
