// Package smpptest holds peers for tests: a bound pair in memory, a scripted
// peer that speaks octets, a network in memory, a connection that fails on
// request, certificates. All of it works inside a testing/synctest bubble.
package smpptest

import (
	"context"
	"net"
	"testing"

	"github.com/wasl-sms/wasl/smpp"
)

// PairConfig says what the two ends of a Pair do. The zero value is a
// transceiver whose handlers accept everything.
type PairConfig struct {
	Mode       smpp.Mode
	ESME, SMSC smpp.Handler
	ESMEConfig smpp.SessionConfig
	SMSCConfig smpp.SessionConfig
	// Conns makes the two ends of the link, ESME first; net.Pipe by default.
	Conns func() (net.Conn, net.Conn)
}

// Accept is a handler that accepts every message with the id "1".
var Accept smpp.Handler = smpp.HandlerFunc(
	func(context.Context, *smpp.Session, smpp.ShortMessage) (smpp.Reply, error) {
		return smpp.Reply{MessageID: "1"}, nil
	})

// Pair returns the two ends of one bound session. Both are cut off when the
// test ends.
func Pair(t testing.TB, cfg PairConfig) (esme, smsc *smpp.Session) {
	t.Helper()
	if cfg.ESME == nil {
		cfg.ESME = Accept
	}
	if cfg.SMSC == nil {
		cfg.SMSC = Accept
	}
	if cfg.Conns == nil {
		cfg.Conns = func() (net.Conn, net.Conn) { return net.Pipe() }
	}
	a, b := cfg.Conns()
	bound := make(chan *smpp.Session, 1)
	server := &smpp.Server{
		SystemID: "smsc",
		Auth:     func(context.Context, smpp.BindRequest) smpp.Status { return smpp.StatusOK },
		Handler:  cfg.SMSC,
		Session:  cfg.SMSCConfig,
		OnBind:   func(s *smpp.Session) { bound <- s },
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.ServeConn(context.Background(), b)
	}()
	t.Cleanup(func() {
		_, _ = a.Close(), b.Close()
		if esme != nil {
			<-esme.Done()
		}
		<-ended
	})
	esme, err := smpp.Bind(context.Background(), a,
		smpp.BindRequest{Mode: cfg.Mode, SystemID: "esme", InterfaceVersion: 0x34}, cfg.ESMEConfig, cfg.ESME)
	if err != nil {
		t.Fatalf("bind the pair: %v", err)
	}
	return esme, <-bound
}
