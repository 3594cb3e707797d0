package smpp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// states keeps what OnState was told.
type states struct {
	mu   sync.Mutex
	list []smpp.State
	errs []error
}

func (s *states) hear(state smpp.State, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, state)
	s.errs = append(s.errs, err)
}

// run runs a client until the test ends it.
func run(t *testing.T, cfg smpp.ClientConfig) (c *smpp.Client, stop func()) {
	c = smpp.NewClient(cfg, smpptest.Accept)
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Run(running); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(stop)
	return c, stop
}

func acceptBind(p *smpptest.Peer) {
	req, _ := p.Expect(smpp.BindTransceiver)
	p.Header(smpp.BindTransceiverResp, smpp.StatusOK, req.Seq)
}

func TestClientBindsAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, heard := smpptest.NewWire(), &states{}
		c, stop := run(t, smpp.ClientConfig{Dial: l.Dial, OnState: heard.hear, Random: func() float64 { return 1 }})
		if _, err := c.Submit(ctx, text("x")); !errors.Is(err, smpp.ErrNotBound) {
			t.Errorf("before the bind: %v", err)
		}
		for range 3 {
			peer := l.Answer(t)
			acceptBind(peer)
			synctest.Wait()
			got := make(chan error, 1)
			if err := c.SubmitAsync(ctx, text("x"), func(_ smpp.SubmitResult, err error) { got <- err }); err != nil {
				t.Fatal(err)
			}
			req, _ := peer.ExpectMessage(smpp.SubmitSM)
			peer.Answer(req, smpp.StatusOK, "id")
			if err := <-got; err != nil {
				t.Error(err)
			}
			lost := time.Now()
			peer.Close()
			synctest.Wait()
			if _, bound := c.Session(); bound {
				t.Error("bound after the link was lost")
			}
			if d := time.Since(lost); d != 0 {
				t.Errorf("noticed after %v", d)
			}
		}
		peer := l.Answer(t)
		acceptBind(peer)
		synctest.Wait()
		go stop()
		unbind, _ := peer.Expect(smpp.Unbind)
		peer.Header(smpp.UnbindResp, 0, unbind.Seq)
		peer.ExpectEnd()
		stop()
		want := []smpp.State{}
		for range 4 {
			want = append(want, smpp.StateBoundTRX, smpp.StateClosed)
		}
		if !slices.Equal(heard.list, want) || heard.errs[len(heard.errs)-1] != nil {
			t.Errorf("heard %v %v", heard.list, heard.errs)
		}
	})
}

func TestBindFailures(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		play func(*smpptest.Peer)
		want error
		took time.Duration
	}{
		{"refused", func(p *smpptest.Peer) {
			req, _ := p.Expect(smpp.BindTransceiver)
			p.Header(smpp.BindTransceiverResp, smpp.ErrInvPaswd, req.Seq)
		}, smpp.ErrInvPaswd, 0},
		{"generic_nack", func(p *smpptest.Peer) {
			req, _ := p.Expect(smpp.BindTransceiver)
			p.Header(smpp.GenericNack, smpp.ErrInvCmdID, req.Seq)
		}, smpp.ErrInvCmdID, 0},
		{"never answered", func(p *smpptest.Peer) { p.Expect(smpp.BindTransceiver) }, smpp.ErrBindTimeout, 10 * time.Second},
		{"connected, never read", func(*smpptest.Peer) {}, nil, 10 * time.Second},
		{"closed", func(p *smpptest.Peer) { p.Expect(smpp.BindTransceiver); p.Close() }, nil, 0},
		{"another bind's answer", func(p *smpptest.Peer) {
			req, _ := p.Expect(smpp.BindTransceiver)
			p.Header(smpp.BindTransceiverResp, smpp.StatusOK, req.Seq+1)
			p.Header(smpp.BindReceiverResp, smpp.StatusOK, req.Seq)
		}, smpp.ErrBindTimeout, 10 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := net.Pipe()
				peer := smpptest.NewPeer(t, far)
				start := time.Now()
				got := make(chan error, 1)
				go func() {
					_, err := smpp.Bind(ctx, near, smpp.BindRequest{SystemID: "x"}, smpp.SessionConfig{}, nil)
					got <- err
				}()
				c.play(peer)
				err := <-got
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if d := time.Since(start); d != c.took {
					t.Errorf("after %v", d)
				}
			})
		})
	}
}

func TestEarlyTrafficDoesNotFailTheBind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := smpptest.NewPeer(t, far)
		h := &recorder{}
		got := make(chan *smpp.Session, 1)
		go func() {
			s, err := smpp.Bind(ctx, near, smpp.BindRequest{SystemID: "x"}, smpp.SessionConfig{}, h)
			if err != nil {
				t.Error(err)
			}
			got <- s
		}()
		req, _ := peer.Expect(smpp.BindTransceiver)
		peer.Header(smpp.EnquireLink, 0, 1)
		peer.ExpectStatus(smpp.EnquireLinkResp, smpp.StatusOK)
		peer.Message(2, mo("too early"))
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.ErrInvBndSts)
		// bind_resp and the first message in one piece.
		m := mo("at once")
		both, err := smpp.AppendMessage(smpp.AppendHeader(nil, smpp.BindTransceiverResp, 0, req.Seq), 3, &m)
		if err != nil {
			t.Fatal(err)
		}
		peer.Raw(both)
		peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK)
		s := <-got
		peer.Close()
		<-s.Done()
		if h.count() != 1 {
			t.Errorf("%d handled", h.count())
		}
	})
}

func TestBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		_, stop := run(t, smpp.ClientConfig{
			Random: func() float64 { return 1 },
			Dial: func(context.Context, string, string) (net.Conn, error) {
				at = append(at, time.Since(start))
				return nil, errors.New("refused")
			},
		})
		time.Sleep(2 * time.Minute)
		stop()
		want := []time.Duration{0, 1, 3, 7, 15, 31, 61, 91}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(at, want) {
			t.Errorf("attempts at %v", at)
		}
	})
}

func TestLockedAccountSlowsDownHard(t *testing.T) {
	t.Parallel()
	slow := []time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute, 14*time.Minute + 30*time.Second, 22 * time.Minute}
	for status, want := range map[smpp.Status][]time.Duration{
		smpp.ErrBindFail: slow, smpp.ErrInvPaswd: slow, smpp.ErrInvSysID: slow, smpp.ErrAlyBnd: slow,
		smpp.ErrSysErr: {0, 500 * time.Millisecond, 1500 * time.Millisecond},
	} {
		t.Run(status.Name(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := smpptest.NewWire()
				_, stop := run(t, smpp.ClientConfig{Dial: l.Dial, Random: func() float64 { return 0 }})
				started := time.Now()
				for i, at := range want {
					peer := l.Answer(t)
					if d := time.Since(started); d != at {
						t.Errorf("attempt %d after %v, want %v", i+1, d, at)
					}
					req, _ := peer.Expect(smpp.BindTransceiver)
					peer.Header(smpp.BindTransceiverResp, status, req.Seq)
				}
				stop()
			})
		})
	}
}

func TestTLSNeedsNoServerName(t *testing.T) {
	t.Parallel()
	cert := smpptest.CertifyNow(t, "north", "127.0.0.1")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert.Pair}})
	if err != nil {
		t.Fatal(err)
	}
	server := &smpp.Server{Auth: accept, Handler: smpptest.Accept}
	serving, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(serving, l) }()
	bound := make(chan struct{}, 1)
	_, stop := run(t, smpp.ClientConfig{
		Addr: l.Addr().String(), TLS: &tls.Config{RootCAs: cert.Pool},
		OnState: func(s smpp.State, err error) {
			if s.Bound() {
				bound <- struct{}{}
			} else if err != nil {
				t.Error(err)
			}
		},
	})
	<-bound
	stop()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
