package smpp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func outbind(t *testing.T, systemID, password string) []byte {
	t.Helper()
	b, err := smpp.AppendOutbind(nil, 1, smpp.OutbindRequest{SystemID: systemID, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOutbindIsAnsweredByABind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode smpp.Mode
		bind smpp.Command
	}{{smpp.Receiver, smpp.BindReceiver}, {smpp.Transceiver, smpp.BindTransceiver}} {
		t.Run(c.mode.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, heard := smpptest.NewWire(), &states{}
				client, stop := run(t, smpp.ClientConfig{
					Mode: c.mode, SystemID: "wasl", Password: "ours", OnState: heard.hear,
					Outbind: &smpp.OutbindConfig{Listen: h.Listen, SystemID: "smsc", Password: "theirs"},
				})
				time.Sleep(time.Hour) // waiting is no failure
				for range 2 {
					peer := h.Call(t)
					peer.Raw(outbind(t, "smsc", "theirs"))
					req, body := peer.Expect(c.bind)
					if b, err := smpp.DecodeBind(req, body); err != nil || b.SystemID != "wasl" || b.Password != "ours" {
						t.Errorf("bound with %v, %v", b, err)
					}
					peer.Header(c.bind.Response(), smpp.StatusOK, req.Seq)
					peer.Message(1, mo("x"))
					peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK)
					synctest.Wait()
					if s, ok := client.Session(); !ok || s.Mode() != c.mode {
						t.Error("the client is not bound")
					}
					peer.Close()
					synctest.Wait()
				}
				stop()
				want := []smpp.State{}
				for range 2 {
					bound := smpp.StateBoundRX
					if c.mode == smpp.Transceiver {
						bound = smpp.StateBoundTRX
					}
					want = append(want, bound, smpp.StateClosed)
				}
				if !slices.Equal(heard.list, want) {
					t.Errorf("heard %v %v", heard.list, heard.errs)
				}
			})
		})
	}
}

func TestOutbindIsRefused(t *testing.T) {
	t.Parallel()
	long := smpp.AppendHeader(nil, smpp.Outbind, 0, 1)
	long[2] = 2
	for _, c := range []struct {
		name   string
		raw    []byte
		allow  bool
		want   error
		within time.Duration
	}{
		{"wrong system_id", outbind(t, "other", "theirs"), true, smpp.ErrOutbindRefused, 0},
		{"wrong password", outbind(t, "smsc", "guess"), true, smpp.ErrOutbindRefused, 0},
		{"wrong address", nil, false, smpp.ErrOutbindRefused, 0},
		{"enquire_link first", smpp.AppendHeader(nil, smpp.EnquireLink, 0, 1), true, smpp.ErrNoOutbind, 0},
		{"a bind", pdu(t, "bind_transceiver")[:16], true, smpp.ErrNoOutbind, 0},
		{"longer than it can be", long, true, smpp.ErrNoOutbind, 0},
		{"nothing", nil, true, smpp.ErrNoOutbind, 5 * time.Second},
		{"half of it", outbind(t, "smsc", "theirs")[:20], true, smpp.ErrNoOutbind, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := smpptest.NewWire()
				refused := make(chan error, 1)
				_, stop := run(t, smpp.ClientConfig{Outbind: &smpp.OutbindConfig{
					Listen: h.Listen, SystemID: "smsc", Password: "theirs", Timeout: 5 * time.Second,
					Allow:   func(net.Addr) bool { return c.allow },
					Refused: func(_ net.Addr, err error) { refused <- err },
				}})
				start := time.Now()
				peer := h.Call(t)
				if c.raw != nil {
					peer.Raw(c.raw)
				}
				peer.ExpectEnd()
				if err := <-refused; !errors.Is(err, c.want) || strings.Contains(err.Error(), "guess") {
					t.Errorf("refused with %v, want %v", err, c.want)
				}
				if d := time.Since(start); d != c.within {
					t.Errorf("closed after %v", d)
				}
				stop()
			})
		})
	}
}

func TestOutbindConnectionsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := smpptest.NewWire()
		refused := make(chan error, 10)
		_, stop := run(t, smpp.ClientConfig{Outbind: &smpp.OutbindConfig{
			Listen: h.Listen, Connections: 2, Refused: func(_ net.Addr, err error) { refused <- err },
		}})
		bound := h.Call(t)
		bound.Raw(outbind(t, "smsc", ""))
		acceptBind(bound)
		synctest.Wait()
		// Bound already: others wait so long, and no more than two of them.
		second, third := h.Call(t), h.Call(t)
		second.Raw(outbind(t, "smsc", ""))
		fourth := h.Call(t)
		fourth.ExpectEnd()
		if err := <-refused; !errors.Is(err, smpp.ErrOutbindRefused) {
			t.Errorf("the fourth: %v", err)
		}
		start := time.Now()
		go third.Drain()
		second.ExpectEnd()
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("closed after %v", d)
		}
		synctest.Wait()
		if a, b := <-refused, <-refused; errors.Is(a, smpp.ErrOutbindUnused) == errors.Is(b, smpp.ErrOutbindUnused) {
			t.Errorf("refused with %v and %v", a, b)
		}
		// A lost link is made good by one that waits already.
		next := h.Call(t)
		next.Raw(outbind(t, "smsc", ""))
		bound.Close()
		acceptBind(next)
		next.Close()
		stop()
	})
}

func TestOutbindListenerFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		heard, tries := &states{}, 0
		_, stop := run(t, smpp.ClientConfig{OnState: heard.hear, Outbind: &smpp.OutbindConfig{
			Listen: func(context.Context, string, string) (net.Listener, error) {
				tries++
				h := smpptest.NewWire()
				_ = h.Close()
				return h, nil
			},
		}})
		time.Sleep(time.Minute)
		stop()
		if tries < 3 || tries > 12 || len(heard.errs) < 3 || !errors.Is(heard.errs[0], net.ErrClosed) {
			t.Errorf("%d tries, heard %v", tries, heard.errs)
		}
	})
}

func TestRefusedBindAfterOutbindPauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := smpptest.NewWire()
		_, stop := run(t, smpp.ClientConfig{
			Random:  func() float64 { return 0 },
			Outbind: &smpp.OutbindConfig{Listen: h.Listen, Timeout: time.Hour},
		})
		peer := h.Call(t)
		peer.Raw(outbind(t, "smsc", ""))
		req, _ := peer.Expect(smpp.BindTransceiver)
		peer.Header(smpp.BindTransceiverResp, smpp.ErrInvPaswd, req.Seq)
		refused := time.Now()
		again := h.Call(t)
		again.Raw(outbind(t, "smsc", ""))
		again.Expect(smpp.BindTransceiver)
		if d := time.Since(refused); d < time.Minute {
			t.Errorf("our password was sent again after %v", d)
		}
		again.Close()
		stop()
	})
}

func TestOutbindOverTLSFromOurServer(t *testing.T) {
	t.Parallel()
	cert := smpptest.CertifyNow(t, "wasl", "127.0.0.1")
	addr := make(chan string, 1)
	bound := make(chan smpp.State, 1)
	_, stop := run(t, smpp.ClientConfig{
		Mode: smpp.Receiver, SystemID: "wasl", Password: "ours",
		OnState: func(s smpp.State, _ error) {
			if s.Bound() {
				bound <- s
			}
		},
		Outbind: &smpp.OutbindConfig{
			TLS: &tls.Config{Certificates: []tls.Certificate{cert.Pair}}, SystemID: "smsc", Password: "theirs",
			Listen: func(ctx context.Context, network, _ string) (net.Listener, error) {
				l, err := (&net.ListenConfig{}).Listen(ctx, network, "127.0.0.1:0")
				if err == nil {
					addr <- l.Addr().String()
				}
				return l, err
			},
		},
	})
	raw, err := net.Dial("tcp", <-addr)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	server := &smpp.Server{
		SystemID: "smsc", Auth: accept, Handler: smpptest.Accept,
		OnBind: func(s *smpp.Session) {
			go func() {
				_, err := s.Submit(ctx, mo("x"))
				got <- err
			}()
		},
	}
	ended := make(chan error, 1)
	go func() {
		ended <- server.Outbind(ctx, tls.Client(raw, &tls.Config{RootCAs: cert.Pool, ServerName: "127.0.0.1"}),
			smpp.OutbindRequest{SystemID: "smsc", Password: "theirs"})
	}()
	if s := <-bound; s != smpp.StateBoundRX {
		t.Errorf("bound as %v", s)
	}
	if err := <-got; err != nil {
		t.Errorf("deliver_sm on it: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	server.Shutdown(ctx)
}

func TestOutbindPrintsNoPassword(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		smpp.OutbindRequest{SystemID: "smsc", Password: "theirs"},
		smpp.OutbindConfig{SystemID: "smsc", Password: "theirs"},
		smpp.ClientConfig{Outbind: &smpp.OutbindConfig{SystemID: "smsc", Password: "theirs"}},
	} {
		if s := fmt.Sprintf("%v %+v %#v %s", v, v, v, v); strings.Contains(s, "theirs") || !strings.Contains(s, "smsc") {
			t.Errorf("printed %s", s)
		}
	}
	b := outbind(t, "smsc", "theirs")
	if r, err := smpp.DecodeOutbind(b[16:]); err != nil || r.SystemID != "smsc" || r.Password != "theirs" {
		t.Errorf("decoded %+v, %v", r, err)
	}
	for n := range len(b) - 16 {
		if _, err := smpp.DecodeOutbind(b[16 : 16+n]); !errors.Is(err, smpp.ErrInvCmdLen) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	if _, err := smpp.AppendOutbind(nil, 1, smpp.OutbindRequest{Password: "ninechars"}); !errors.Is(err, smpp.ErrInvPaswd) {
		t.Errorf("a password of nine: %v", err)
	}
}
