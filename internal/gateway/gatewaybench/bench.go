// Package gatewaybench measures the way of a text between PostgreSQL and a
// bind: a real gateway, on loopback, against a message centre that accepts
// everything at once.
package gatewaybench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp"
)

// Result is what a run measured.
type Result struct {
	Messages int
	Took     time.Duration
}

// PerSecond is the rate of the run.
func (r Result) PerSecond() float64 { return float64(r.Messages) / r.Took.Seconds() }

// String is one line for a report.
func (r Result) String() string {
	return fmt.Sprintf("%d messages in %v: %.0f per second", r.Messages, r.Took.Round(time.Millisecond), r.PerSecond())
}

// centre accepts whatever it is given.
type centre struct {
	taken atomic.Int64
	links chan *smpp.Session
}

func (c *centre) Message(context.Context, *smpp.Session, smpp.ShortMessage) (smpp.Reply, error) {
	return smpp.Reply{MessageID: strconv.FormatInt(c.taken.Add(1), 10)}, nil
}

// system is a gateway bound to a centre.
type system struct {
	*centre
	outbox *outbox.Outbox
	inbox  *inbox.Inbox
	stop   func() error
}

type written struct{}

func (written) Write(_ text.Lang, line text.Line) string { return string(line.Key) }

// start runs the parts until stop. texts may be nil.
func start(ctx context.Context, db *postgres.DB, window int, texts func(*outbox.Outbox) inbox.Texts) (*system, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &system{centre: &centre{links: make(chan *smpp.Session, 1)}}
	server := &smpp.Server{
		SystemID: "bench", Handler: s.centre, Session: smpp.SessionConfig{Window: window},
		Auth:   func(context.Context, smpp.BindRequest) smpp.Status { return smpp.StatusOK },
		OnBind: func(link *smpp.Session) { s.links <- link },
	}
	ops, err := gateway.ParseOperators(fmt.Sprintf(
		"[[operator]]\nname = \"bench\"\nsender = \"3690\"\n[[operator.bind]]\naddress = %q\nwindow = %d\n", l.Addr(), window), "")
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	ring := keys.New()
	s.outbox = outbox.New(outbox.Config{DB: db, Texts: written{}, Vault: ring, Route: ops.Route, Holding: ops.Holding, Manner: ops.Manner})
	in := inbox.Config{DB: db, Vault: ring}
	if texts != nil {
		in.Texts = texts(s.outbox)
	}
	s.inbox = inbox.New(in)
	g, err := gateway.New(gateway.Config{Operators: gateway.Fixed(ops), Outbox: s.outbox, Inbox: s.inbox})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { return server.Serve(ctx, l) },
		s.outbox.Run, s.inbox.Run, g.Run,
	} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	s.stop = func() error {
		cancel()
		wg.Wait()
		return errors.Join(errs...)
	}
	return s, nil
}

func number(n int) private.Msisdn {
	return private.StoredMsisdn(fmt.Sprintf("+2126%08d", 10_000_000+n))
}

// Outbox stores n texts and measures from the first one's commit until the
// operator's answers to all of them are committed.
func Outbox(ctx context.Context, db *postgres.DB, n, window int) (r Result, err error) {
	s, err := start(ctx, db, window, nil)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	const batch = 500
	began := time.Now()
	for at := 0; at < n; at += batch {
		list := make([]message.Outbound, min(batch, n-at))
		for i := range list {
			list[i] = message.Outbound{
				To: number(at + i), Lang: text.French, Class: message.Decision,
				Line: text.L("bench", nil), Body: private.NewBody("Votre demande 48213377 est acceptée. Détails: *369#"),
			}
		}
		err := db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return s.outbox.Enqueue(ctx, tx, list) })
		if err != nil {
			return r, err
		}
	}
	for {
		var left int
		if err := db.QueryRow(ctx, sqlLeft).Scan(&left); err != nil {
			return r, err
		}
		if left == 0 {
			return Result{n, time.Since(began)}, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}

// echo answers each text with one.
type echo struct {
	db     *postgres.DB
	outbox *outbox.Outbox
}

func (e echo) Receive(ctx context.Context, in message.Inbound) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return e.outbox.Enqueue(ctx, tx, []message.Outbound{{
			To: in.From, Lang: text.French, Class: message.Decision, Line: text.L("bench", nil),
			Body: private.NewBody("Votre demande 48213377 est acceptée. Détails: *369#"), Dedupe: fmt.Sprintf("inbox:%d", in.ID),
		}})
	})
}

// Inbound delivers n texts through the window and measures until a reply to
// each has been submitted.
func Inbound(ctx context.Context, db *postgres.DB, n, window int) (r Result, err error) {
	s, err := start(ctx, db, window, func(o *outbox.Outbox) inbox.Texts { return echo{db, o} })
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	var link *smpp.Session
	select {
	case link = <-s.links:
	case <-ctx.Done():
		return r, ctx.Err()
	}
	began := time.Now()
	var refused atomic.Int64
	for i := range n {
		m := smpp.ShortMessage{
			Command: smpp.DeliverSM, Source: smpp.Address{TON: 1, NPI: 1, Addr: number(i).Raw()[1:]},
			Dest: smpp.Address{Addr: "3690"}, Payload: []byte("SUIVI 48213377"),
		}
		if err := link.SubmitAsync(ctx, m, func(_ smpp.SubmitResult, err error) {
			if err != nil {
				refused.Add(1)
			}
		}); err != nil {
			return r, err
		}
	}
	for s.taken.Load()+refused.Load() < int64(n) {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
	if k := refused.Load(); k > 0 {
		return r, fmt.Errorf("%d texts were refused", k)
	}
	return Result{n, time.Since(began)}, nil
}
