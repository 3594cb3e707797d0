package dialog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/sessions"
)

func newKeeper(t *testing.T) (*world, *dialog.Keeper) {
	t.Helper()
	w := &world{t: t, db: dbtest.DB(t, postgres.Options{}), faults: &faults{}, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	return w, dialog.NewKeeper(w.db, w.Now, w.faults.Fault)
}

// eventually waits until what is written behind is there.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("not written")
		}
	}
}

func TestKeeperWritesBehindAndOnceMoreAtTheEnd(t *testing.T) {
	t.Parallel()
	w, k := newKeeper(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	k.Save("a", []byte("1"), w.Now(), w.Now().Add(time.Hour))
	k.Applied("s", sessions.State{Version: 3, Blob: []byte("x")}, time.Minute)
	eventually(t, func() bool {
		return w.count("select count(*) from dialogue_draft") == 1 && w.count("select count(*) from ussd_session where version = 3") == 1
	})
	stop()
	k.Save("b", []byte("2"), w.Now(), w.Now().Add(time.Hour))
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := k.Flush(t.Context()); err != nil { // b may have come after the last write
		t.Fatal(err)
	}
	if n := w.count("select count(*) from dialogue_draft"); n != 2 {
		t.Errorf("%d drafts", n)
	}
}

// TestKeeperLaterWins: writes out of order, and two processes, never bring an
// older draft back.
func TestKeeperLaterWins(t *testing.T) {
	t.Parallel()
	w, k := newKeeper(t)
	other := dialog.NewKeeper(w.db, w.Now, nil)
	first, second, third := w.Now(), w.Now().Add(time.Second), w.Now().Add(2*time.Second)
	keep := w.Now().Add(time.Hour)
	flush := func(ks ...*dialog.Keeper) {
		t.Helper()
		for _, k := range ks {
			if err := k.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	k.Save("a", []byte("new"), second, keep)
	k.Save("a", []byte("old"), first, keep)
	other.Save("a", []byte("old"), first, keep)
	flush(k, other)
	if n := w.count("select count(*) from dialogue_draft where sealed = 'new'"); n != 1 {
		t.Error("an older draft came back")
	}
	other.Drop("a", first)
	flush(other)
	if n := w.count("select count(*) from dialogue_draft"); n != 1 {
		t.Error("a late drop took a newer draft")
	}
	other.Drop("a", third)
	k.Save("a", []byte("x"), second, keep)
	flush(k, other)
	if n := w.count("select count(*) from dialogue_draft"); n != 0 {
		t.Error("a dropped draft is there")
	}
}

func TestKeeperTriesAgain(t *testing.T) {
	t.Parallel()
	w, k := newKeeper(t)
	k.Save("a", []byte("1"), w.Now(), w.Now().Add(time.Hour))
	k.Applied("s", sessions.State{Version: 1, Blob: []byte("x")}, time.Minute)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Flush(gone); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := k.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.count("select count(*) from dialogue_draft") != 1 || w.count("select count(*) from ussd_session") != 1 {
		t.Error("what could not be written is lost")
	}
}

// TestDropIsSeenAtOnce redials while what ended the errand is being written:
// nobody is asked to go on with what is done.
func TestDropIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(known)
	p.keys("*369#", pin, "1", "12345", "2")
	if err := w.keeper.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	lock, err := w.db.Begin(t.Context()) // the write hangs on this row
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), "select from dialogue_draft for update"); err != nil {
		t.Fatal(err)
	}
	p.keys("9")
	written := make(chan error, 1)
	go func() { written <- w.keeper.Flush(context.WithoutCancel(t.Context())) }()
	eventually(t, func() bool {
		return w.count("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == 1
	})
	s := p.keys("*369#", pin)
	if err := lock.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(s.Text, "1 Prendre") {
		t.Errorf("after the errand was done: %q", s.Text)
	}
}
