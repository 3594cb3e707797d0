package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

// peer is an operator's message centre on loopback. What it does with a
// submit_sm is set by the test.
type peer struct {
	addr   string
	stop   func()
	server *smpp.Server
	cfg    smpp.SessionConfig
	mu     sync.Mutex
	links  []*smpp.Session
	conns  []net.Conn
	got    []smpp.ShortMessage
	via    []string       // system_id of the bind that each came by
	seen   []smpp.Command // in the order of the wire
	answer func(n int, m smpp.ShortMessage) (smpp.Reply, error)
	frame  func(smpp.Header, []byte) // set before a bind comes
}

func (p *peer) Message(ctx context.Context, s *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	p.mu.Lock()
	p.got, p.via = append(p.got, m), append(p.via, s.PeerSystemID())
	n, answer := len(p.got), p.answer
	p.mu.Unlock()
	if answer != nil {
		return answer(n, m)
	}
	return smpp.Reply{MessageID: fmt.Sprintf("%08X", n)}, nil
}

func (p *peer) PDU(_ *smpp.Session, d smpp.Direction, h smpp.Header) {
	if d == smpp.In {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seen = append(p.seen, h.Command)
	}
}

func (p *peer) Problem(*smpp.Session, error) {}

// Frame hands the octets that come in to whom the test has set.
func (p *peer) Frame(_ *smpp.Session, d smpp.Direction, h smpp.Header, body []byte) {
	if d == smpp.In && p.frame != nil {
		p.frame(h, body)
	}
}

// listen serves binds until the test ends.
func (p *peer) listen(t testing.TB) {
	t.Helper()
	addr := p.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	p.cfg.Tracer = p
	p.server = &smpp.Server{
		SystemID: "peer", Handler: p, Session: p.cfg,
		Auth: func(_ context.Context, r smpp.BindRequest) smpp.Status {
			if r.Password != "secret" {
				return smpp.ErrInvPaswd
			}
			return smpp.StatusOK
		},
		OnBind: func(s *smpp.Session) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.links = append(p.links, s)
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.server.Serve(ctx, tap{l, p}) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
}

func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

func (p *peer) submitted() []smpp.ShortMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]smpp.ShortMessage(nil), p.got...)
}

// deliver sends m on the newest session and gives the answer's status.
func (p *peer) deliver(t testing.TB, m smpp.ShortMessage) smpp.Status {
	t.Helper()
	p.mu.Lock()
	s := p.links[len(p.links)-1]
	p.mu.Unlock()
	m.Command = smpp.DeliverSM
	r, err := s.Submit(t.Context(), m)
	if err != nil && r.Status == smpp.StatusOK {
		t.Fatalf("deliver_sm: %v", err)
	}
	return r.Status
}

// says is a text from a handset.
func says(n int, body string) smpp.ShortMessage {
	payload, a := gsm.Encode(body)
	return smpp.ShortMessage{
		Source: smpp.Address{TON: 1, NPI: 1, Addr: strings.TrimPrefix(number(n).Raw(), "+")},
		Dest:   smpp.Address{TON: 3, Addr: "3690"}, DataCoding: a.DataCoding(), Payload: payload,
	}
}

// keyed is a USSD message from a handset.
func keyed(n int, op ussd.Op, body string) smpp.ShortMessage {
	m := says(n, body)
	m.ServiceType = "USSD"
	m.Dest.Addr = "*369#"
	m.TLVs.SetUint8(smpp.TagUSSDServiceOp, byte(op))
	m.TLVs.Set(smpp.TagITSSessionInfo, []byte{0x21, 0})
	return m
}

// receiptFor is a receipt as most operators write it.
func receiptFor(m smpp.ShortMessage, id, state string) smpp.ShortMessage {
	return smpp.ShortMessage{
		Source: m.Dest, Dest: m.Source, ESMClass: smpp.ESMClassReceipt,
		Payload: []byte("id:" + id + " sub:001 dlvrd:001 submit date:2611200900 done date:2611200901 stat:" + state + " err:000 text:"),
	}
}

func number(n int) private.Msisdn { return private.StoredMsisdn(fmt.Sprintf("+2126%08d", 12000000+n)) }

// dialogue answers with what it was asked; "end" ends, "slow" waits.
type dialogue struct {
	mu   sync.Mutex
	got  []ussd.Request
	hold chan struct{}
}

func (d *dialogue) Step(ctx context.Context, _ string, _ ussd.Budget, r ussd.Request) ussd.Reply {
	d.mu.Lock()
	d.got = append(d.got, r)
	hold := d.hold
	d.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
		}
	}
	return ussd.Reply{Text: r.Kind.String() + " " + r.Input, End: r.Input == "end"}
}

func (d *dialogue) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.got)
}

// service writes down the texts it is handed.
type service struct {
	mu  sync.Mutex
	got []message.Inbound
}

func (s *service) Receive(_ context.Context, in message.Inbound) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, in)
	return nil
}

func (s *service) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, in := range s.got {
		out = append(out, in.Body.Raw())
	}
	return out
}

type texts struct{}

func (texts) Write(l text.Lang, line text.Line) string { return fmt.Sprint(line.Key, " ", l) }

type fixture struct {
	*gateway.Gateway
	*peer
	dialogue *dialogue
	service  *service
	db       *postgres.DB
	outbox   *outbox.Outbox
	inbox    *inbox.Inbox
	wishes   *links.Store
	live     *gateway.Live
	path     string // of the operators file
	traces   string // their folder
	stop     func() // ends the gateway
	logs     *logs
}

// logs keeps what was logged, to look for leaks.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), s)
}

func run(t testing.TB, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

const oneBind = `
[[operator]]
name = "north"
prefixes = ["+2126"]
short_codes = ["3690"]
ussd_codes = ["*369#"]
id_in_response = "hex"
id_in_receipt = "dec"
[[operator.bind]]
address = "ADDRESS"
system_id = "wasl"
password = "secret"
response_wait = "2s"
`

// setUp starts a peer and a gateway bound to it.
func setUp(t testing.TB, operators string) *fixture {
	t.Helper()
	f := prepare(t, operators)
	f.start(t)
	f.allUp(t)
	return f
}

// prepare makes everything but the gateway.
func prepare(t testing.TB, operators string) *fixture {
	t.Helper()
	f := &fixture{
		peer: &peer{}, dialogue: &dialogue{}, service: &service{}, logs: &logs{}, path: filepath.Join(t.TempDir(), "operators.toml"),
		db: dbtest.DB(t, postgres.Options{MaxConns: 16}),
	}
	f.listen(t)
	f.write(t, operators)
	var err error
	if f.live, err = gateway.OpenLive(f.path); err != nil {
		t.Fatal(err)
	}
	ring := keys.New()
	f.outbox = outbox.New(outbox.Config{
		DB: f.db, Texts: texts{}, Vault: ring, Route: f.live.Route, Holding: f.live.Holding, Manner: f.live.Manner,
	})
	f.inbox = inbox.New(inbox.Config{DB: f.db, Vault: ring, Texts: f.service})
	f.wishes = links.New(f.db, time.Now)
	_, err = f.db.Exec(t.Context(), `insert into staff (id, login, name, lang, password_hash, totp_sealed, created_at)
		values (7, 'samira', 'Samira', 'fr', 'x', '\x00', now())`)
	if err != nil {
		t.Fatal(err)
	}
	run(t, f.outbox.Run)
	run(t, f.inbox.Run)
	run(t, f.wishes.Run)
	return f
}

// write puts an operators file where the gateway looks for it.
func (f *fixture) write(t testing.TB, operators string) {
	t.Helper()
	if err := os.WriteFile(f.path, []byte(strings.ReplaceAll(operators, "ADDRESS", f.addr)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs a gateway, as a new process would.
func (f *fixture) start(t testing.TB) {
	t.Helper()
	var err error
	f.Gateway, err = gateway.New(gateway.Config{
		Operators: f.live, Links: f.wishes, Outbox: f.outbox, Inbox: f.inbox, Dialogue: f.dialogue, TraceDir: f.traces,
		KeepTimeout: 500 * time.Millisecond, ReconnectMin: 10 * time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(f.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.stop = run(t, f.Run)
}

func (f *fixture) allUp(t testing.TB) {
	t.Helper()
	eventually(t, "all binds are up", func() bool { up, all := f.BindsUp(); return all > 0 && up == all })
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not so in time: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (f *fixture) tell(t testing.TB, list ...message.Outbound) {
	t.Helper()
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error { return f.outbox.Enqueue(ctx, tx, list) })
	if err != nil {
		t.Fatal(err)
	}
}

func told(n int, body string) message.Outbound {
	return message.Outbound{
		To: number(n), Lang: text.French, Class: message.Decision,
		Line: text.L("permit.granted", nil), Body: private.NewBody(body),
	}
}

func (f *fixture) states(t testing.TB, table string) map[string]int {
	t.Helper()
	rows, err := f.db.Query(context.Background(), `select state, count(*)::int from `+table+` group by state`)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	var s string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&s, &n}, func() error { out[s] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// hang leaves the first n submits unanswered until the test ends; eight fill
// the lane's part of a window of ten.
func hang(t testing.TB, n int) func(int, smpp.ShortMessage) (smpp.Reply, error) {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return func(i int, _ smpp.ShortMessage) (smpp.Reply, error) {
		if i <= n {
			<-end
		}
		return smpp.Reply{MessageID: fmt.Sprintf("%X", i)}, nil
	}
}

// cut breaks every link without a word.
func (p *peer) cut() {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// tap keeps the connections, so that they can be cut and spoken on.
type tap struct {
	net.Listener
	p *peer
}

func (l tap) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		l.p.conns = append(l.p.conns, c)
	}
	return c, err
}

// enquire sends an enquire_link and waits until its answer is seen.
func enquire(t testing.TB, f *fixture) {
	t.Helper()
	f.mu.Lock()
	c := f.conns[0]
	f.mu.Unlock()
	pdu := smpp.AppendHeader(nil, smpp.EnquireLink, smpp.StatusOK, 0x7000_0000)
	pdu[3] = byte(len(pdu))
	if _, err := c.Write(pdu); err != nil {
		t.Fatal(err)
	}
	eventually(t, "enquire_link is answered", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Contains(f.seen, smpp.EnquireLinkResp)
	})
}

// gatewayOnly runs a gateway that has nothing to send.
func gatewayOnly(t testing.TB, operators string) *gateway.Gateway {
	t.Helper()
	ops, err := gateway.ParseOperators(operators, "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Operators: gateway.Fixed(ops), Dialogue: &dialogue{}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, g.Run)
	return g
}

// count tells how often s was logged.
func (l *logs) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}
