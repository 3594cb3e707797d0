package inbox_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/message"
)

func TestPoisonIsSetAsideAndTheSenderGoesOn(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	f.fail = func(in message.Inbound) error {
		if in.Body.Raw() == "poison" {
			panic("as the text wishes")
		}
		return nil
	}
	f.keep(t, says(1, "poison"), inbox.Stored)
	f.keep(t, says(1, "RDV"), inbox.Stored)
	f.run(t)
	eventually(t, "the next text is done", func() bool {
		f.clock.Advance(5 * time.Second)
		return f.states(t)["done"] == 1
	})
	list, err := f.Quarantined(t.Context(), 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Tries != 5 || list[0].Reason != "panic" {
		t.Fatalf("set aside: %+v", list)
	}
	f.mu.Lock()
	f.fail = nil
	f.mu.Unlock()
	if err := f.settle(t, f.Replay, list[0].ID, list[0].Since); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replayed text is done", func() bool { return f.states(t)["done"] == 2 })
}

// What staff do with a text set aside holds for it as they saw it.
func TestWhatIsSetAsideIsSettledOnce(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	for n := range 3 {
		f.keep(t, says(n, "poison"), inbox.Stored)
	}
	aside := func() []inbox.Quarantined {
		t.Helper()
		list, err := f.Quarantined(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	put := func(where string) {
		t.Helper()
		if _, err := f.db.Exec(t.Context(), `update inbox set state = 'quarantined', tries = 5, reason = 'panic', done_at = $1 where state = 'waiting' and `+where, f.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	put("true")
	list := aside()
	if len(list) != 3 || list[0].ID < list[1].ID {
		t.Fatalf("set aside: %+v", list)
	}
	if err := f.settle(t, f.Leave, list[0].ID, list[0].Since); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(context.Context, pgx.Tx, int64, time.Time) (inbox.Quarantined, error){"replay": f.Replay, "leave": f.Leave} {
		if err := f.settle(t, do, list[0].ID, list[0].Since); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("%s what was left: %v", name, err)
		}
		if err := f.settle(t, do, 999999, list[0].Since); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("%s what is none: %v", name, err)
		}
	}
	if err := f.settle(t, f.Replay, list[1].ID, list[1].Since); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Minute)
	put("true") // it failed again: another version
	if err := f.settle(t, f.Replay, list[1].ID, list[1].Since); fault.KindOf(err) != fault.KindConflict {
		t.Errorf("replay of an old version: %v", err)
	}
	var n int64
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) (err error) {
		n, err = f.ReplayAll(ctx, tx, list[2].Since)
		return err
	})
	if err != nil || n != 1 {
		t.Errorf("%d replayed, %v", n, err)
	}
	if s := f.states(t); s["left"] != 1 || s["quarantined"] != 1 || s["waiting"] != 1 {
		t.Errorf("states are %v", s)
	}
	if err := f.Forget(t.Context(), f.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := f.states(t); s["left"] != 0 {
		t.Errorf("what was left is kept for ever: %v", s)
	}
}

func TestAnOutageSetsNothingAside(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	outages := []error{
		fault.Unavailable("service.unavailable", nil), fmt.Errorf("begin: %w", io.ErrUnexpectedEOF), fmt.Errorf("begin: %w", &pgconn.PgError{Code: "57P03"}),
	}
	var calls atomic.Int64
	f.fail = func(message.Inbound) error { return outages[calls.Add(1)%int64(len(outages))] }
	f.keep(t, says(1, "RDV"), inbox.Stored)
	f.run(t)
	eventually(t, "it is tried many times", func() bool {
		f.clock.Advance(time.Minute)
		return len(f.bodies()) > 8
	})
	f.mu.Lock()
	f.fail = nil
	f.mu.Unlock()
	eventually(t, "it is done", func() bool {
		f.clock.Advance(time.Minute)
		return f.states(t)["done"] == 1
	})
}
