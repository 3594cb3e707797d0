package dialog_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/dialog/dialogtest"
	"github.com/wasl-sms/wasl/ussd"
)

func TestTranscripts(t *testing.T) {
	t.Parallel()
	dialogtest.Run(t, "testdata/*.dialog", func(t *testing.T) dialogtest.World {
		w := newWorld(t, dialog.Limits{}, nil)
		phones := map[string]*handset{}
		return dialogtest.World{
			Phone: func(_ *testing.T, number string) dialogtest.Phone {
				if phones[number] == nil {
					phones[number] = w.phone(number)
				}
				return phones[number]
			},
			Do: map[string]func(*testing.T, []string){
				"wait": func(t *testing.T, args []string) {
					d, err := time.ParseDuration(args[0])
					if err != nil {
						t.Fatal(err)
					}
					w.pass(d)
				},
				"hang-up": func(_ *testing.T, args []string) {
					w.step(ussd.Request{Kind: ussd.Abort, Msisdn: args[0], SessionID: phones[args[0]].session})
				},
				"expect": func(t *testing.T, args []string) { // one of our texts asks about a reference
					account := int64(w.count("select account_id from msisdn where rank = 1"))
					err := w.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
						return w.dialog.Expect(ctx, tx, account, "sample.cancel", args, w.Now().Add(24*time.Hour))
					})
					if err != nil {
						t.Fatal(err)
					}
				},
			},
		}
	})
}
