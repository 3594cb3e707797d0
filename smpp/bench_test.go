package smpp_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"

	fiorix "github.com/fiorix/go-smpp/smpp/pdu"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func benchMessage() smpp.ShortMessage {
	m := text("Votre demande 12345678 est enregistree. Reponse en 15 jours")
	m.RegisteredDelivery = smpp.RegisteredFinal
	return m
}

func BenchmarkEncodeSubmit(b *testing.B) {
	m := benchMessage()
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			var err error
			if buf, err = smpp.AppendMessage(buf[:0], 1, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fiorix", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			byFiorix(b, 1, m)
		}
	})
}

func BenchmarkDecodeDeliver(b *testing.B) {
	raw := pdu(b, "deliver_sm receipt")
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := smpp.DecodeMessage(smpp.DeliverSM, raw[16:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fiorix", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := fiorix.Decode(bytes.NewReader(raw)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseReceipt(b *testing.B) {
	m, err := smpp.DecodeMessage(smpp.DeliverSM, pdu(b, "deliver_sm receipt")[16:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := smpp.ParseReceipt(m); !ok {
			b.Fatal("no receipt")
		}
	}
}

// BenchmarkWindow submits over loopback to a server of ours in this process,
// so that both sides count.
func BenchmarkWindow(b *testing.B) {
	for _, window := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(window), func(b *testing.B) {
			cfg := smpp.SessionConfig{Window: window, HandlerQueue: 2 * window}
			esme, _ := smpptest.Pair(b, smpptest.PairConfig{
				ESMEConfig: cfg, SMSCConfig: cfg,
				Conns: func() (net.Conn, net.Conn) { return loopback(b) },
			})
			m := benchMessage()
			failed := 0
			done := func(_ smpp.SubmitResult, err error) {
				if err != nil {
					failed++
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := esme.SubmitAsync(context.Background(), m, done); err != nil {
					b.Fatal(err)
				}
			}
			if err := esme.Close(context.Background()); err != nil || failed > 0 {
				b.Fatalf("%d failed, close: %v", failed, err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

func loopback(tb testing.TB) (near, far net.Conn) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		tb.Fatal(err)
	}
	return near, far
}
