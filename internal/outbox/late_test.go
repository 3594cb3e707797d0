package outbox_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// brittle makes connections to the database that the test breaks off. What
// PostgreSQL was given it carries out all the same: it is not told to stop.
type brittle struct {
	mu    sync.Mutex
	conns []net.Conn
}

type deaf struct{ net.Conn }

func (c deaf) Write(b []byte) (int, error) {
	if len(b) == 16 && bytes.Equal(b[4:8], []byte{4, 210, 22, 46}) { // CancelRequest
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (d *brittle) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = append(d.conns, c)
	return deaf{c}, nil
}

func (d *brittle) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.conns = nil
}

// The first commit that puts a part in doubt hangs until the test lets it go.
const sqlHang = `
create function hang() returns trigger language plpgsql as $$
begin
    if pg_try_advisory_xact_lock(8) then perform pg_advisory_xact_lock(7); end if;
    return null;
end $$;
create constraint trigger hang after update on message_part deferrable initially deferred
    for each row when (new.state = 'in_doubt') execute function hang()`

// A take that the lane gave up is carried out when the lane has long gone on:
// nothing of it was written, so it is given back, and goes out once.
func TestATakeThatIsCommittedLateIsGivenBack(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	f.clock.runs = true
	f.exec(t, sqlHang)
	gate, err := f.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Release()
	if _, err := gate.Exec(t.Context(), `select pg_advisory_lock(7)`); err != nil {
		t.Fatal(err)
	}

	d := &brittle{}
	config := f.db.Config().Copy()
	config.MaxConns, config.MinConns, config.ConnConfig.DialFunc = 2, 0, d.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	lanes := &fixture{db: postgres.Wrap(pool, postgres.Options{}), clock: f.clock, texts: f.texts}
	lanes.Outbox = lanes.another(nil)
	op := &operator{answer: accept}
	lanes.serve(t, north, op)

	f.enqueue(t, told(1, message.Code))
	runtest.Eventually(t, "the commit hangs", func() bool {
		var n int
		err := f.db.QueryRow(t.Context(), `select count(*)::int from pg_locks where locktype = 'advisory' and objid = 7 and not granted
			and database = (select oid from pg_database where datname = current_database())`).Scan(&n)
		return err == nil && n == 1
	})
	d.cut()
	f.enqueue(t, told(2, message.Code))
	runtest.Eventually(t, "the lane goes on", func() bool { return f.states(t)["accepted"] == 1 })
	if _, err := gate.Exec(t.Context(), `select pg_advisory_unlock(7)`); err != nil {
		t.Fatal(err)
	}
	runtest.Eventually(t, "what was taken late is accepted too", func() bool { return f.states(t)["accepted"] == 2 })
	if n := op.count(); n != 2 {
		t.Errorf("2 parts were written %d times", n)
	}
}
