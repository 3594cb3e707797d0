package dialog_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
	"github.com/wasl-sms/wasl/ussd"
)

// BenchmarkStep is one USSD step of a form on a real redis-server.
func BenchmarkStep(b *testing.B) {
	w := newWorld(b, dialog.Limits{Steps: 1 << 30}, onRedis(sessionstest.StartRedis(b)))
	w.phone(known).keys("*369#", pin)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r := ussd.Request{Kind: ussd.Answer, Msisdn: known, Input: "1", RequestKey: fmt.Sprint("r", n)}
		if n++; n%2 == 0 {
			r.Input = ussd.KeyBack
		}
		if reply := w.dialog.Step(context.Background(), "demo", ussd.DefaultBudget(), r); reply.End {
			b.Fatal(reply.Text)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for b.Loop() {
		dialog.Fold("TSEJJEL 3afak")
	}
}
