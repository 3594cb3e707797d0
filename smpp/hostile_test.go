package smpp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// noise is octets that were PDUs before something happened to them.
func noise(table []pduCase, seed uint64) (all [][]byte) {
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		raw := bytes.Clone(table[random.IntN(len(table))].raw)
		for range random.IntN(4) {
			raw[random.IntN(len(raw))] = byte(random.IntN(256))
		}
		if random.IntN(4) == 0 {
			raw = raw[:random.IntN(len(raw))]
		}
		all = append(all, raw)
	}
	return all
}

// Octets that were a PDU before something happened to them: a session answers
// what it can and ends when the stream cannot be read, never by itself
// otherwise, and always leaves each of our requests with an outcome.
func TestSessionOutlivesNoise(t *testing.T) {
	t.Parallel()
	table := pdus(t)
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := net.Pipe()
				peer, s := smpptest.SMSCOver(t, near, far, smpp.SessionConfig{}, nil)
				go peer.Drain()
				var outcomes []<-chan answer
				for range 5 {
					outcomes = append(outcomes, submit(ctx, s, text("x")))
				}
				for _, raw := range noise(table, seed) {
					if _, err := far.Write(raw); err != nil {
						break
					}
				}
				_ = far.Close()
				<-s.Done()
				for _, c := range outcomes {
					if a := <-c; a.err == nil && a.result.Seq == 0 {
						t.Errorf("a message without an outcome: %+v", a)
					}
				}
				var timeout net.Error
				switch err := s.Err(); {
				case errors.Is(err, smpp.ErrFrame), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
					errors.Is(err, io.ErrClosedPipe), errors.Is(err, smpp.ErrPeerUnbound), errors.As(err, &timeout):
				default:
					t.Errorf("ended with %v", err)
				}
			})
		})
	}
}

func TestServerOutlivesNoise(t *testing.T) {
	t.Parallel()
	table := pdus(t)
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := &smpp.Server{Auth: accept, Handler: &clerk{}}
				near, far := net.Pipe()
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					server.ServeConn(ctx, far)
				}()
				peer := smpptest.NewPeer(t, near)
				if seed%2 == 0 {
					peer.Bind()
				}
				go peer.Drain()
				for _, raw := range noise(table, seed) {
					if _, err := near.Write(raw); err != nil {
						break
					}
				}
				_ = near.Close()
				<-ended
				if n := len(server.Sessions()); n != 0 {
					t.Errorf("%d sessions left", n)
				}
			})
		})
	}
}

// A peer that takes the connection and says nothing, before TLS or after, is
// given up within BindTimeout.
func TestPeerNeverSpeaksTLS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, heard := smpptest.NewWire(), &states{}
		_, stop := run(t, smpp.ClientConfig{
			Addr: "smsc.example:2775", TLS: &tls.Config{}, Dial: l.Dial, OnState: heard.hear,
			Session: smpp.SessionConfig{BindTimeout: 3 * time.Second},
		})
		start := time.Now()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn)
		synctest.Wait()
		if d := time.Since(start); d != 3*time.Second || len(heard.errs) != 1 || !errors.Is(heard.errs[0], context.DeadlineExceeded) {
			t.Errorf("given up after %v: %v", d, heard.errs)
		}
		stop()
	})
}

// Every limit of time is its own setting.
func TestTimersAreSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		cfg   smpp.SessionConfig
		after time.Duration
		want  error
		peer  func(*smpptest.Peer)
	}{
		{"enquire_link", smpp.SessionConfig{EnquireEvery: 2 * time.Second, EnquireTimeout: time.Second}, 3 * time.Second, smpp.ErrLinkDead, (*smpptest.Peer).Drain},
		{"write", smpp.SessionConfig{EnquireEvery: 2 * time.Second, WriteTimeout: 4 * time.Second, EnquireTimeout: time.Hour}, 6 * time.Second, nil, nil},
		{"inactivity", smpp.SessionConfig{Inactivity: 5 * time.Second, UnbindTimeout: 2 * time.Second}, 7 * time.Second, smpp.ErrInactive, (*smpptest.Peer).Drain},
		{"half a PDU", smpp.SessionConfig{ReadTimeout: 3 * time.Second}, 3 * time.Second, nil, func(p *smpptest.Peer) { p.Raw([]byte{0}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				peer, s := smpptest.SMSC(t, c.cfg, nil)
				start := time.Now()
				if c.peer != nil {
					go c.peer(peer)
				}
				<-s.Done()
				var timeout net.Error
				if d := time.Since(start); d != c.after {
					t.Errorf("ended after %v with %v", d, s.Err())
				}
				if err := s.Err(); c.want != nil && !errors.Is(err, c.want) || c.want == nil && (!errors.As(err, &timeout) || !timeout.Timeout()) {
					t.Errorf("ended with %v", err)
				}
			})
		})
	}
	t.Run("response", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			peer, s := smpptest.SMSC(t, smpp.SessionConfig{ResponseTimeout: 4 * time.Second}, nil)
			start := time.Now()
			got := submit(ctx, s, text("x"))
			peer.Expect(smpp.SubmitSM)
			if a := <-got; time.Since(start) != 4*time.Second || !errors.Is(a.err, smpp.ErrTimeout) {
				t.Errorf("%v after %v", a.err, time.Since(start))
			}
		})
	})
}
