package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Finding is what a try of one bind found, in words for an operator's engineer.
type Finding struct {
	Operator, Bind string
	About          string      // mode, address and system_id
	Done           []string    // what worked, step by step
	Notes          []string    // what else is worth knowing
	Wrong          string      // what stopped it; "" where nothing did
	Do             []string    // what to do about it
	Held           bool        // another process has the bind: it works, but was not tried
	Refused        smpp.Status // the login, in a way that may lock the account; 0: not
}

// OK reports whether the bind can be relied on.
func (f Finding) OK() bool { return f.Wrong == "" || f.Held }

// Trial tries binds as Gateway would make them, once each: operators lock
// accounts that are refused too often.
type Trial struct {
	// Send is a text to submit on the bind; none without a number.
	Send struct {
		To   private.Msisdn
		Text string
	}
	Now    func() time.Time
	Lookup func(ctx context.Context, host string) ([]string, error)
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

func (t Trial) withDefaults() Trial {
	if t.Now == nil {
		t.Now = time.Now
	}
	if t.Lookup == nil {
		t.Lookup = net.DefaultResolver.LookupHost
	}
	if t.Dial == nil {
		t.Dial = (&net.Dialer{}).DialContext
	}
	return t
}

// tryWait is the time for each step.
const tryWait = 10 * time.Second

// trying is one bind being tried.
type trying struct {
	Trial
	o    Operator
	b    Bind
	f    *Finding
	wait time.Duration

	conn    net.Conn
	frames  *smpp.FrameReader
	seq     uint32
	waiting int // messages for us that were left to the operator
}

// trouble is what stopped a try, and what to do about it.
type trouble struct {
	wrong   string
	do      []string
	held    bool
	refused smpp.Status
}

func (t *trouble) Error() string { return t.wrong }

func wrong(do []string, format string, args ...any) *trouble {
	return &trouble{wrong: fmt.Sprintf(format, args...), do: do}
}

// Try makes a bind step by step, asks whether it answers, and ends it.
func (t Trial) Try(ctx context.Context, o Operator, b Bind) Finding {
	f := Finding{Operator: o.Name, Bind: b.Name, About: b.String()}
	if b.Listen != "" {
		f.Notes = []string{fmt.Sprintf("waits for the operator's connection on %s: only its outbind can try it; ask for one and look at the log", b.Listen)}
		return f
	}
	s := &trying{Trial: t.withDefaults(), o: o, b: b, f: &f, wait: tryWait}
	if b.BindWait > 0 {
		s.wait = b.BindWait
	}
	err := s.run(ctx)
	if s.conn != nil {
		_ = s.conn.Close()
	}
	if s.waiting > 0 {
		s.note("messages or receipts that came meanwhile were left to the operator, to come again (0x64): %d", s.waiting)
	}
	var why *trouble
	switch {
	case errors.As(err, &why):
		f.Wrong, f.Do, f.Held, f.Refused = why.wrong, why.do, why.held, why.refused
	case err != nil:
		f.Wrong = err.Error()
	}
	return f
}

func (s *trying) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.connect, s.secure, s.bind, s.enquire, s.submit, s.unbind} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *trying) done(format string, args ...any) {
	s.f.Done = append(s.f.Done, fmt.Sprintf(format, args...))
}

func (s *trying) note(format string, args ...any) {
	s.f.Notes = append(s.f.Notes, fmt.Sprintf(format, args...))
}

func (s *trying) connect(ctx context.Context) error {
	host, _, err := net.SplitHostPort(s.b.Address)
	if err != nil {
		return wrong([]string{"write it as host:port; 2775 is the usual port, 3550 with TLS"}, "the address %q has no port", s.b.Address)
	}
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	if net.ParseIP(host) == nil {
		found, err := s.Lookup(ctx, host)
		if err != nil {
			return nameTrouble(host, err)
		}
		s.done("%s is %s", host, found[0])
	}
	began := s.Now()
	if s.conn, err = s.Dial(ctx, "tcp", s.b.Address); err != nil {
		return connectTrouble(s.b.Address, s.wait, err)
	}
	s.done("connects in %v", s.since(began))
	return nil
}

func (s *trying) since(began time.Time) time.Duration {
	return s.Now().Sub(began).Round(100 * time.Microsecond)
}

func (s *trying) secure(ctx context.Context) error {
	if s.b.tlsConfig == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	cfg := s.b.tlsConfig.Clone()
	cfg.Time = s.Now
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(s.b.Address) // connect has split it
	}
	c := tls.Client(s.conn, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		return tlsTrouble(s.b, cfg.ServerName, s.Now(), err)
	}
	s.conn = c
	state := c.ConnectionState()
	until := state.PeerCertificates[0].NotAfter
	s.done("%s, with a certificate for %s until %s", tls.VersionName(state.Version), cfg.ServerName, until.Format(time.DateOnly))
	if left := until.Sub(s.Now()); left < 30*24*time.Hour {
		s.note("the operator's certificate ends in %d days: after that every bind fails", int(left.Hours()/24+0.5))
	}
	return nil
}

func (s *trying) bind(ctx context.Context) error {
	s.frames = smpp.NewFrameReader(s.conn, 65536)
	s.seq++
	b, err := smpp.AppendBind(nil, s.seq, s.b.login())
	if err != nil {
		return err
	}
	h, body, err := s.ask(b)
	if err != nil {
		return s.bindTrouble(ctx, err)
	}
	if h.Status != smpp.StatusOK || h.Command == smpp.GenericNack {
		return refusedTrouble(s.b, h.Status)
	}
	reply := smpp.DecodeReply(body) // a bind_resp is laid out alike
	s.done("bound as %s; the operator calls itself %q", s.b.Mode, reply.MessageID)
	switch version, told := reply.TLVs.Uint(smpp.TagSCInterfaceVersion); {
	case !told:
		s.note("the operator does not tell its SMPP version, as before 3.4: if texts are refused for their parameters, set no_reference = true")
	case version < 0x34:
		s.note("the operator says it speaks SMPP %d.%d, which knows no optional parameters: set no_reference = true if texts are refused", version>>4, version&0x0F)
	}
	return nil
}

func (s *trying) enquire(context.Context) error {
	began := s.Now()
	s.seq++
	h, _, err := s.ask(smpp.AppendHeader(nil, smpp.EnquireLink, smpp.StatusOK, s.seq))
	if err != nil {
		return afterBindTrouble("enquire_link", s.wait, err)
	}
	if h.Status != smpp.StatusOK {
		s.note("enquire_link is answered with %v", h.Status)
	}
	s.done("answers enquire_link in %v", s.since(began))
	return nil
}

func (s *trying) submit(context.Context) error {
	if s.Send.To.Raw() == "" || !s.b.sendsTexts() {
		return nil
	}
	parts, alphabet := gsm.Split(s.Send.Text, gsm.Options{})
	if len(parts) != 1 {
		return wrong([]string{"shorten it"}, "the text to send needs %d parts; a trial sends one", len(parts))
	}
	m := s.o.shortMessage(outbox.Part{
		To: s.Send.To, Class: message.Information, Alphabet: alphabet, Form: s.o.LongTexts, Total: 1, No: 1,
		Payload: parts[0].Payload, Validity: time.Hour, Reference: 1,
	}, s.Now())
	s.seq++
	b, err := smpp.AppendMessage(nil, s.seq, &m)
	if err != nil {
		return err
	}
	h, body, err := s.ask(b)
	if err != nil {
		return afterBindTrouble("the text", s.wait, err)
	}
	if h.Status != smpp.StatusOK {
		return textTrouble(h.Status)
	}
	s.done("took a text for %v under the id %q; its receipt goes to whoever is bound next", s.Send.To, smpp.DecodeReply(body).MessageID)
	return nil
}

func (s *trying) unbind(context.Context) error {
	s.seq++
	if _, _, err := s.ask(smpp.AppendHeader(nil, smpp.Unbind, smpp.StatusOK, s.seq)); err != nil {
		s.note("unbind is not answered, which does no harm")
		return nil //nolint:nilerr // noted
	}
	s.done("unbinds")
	return nil
}

// errUnbound says that the operator ended the session.
var errUnbound = errors.New("the operator unbinds")

// ask writes a request under the present number and reads until its answer,
// or a generic_nack, which carries any number where the request was not
// understood. What else comes is answered so that nothing is lost by the try.
func (s *trying) ask(request []byte) (smpp.Header, []byte, error) {
	// A deadline of the network is of the run time's clock, whatever Now says.
	if err := s.conn.SetDeadline(time.Now().Add(s.wait)); err != nil {
		return smpp.Header{}, nil, err
	}
	if _, err := s.conn.Write(request); err != nil {
		return smpp.Header{}, nil, err
	}
	for {
		h, body, err := s.frames.Next()
		switch {
		case err != nil:
			return h, nil, err
		case h.Command == smpp.GenericNack, h.Command.IsResponse() && h.Seq == s.seq:
			return h, body, nil
		case h.Command.IsResponse():
			continue
		}
		answer, err := s.leave(h)
		if err == nil && answer != nil {
			_, err = s.conn.Write(answer)
		}
		if err != nil {
			return h, nil, err
		}
	}
}

// leave answers a request of the operator's. Messages are to come again.
func (s *trying) leave(h smpp.Header) ([]byte, error) {
	switch h.Command {
	case smpp.EnquireLink:
		return smpp.AppendHeader(nil, smpp.EnquireLinkResp, smpp.StatusOK, h.Seq), nil
	case smpp.DeliverSM, smpp.DataSM:
		s.waiting++
		return smpp.AppendResponse(nil, h.Command, smpp.ErrRxTAppn, h.Seq, smpp.Reply{})
	case smpp.Unbind:
		return nil, errUnbound
	case smpp.AlertNotification, smpp.Outbind:
		return nil, nil
	default:
		return smpp.AppendHeader(nil, smpp.GenericNack, smpp.ErrInvCmdID, h.Seq), nil
	}
}
