package inbox_test

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// While a text of a person is under way, their next one waits, and others'
// pass; it goes on as soon as the first has ended.
func TestWhoHasATextUnderWayWaitsWithTheNext(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	hold := make(chan struct{})
	f.fail = func(in message.Inbound) error {
		if in.Body.Raw() == "first" {
			<-hold
		}
		return nil
	}
	f.run(t)
	release := released(t, hold)
	f.keep(t, says(1, "first"), inbox.Stored)
	eventually(t, "the first is under way", func() bool { return len(f.bodies()) == 1 })
	f.keep(t, says(1, "second"), inbox.Stored)
	f.keep(t, says(2, "other"), inbox.Stored)
	eventually(t, "the other is done", func() bool { return f.states(t)["done"] == 1 })
	if s := f.states(t); s["waiting"] != 1 || s["claimed"] != 1 {
		t.Errorf("states are %v", s)
	}
	release()
	eventually(t, "all are done", func() bool { return f.states(t)["done"] == 3 })
}

// released lets what waits for hold go on, at the latest when the test ends.
func released(t *testing.T, hold chan struct{}) func() {
	t.Helper()
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	return release
}

// Texts that came when nobody could hand them on are not left behind by those
// that come later.
func TestABacklogIsNotLeftBehind(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	f.Inbox = inbox.New(inbox.Config{DB: f.db, Vault: ring, Texts: f.service, Workers: 2, Now: f.clock.Now})
	hold := make(chan struct{})
	f.fail = func(message.Inbound) error { <-hold; return nil }
	f.run(t)
	release := released(t, hold)
	for n := range 10 {
		f.keep(t, says(n, "early"), inbox.Stored)
	}
	eventually(t, "two are under way", func() bool { return len(f.bodies()) == 2 })
	if s := f.states(t); s["claimed"] != 2 || s["waiting"] != 8 {
		t.Errorf("states are %v", s)
	}
	release()
	for n := range 10 {
		f.keep(t, says(20+n, "late"), inbox.Stored)
	}
	eventually(t, "all are done", func() bool { return f.states(t)["done"] == 20 })
}

// swept waits for a sweep; the next comes when the clock has gone on.
func (f *fixture) swept(t *testing.T) {
	t.Helper()
	if _, err := f.db.Exec(t.Context(), `insert into inbound_seen (key, seen_at) values ('old', $1)`, f.clock.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Second)
	eventually(t, "it is swept", func() bool {
		var there bool
		if err := f.db.QueryRow(t.Context(), `select exists (select from inbound_seen where key = 'old')`).Scan(&there); err != nil {
			t.Fatal(err)
		}
		return !there
	})
}

// A text that takes long stays its process's own, also when its lease has run
// out because nobody could renew it.
func TestALongTextKeepsItsLease(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	hold := make(chan struct{})
	f.fail = func(message.Inbound) error { <-hold; return nil }
	f.run(t)
	released(t, hold)
	f.keep(t, says(1, "RDV"), inbox.Stored)
	eventually(t, "it is under way", func() bool { return len(f.bodies()) == 1 })
	f.swept(t)
	if _, err := f.db.Exec(t.Context(), `update inbox set lease_until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(6 * time.Second)
	eventually(t, "its lease is renewed", func() bool {
		var long bool
		var lost int
		if err := f.db.QueryRow(t.Context(), `select coalesce(lease_until > now() + interval '10 seconds', false), lost from inbox`).Scan(&long, &lost); err != nil || lost > 0 {
			t.Fatalf("lost %d times, %v", lost, err)
		}
		return long
	})
}

// deafening cuts what the server says when a text is about to be stored.
type deafening struct {
	*keys.Ring
	*line
}

func (d deafening) Seal(table, column string, row int64, plain []byte) ([]byte, error) {
	if d.armed.Load() {
		d.deaf.Store(true)
	}
	return d.Ring.Seal(table, column, row, plain)
}

// line is a connection that can stop hearing: what is written still arrives.
type line struct{ armed, deaf atomic.Bool }

func (l *line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return lineConn{c, l}, err
}

type lineConn struct {
	net.Conn
	*line
}

func (c lineConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.deaf.Load() {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// A commit that took effect and was not heard of has stored a text as claimed
// that nobody hands on. It does not wait for its lease.
func TestAClaimNobodyHeardOfIsGivenUp(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	var l line
	config, err := pgxpool.ParseConfig(f.db.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.DialFunc = l.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f.Inbox = inbox.New(inbox.Config{
		DB: postgres.Wrap(pool, postgres.Options{}), Vault: deafening{ring, &l}, Texts: f.service, Now: f.clock.Now,
	})
	f.run(t)
	f.keep(t, says(1, "first"), inbox.Stored)
	eventually(t, "it is done", func() bool { return f.states(t)["done"] == 1 })

	n := 1
	for f.states(t)["claimed"] == 0 { // the line may go before the text does
		if n++; n > 20 {
			t.Fatal("no text was stored by a commit that nobody heard of")
		}
		l.armed.Store(true)
		if v, err := f.Keep(t.Context(), says(n, "second")); err == nil {
			t.Fatalf("a commit that was not heard of is %v", v)
		}
		l.armed.Store(false)
		l.deaf.Store(false)
	}
	eventually(t, "the operator sends it again", func() bool {
		v, err := f.Keep(t.Context(), says(n, "second"))
		return err == nil && v == inbox.Repeated
	})
	eventually(t, "it is handed on", func() bool {
		f.clock.Advance(50 * time.Millisecond)
		return f.states(t)["done"] == 2
	})
	if got := f.bodies(); len(got) != 2 {
		t.Errorf("handed on: %d", len(got))
	}
}
