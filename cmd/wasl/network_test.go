package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/services/visit"
	"github.com/wasl-sms/wasl/internal/web"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

// network is an operator that writes what it likes on the link, and keeps all
// that comes back, also what no handset would show.
type network struct {
	addr string

	mu    sync.Mutex
	conn  net.Conn
	seq   uint32
	pages map[string][]page   // by number without its plus
	texts map[string][]string // the same
	units map[string][2]byte  // its_session_info of the dialogue
	ids   int
	dials byte
	acks  map[uint32][]smpp.Status // of what was written past the session
	joins *gsm.Joiner
}

type page struct {
	text string
	end  bool
	unit byte
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{
		pages: map[string][]page{}, texts: map[string][]string{}, units: map[string][2]byte{}, seq: 1 << 20, acks: map[uint32][]smpp.Status{},
		joins: gsm.NewJoiner(gsm.JoinerConfig{}),
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = ln.Addr().String()
	srv := &smpp.Server{
		SystemID: "network", Auth: func(context.Context, smpp.BindRequest) smpp.Status { return smpp.StatusOK },
		Handler: smpp.HandlerFunc(n.take), Session: smpp.SessionConfig{Tracer: acks{n}},
	}
	runtest.Start(t, func(ctx context.Context) error { return srv.Serve(ctx, tapped{ln, n}) })
	return n
}

// acks sees the answers to PDUs that the session does not know of.
type acks struct{ n *network }

func (a acks) PDU(_ *smpp.Session, dir smpp.Direction, h smpp.Header) {
	if dir == smpp.In && h.Command == smpp.DeliverSMResp {
		a.n.mu.Lock()
		a.n.acks[h.Seq] = append(a.n.acks[h.Seq], h.Status)
		a.n.mu.Unlock()
	}
}

func (acks) Problem(*smpp.Session, error) {}

type tapped struct {
	net.Listener
	n *network
}

func (l tapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		c = &locked{Conn: c}
		l.n.mu.Lock()
		l.n.conn = c
		l.n.mu.Unlock()
	}
	return c, err
}

// locked keeps PDUs whole: the session's and ours are written in turn.
type locked struct {
	net.Conn
	mu sync.Mutex
}

func (c *locked) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Write(b)
}

// take keeps what the application sends.
func (n *network) take(_ context.Context, _ *smpp.Session, m smpp.ShortMessage) (smpp.Reply, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ids++
	id := fmt.Sprint(n.ids)
	udh, body, err := m.SplitUDH()
	if err != nil {
		return smpp.Reply{}, smpp.ErrSubmitFail
	}
	part := gsm.Segment{DataCoding: m.DataCoding, Payload: body}
	if part.Concat, part.Language, err = gsm.ParseHeader(udh); err != nil {
		return smpp.Reply{}, smpp.ErrSubmitFail
	}
	to := strings.TrimPrefix(m.Dest.Addr, "+")
	op, dialogue := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	if !dialogue {
		for _, j := range n.joins.Add(m.Source.Addr, to, part) {
			text, _, err := gsm.Join(j.Segments)
			if err != nil {
				return smpp.Reply{}, smpp.ErrSubmitFail
			}
			n.texts[to] = append(n.texts[to], text)
		}
		return smpp.Reply{MessageID: id}, nil
	}
	text, err := gsm.Decode(m.DataCoding, body)
	if err != nil {
		return smpp.Reply{}, smpp.ErrSubmitFail
	}
	p := page{text: text, end: ussd.Op(op) == ussd.OpPSSRResponse}
	if info, ok := m.TLVs.Get(smpp.TagITSSessionInfo); ok && len(info) == 2 {
		n.units[to] = [2]byte(info)
		p.unit = info[1] >> 1
	}
	n.pages[to] = append(n.pages[to], p)
	return smpp.Reply{MessageID: id}, nil
}

// write puts PDUs on the link, those of one call in one go.
func (n *network) write(t *testing.T, m smpp.ShortMessage, seqs ...uint32) {
	t.Helper()
	if _, err := n.send(m, seqs...); err != nil {
		t.Fatal(err)
	}
}

// send is write that may fail, and tells on which link it wrote.
func (n *network) send(m smpp.ShortMessage, seqs ...uint32) (net.Conn, error) {
	var b []byte
	for _, seq := range seqs {
		var err error
		if b, err = smpp.AppendMessage(b, seq, &m); err != nil {
			return nil, err
		}
	}
	link := n.link()
	_ = link.SetWriteDeadline(time.Time{}) // the session left its last one there
	_, err := link.Write(b)
	return link, err
}

// link is the connection made last.
func (n *network) link() net.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.conn
}

func (n *network) next() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seq++
	return n.seq
}

// dial and answer make one step of a dialogue, text a message to the short code.
func (n *network) dial(number, code string) smpp.ShortMessage {
	n.mu.Lock()
	n.dials++
	n.units[number] = [2]byte{n.dials, 0}
	n.mu.Unlock()
	return n.step(number, ussd.OpPSSRIndication, code)
}

func (n *network) step(number string, op ussd.Op, input string) smpp.ShortMessage {
	n.mu.Lock()
	info := n.units[number]
	n.mu.Unlock()
	m := sms(number, input)
	m.ServiceType, m.Dest.Addr = "USSD", "369"
	m.TLVs = smpp.TLVs{{Tag: smpp.TagUSSDServiceOp, Value: []byte{byte(op)}}, {Tag: smpp.TagITSSessionInfo, Value: []byte{info[0], info[1] &^ 1}}}
	return m
}

func sms(number, body string) smpp.ShortMessage {
	payload, alphabet := gsm.Encode(body)
	return smpp.ShortMessage{
		Command: smpp.DeliverSM, Source: smpp.Address{TON: 1, NPI: 1, Addr: number}, Dest: smpp.Address{Addr: "3690"},
		Payload: payload, DataCoding: alphabet.DataCoding(), UsePayloadTLV: len(payload) > 254,
	}
}

func (n *network) seen(number string) []page {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.pages[number])
}

func (n *network) heard(number string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.texts[number])
}

func (n *network) acked(seq uint32) []smpp.Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.acks[seq])
}

// site is what outlives a process: its stores, its clock, its operator.
type site struct {
	*network
	st    *stores
	clock *clock
	s     *Settings
	ops   gateway.Operators

	patience time.Duration // for a page

	*process
	stop func()
}

// newSite starts the program as `wasl serve` would, with the sample data.
func newSite(t *testing.T, redisURL string, db *postgres.DB) *site {
	t.Helper()
	w := closedSite(t, redisURL, db)
	w.open(t)
	return w
}

// closedSite is a site before its first process, whose settings and operators
// may still be changed.
func closedSite(t *testing.T, redisURL string, db *postgres.DB) *site {
	t.Helper()
	w := &site{network: newNetwork(t), clock: &clock{}, patience: 20 * time.Second}
	w.clock.set(time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC))
	if redisURL == "" {
		redisURL = dbtest.Redis(t)
	}
	if db == nil {
		db = dbtest.DB(t, postgres.Options{})
	}
	w.s = &Settings{HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir(), RedisURL: redisURL}
	w.st = &stores{db: db, keys: keys.New()}
	if err := w.st.openSessions(t.Context(), w.s, logOf(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.st.Close)
	var err error
	w.ops, err = gateway.ParseOperators(fmt.Sprintf(`
[[operator]]
name = "network"
short_codes = ["3690"]
ussd_codes = ["*369#"]
[[operator.bind]]
address = %q
system_id = "wasl"
password = "secret"
`, w.addr), w.s.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// open begins the first process and loads the sample data.
func (w *site) open(t *testing.T) {
	t.Helper()
	w.start(t, func(ctx context.Context, a *app) ([]web.Sample, error) { return a.sample(ctx, w.st, w.clock.now()) })
	t.Cleanup(func() { w.stop() })
}

// start begins a process on the same stores; stop must have been called before
// it is again.
func (w *site) start(t *testing.T, load func(context.Context, *app) ([]web.Sample, error)) {
	t.Helper()
	p, err := newProcess(t.Context(), w.s, w.st, gateway.Fixed(w.ops), roles, load, w.clock.now, logOf(t))
	if err != nil {
		t.Fatal(err)
	}
	w.process = p
	w.stop = start(t, logOf(t), p.components)
	until(t, "the gateway is bound", func() bool { up, all := p.gateway.BindsUp(); return up == all })
}

// world lets the site be used as the demo's world is, without its handsets.
func (w *site) world() *world {
	return &world{demo: &demo{process: w.process}, st: w.st, clock: w.clock}
}

// count asks the database.
func (w *site) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := w.st.db.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// sound checks what must hold after anything: counters equal rows, the audit
// trail is an unbroken chain, nothing waits half done.
func sound(t *testing.T, db *postgres.DB) {
	t.Helper()
	if err := visit.VerifyCounters(t.Context(), db); err != nil {
		t.Error(err)
	}
	if err := casework.NewSealer(db).SealAll(t.Context()); err != nil {
		t.Error(err)
	}
	report, err := casework.Verify(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if report.First != nil || report.Sealed == 0 {
		t.Errorf("audit trail: %+v", report)
	}
}
