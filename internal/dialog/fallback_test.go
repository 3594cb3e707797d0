package dialog_test

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
)

func TestSessionTable(t *testing.T) {
	t.Parallel()
	sessionstest.Run(t, func(t *testing.T) sessionstest.Fixture {
		w := &world{t: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
		return sessionstest.Fixture{Store: dialog.NewSessionTable(dbtest.DB(t, postgres.Options{}), w.Now), Pass: w.pass}
	})
}
