package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// doomed is a connection to the database that dies at a chosen write, just
// before it or just after: then the server acts and nobody hears of it.
type doomed struct {
	net.Conn
	d *doom
}

type doom struct {
	left  atomic.Int64
	after bool
	dead  chan struct{}
	once  sync.Once
	mu    sync.Mutex
	conns []net.Conn
}

var errDoomed = errors.New("connection cut by the test")

func (c doomed) Write(b []byte) (int, error) {
	n := c.d.left.Add(-1)
	if n < 0 || n == 0 && !c.d.after {
		c.d.kill()
		return 0, errDoomed
	}
	written, err := c.Conn.Write(b)
	if n == 0 {
		c.d.kill()
	}
	return written, err
}

func (d *doom) kill() {
	d.once.Do(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, c := range d.conns {
			_ = c.Close()
		}
		close(d.dead)
	})
}

func (d *doom) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	select {
	case <-d.dead:
		return nil, errDoomed
	default:
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = append(d.conns, c)
	return doomed{c, d}, nil
}

// doomedProcess is an outbox whose process ends at the n-th thing it says to
// the database, counted once it is at work.
func (f *fixture) doomedProcess(t *testing.T, n int64, after bool) (*outbox.Outbox, *doom) {
	t.Helper()
	d := &doom{after: after, dead: make(chan struct{})}
	d.left.Store(1 << 40)
	config := f.db.Config().Copy()
	config.MaxConns, config.MinConns = 1, 0
	config.ConnConfig.DialFunc = d.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := pool.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.left.Store(n)
	other := &fixture{db: postgres.Wrap(pool, postgres.Options{}), clock: f.clock, texts: f.texts}
	return other.another(nil), d
}

// A lane's process dies at every point between its commits, again and again,
// over a running load. Nothing is lost; each death repeats at most a window;
// one-time codes are never repeated.
func TestDeathBetweenAnyTwoCommits(t *testing.T) {
	t.Parallel()
	const kills, each, window = 24, 30, 10
	f := setUp(t, nil)
	op := &operator{}
	op.answer = func(n int, p outbox.Part) (outbox.Answer, bool) {
		if n%4 == 0 {
			return outbox.Answer{}, false // lost with the link
		}
		return accept(n, p)
	}
	var processes sync.WaitGroup
	for k := range kills {
		var list []message.Outbound
		for i := range each {
			class := message.Decision
			if i%5 == 0 {
				class = message.Code
			}
			list = append(list, told(k*each+i, class))
		}
		f.enqueue(t, list...)
		o, d := f.doomedProcess(t, int64(1+k/2), k%2 == 1)
		ctx, cancel := context.WithCancel(context.Background())
		processes.Go(func() { _ = o.Serve(ctx, north, op) })
		select {
		case <-d.dead:
		case <-time.After(10 * time.Second):
			t.Fatalf("kill %d: the process did not come to its death", k)
		}
		cancel()
		op.cut()
		if doubt := f.states(t)["in_doubt"]; doubt > window*(k+1) {
			t.Fatalf("kill %d: %d parts in doubt", k, doubt)
		}
	}
	processes.Wait()

	op.mu.Lock()
	op.answer = accept
	op.mu.Unlock()
	f.serve(t, north, op)
	runtest.Start(t, f.Run)
	runtest.Eventually(t, "the rest is sent", func() bool { return f.states(t)["queued"] == 0 })
	f.clock.Advance(121 * time.Second)
	runtest.Eventually(t, "every part has an end", func() bool {
		s := f.states(t)
		return s["accepted"]+s["unknown"] == kills*each
	})

	copies := map[string]int{}
	for _, body := range op.got() {
		copies[body]++
	}
	repeats := 0
	for i := range kills * each {
		n := copies[fmt.Sprintf("permit.granted fr %d", i)]
		code := i%each%5 == 0
		if n == 0 && !code {
			t.Errorf("text %d was lost", i)
		}
		if n > 1 && code {
			t.Errorf("one-time code %d was sent %d times", i, n)
		}
		repeats += max(0, n-1)
	}
	if repeats > kills*window {
		t.Errorf("%d repeats, more than a window for each of %d deaths", repeats, kills)
	}
	t.Logf("%d repeats in %d deaths, %v", repeats, kills, f.states(t))
}

func TestTwoLanesShareWithoutRepeating(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: accept}
	second := north
	second.Bind = "north/2"
	f.serve(t, north, op)
	runtest.Start(t, func(ctx context.Context) error { return f.another(nil).Serve(ctx, second, op) })
	runtest.Start(t, f.Run)
	for k := range 5 {
		var list []message.Outbound
		for i := range 200 {
			list = append(list, told(k*200+i, message.Information))
		}
		f.enqueue(t, list...)
	}
	runtest.Eventually(t, "all are accepted", func() bool { return f.states(t)["accepted"] == 1000 })
	if n := op.count(); n != 1000 {
		t.Errorf("%d parts were written for 1000 texts", n)
	}
}

func TestThrottlingKeepsOrderAndCountsNothing(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	f.clock.runs = true
	var writes []time.Time
	op := &operator{}
	op.answer = func(n int, p outbox.Part) (outbox.Answer, bool) {
		writes = append(writes, time.Now())
		if n == 5 || n == 6 {
			return outbox.Answer{Outcome: outbox.Throttled, Code: 0x58}, true
		}
		return accept(n, p)
	}
	one := north
	one.Window = 1
	f.serve(t, one, op)
	var list []message.Outbound
	for n := range 20 {
		list = append(list, told(n, message.Information))
	}
	f.enqueue(t, list...)
	runtest.Eventually(t, "all are accepted", func() bool { return f.states(t)["accepted"] == 20 })
	first, second := writes[5].Sub(writes[4]), writes[6].Sub(writes[5])
	if first < time.Second || second < 2*time.Second {
		t.Errorf("pauses of %v and %v: want a second, then two", first, second)
	}
	var order []string
	for i, body := range op.got() {
		if i != 4 && i != 5 { // the refused writes
			order = append(order, body)
		}
	}
	for i, body := range order {
		if want := fmt.Sprintf("permit.granted fr %d", i); body != want {
			t.Fatalf("place %d holds %q", i, body)
		}
	}
	var retries int
	if err := f.db.QueryRow(t.Context(), `select sum(retries)::int from message_part`).Scan(&retries); err != nil || retries != 0 {
		t.Errorf("throttling counted %d retries, %v", retries, err)
	}
}

func TestOutcomesOfAWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outcome outbox.Outcome
		state   string
	}{
		{outbox.Sent, "accepted"}, {outbox.Temporary, "later"}, {outbox.Rejected, "refused"}, {outbox.Unknown, "in_doubt"},
	} {
		t.Run(c.outcome.String(), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, nil)
			op := &operator{answer: func(n int, _ outbox.Part) (outbox.Answer, bool) {
				return outbox.Answer{Outcome: c.outcome, ID: fmt.Sprint(n), Code: 8}, true
			}}
			f.enqueue(t, told(1, message.Decision))
			f.serve(t, north, op)
			runtest.Eventually(t, "the part has moved", func() bool { return f.states(t)[c.state] == 1 })
		})
	}
}

func TestTemporaryRefusalsEndAtLast(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: func(int, outbox.Part) (outbox.Answer, bool) {
		return outbox.Answer{Outcome: outbox.Temporary, Code: 8}, true
	}}
	f.enqueue(t, told(1, message.Decision))
	f.serve(t, north, op)
	runtest.Start(t, f.Run)
	runtest.Eventually(t, "it is refused", func() bool {
		f.clock.Advance(time.Minute)
		return f.states(t)["refused"] == 1
	})
	if n := op.count(); n != 8 {
		t.Errorf("written %d times", n)
	}
}

func TestWhatIsNotWrittenIsSentAgainAtOnce(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{}
	op.answer = func(n int, p outbox.Part) (outbox.Answer, bool) {
		if n == 1 {
			return outbox.Answer{Outcome: outbox.NotSent}, true
		}
		return accept(n, p)
	}
	f.enqueue(t, told(1, message.Code))
	f.serve(t, north, op)
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t)["accepted"] == 1 })
}

// The operator is told how long the text itself is worth something.
func TestAPartCarriesTheTimeItHasLeft(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	late := told(1, message.Decision)
	late.Expires = f.clock.Now().Add(90 * time.Minute)
	f.enqueue(t, late, told(2, message.Code))
	f.clock.Advance(4 * time.Minute)
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Eventually(t, "both are accepted", func() bool { return f.states(t)["accepted"] == 2 })
	if code, decision := op.ledger[0].Validity, op.ledger[1].Validity; code != 6*time.Minute || decision != 86*time.Minute {
		t.Errorf("the code has %v left, the decision %v", code, decision)
	}
}

func TestExpiredTextsAreNotSent(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	f.enqueue(t, told(1, message.Code))
	f.clock.Advance(11 * time.Minute)
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Eventually(t, "it has expired", func() bool { return f.states(t)["expired"] == 1 })
	if op.count() != 0 {
		t.Error("an expired code was sent")
	}
}

func TestALaneThatEndsGivesBackItsQueue(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	var list []message.Outbound
	for n := range 50 {
		list = append(list, told(n, message.Information))
	}
	f.enqueue(t, list...)
	op := &operator{answer: silent}
	stop := f.serve(t, north, op)
	runtest.Eventually(t, "the window is full", func() bool { return op.count() == 10 })
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	runtest.Eventually(t, "the lane has ended", func() bool {
		op.cut() // what it wrote before it heard of its end, too
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
	s := f.states(t)
	if s["in_doubt"] != op.count() || s["queued"]+s["in_doubt"] != 50 {
		t.Errorf("left behind: %v", s)
	}
}
