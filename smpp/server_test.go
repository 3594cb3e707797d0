package smpp_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func TestServerBinds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := &smpp.Server{
			SystemID: "smsc",
			Handler:  smpptest.Accept,
			Auth: func(_ context.Context, r smpp.BindRequest) smpp.Status {
				if r.SystemID != "esme" || r.Password != "secret" || r.RemoteAddr == nil {
					return smpp.ErrInvPaswd
				}
				return smpp.StatusOK
			},
		}
		peer := smpptest.ESME(t, server)
		peer.Message(1, text("not yet"))
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.ErrInvBndSts)
		peer.Bind()
		peer.Header(smpp.BindReceiver, 0, 5)
		peer.ExpectStatus(smpp.BindReceiverResp, smpp.ErrAlyBnd)
		peer.Message(2, text("now"))
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.StatusOK)
		if list := server.Sessions(); len(list) != 1 || list[0].PeerSystemID() != "esme" {
			t.Errorf("sessions %v", list)
		}
	})
}

func TestServerRefusesABind(t *testing.T) {
	t.Parallel()
	bind := func(version uint8) []byte {
		b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "a", Password: "b", InterfaceVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	cases := []struct {
		name   string
		auth   func(context.Context, smpp.BindRequest) smpp.Status
		raw    []byte
		status smpp.Status
	}{
		{"wrong password", func(context.Context, smpp.BindRequest) smpp.Status { return smpp.ErrInvPaswd }, bind(0x34), smpp.ErrInvPaswd},
		{"no Auth", nil, bind(0x34), smpp.ErrBindFail},
		{"cut short", accept, pdu(t, "bind_transceiver with system_id alone"), smpp.ErrInvCmdLen},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				unbound := 0
				server := &smpp.Server{Auth: c.auth, OnUnbind: func(*smpp.Session) { unbound++ }}
				peer := smpptest.ESME(t, server)
				peer.Raw(c.raw)
				peer.ExpectStatus(smpp.BindTransceiverResp, c.status)
				peer.ExpectEnd()
				synctest.Wait()
				if unbound != 0 {
					t.Error("OnUnbind was called without OnBind")
				}
			})
		})
	}
}

// One connection, one guess: a bind that comes while Auth thinks is refused,
// whatever number it has, and Auth is not asked again.
func TestASecondBindIsNotAsked(t *testing.T) {
	t.Parallel()
	for _, seq := range []uint32{1, 0} {
		bubbleSub(t, func(t *testing.T) {
			asked := 0
			peer := smpptest.ESME(t, &smpp.Server{Auth: func(context.Context, smpp.BindRequest) smpp.Status {
				asked++
				time.Sleep(time.Second)
				return smpp.ErrInvPaswd
			}})
			b, err := smpp.AppendBind(nil, seq, smpp.BindRequest{SystemID: "esme", Password: "guess", InterfaceVersion: 0x34})
			if err != nil {
				t.Fatal(err)
			}
			peer.Raw(append(b, b...))
			peer.ExpectStatus(smpp.BindTransceiverResp, smpp.ErrAlyBnd)
			peer.ExpectStatus(smpp.BindTransceiverResp, smpp.ErrInvPaswd)
			peer.ExpectEnd()
			if asked != 1 {
				t.Errorf("number %d: asked %d times", seq, asked)
			}
		})
	}
}

func TestServerWaitsForABindSoLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer := smpptest.ESME(t, &smpp.Server{Auth: accept})
		start := time.Now()
		peer.ExpectEnd()
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}

func TestVersionParameterIsForThoseWhoKnowIt(t *testing.T) {
	t.Parallel()
	for version, want := range map[uint8]int{0x33: 0, 0x34: 5} {
		bubbleSub(t, func(t *testing.T) {
			peer := smpptest.ESME(t, &smpp.Server{SystemID: "smsc", Auth: accept})
			b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "a", InterfaceVersion: version})
			if err != nil {
				t.Fatal(err)
			}
			peer.Raw(b)
			if h, _ := peer.Expect(smpp.BindTransceiverResp); int(h.Length) != 16+5+want {
				t.Errorf("version 0x%x: %d octets", version, h.Length)
			}
		})
	}
}

func TestShutdownDrainsEverySession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := &smpp.Server{Auth: accept, Handler: &recorder{delay: time.Second}}
		peer := smpptest.ESME(t, server)
		peer.Bind()
		peer.Message(2, text("under way"))
		synctest.Wait()
		down := make(chan struct{})
		go func() {
			defer close(down)
			server.Shutdown(ctx)
		}()
		peer.ExpectStatus(smpp.SubmitSMResp, smpp.StatusOK)
		unbind, _ := peer.Expect(smpp.Unbind)
		peer.Header(smpp.UnbindResp, 0, unbind.Seq)
		peer.ExpectEnd()
		<-down
		late := smpptest.ESME(t, server)
		late.ExpectEnd()
	})
}

func TestServeOverTCP(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bound, unbound := make(chan *smpp.Session, 1), make(chan error, 1)
	server := &smpp.Server{
		Auth: accept, Handler: smpptest.Accept,
		OnBind:   func(s *smpp.Session) { bound <- s },
		OnUnbind: func(s *smpp.Session) { unbound <- s.Err() },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()

	ready := make(chan struct{}, 1)
	c, stop := run(t, smpp.ClientConfig{Addr: l.Addr().String(), OnState: func(s smpp.State, _ error) {
		if s.Bound() {
			ready <- struct{}{}
		}
	}})
	<-bound
	<-ready
	r, err := c.Submit(ctx, text("x"))
	if err != nil || r.MessageID != "1" {
		t.Errorf("got %+v, %v", r, err)
	}
	stop()
	if err := <-unbound; !errors.Is(err, smpp.ErrPeerUnbound) {
		t.Errorf("the server's session ended with %v", err)
	}

	// Our last words arrive though the peer sent more than we read.
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer := smpptest.NewPeer(t, conn)
	peer.Raw(append(pdu(t, "command_length 2^31"), make([]byte, 100000)...))
	peer.ExpectStatus(smpp.GenericNack, smpp.ErrInvCmdLen)
	peer.ExpectEnd()

	server.Shutdown(ctx)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
