package dialog_test

import (
	"context"
	"errors"
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
