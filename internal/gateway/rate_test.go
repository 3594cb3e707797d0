package gateway_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// Texts and pages share a bind's rate, and a page goes before what is queued.
func TestAPageDoesNotWaitBehindTexts(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds(`ussd_codes = ["*369#"]`, "one tps = 5.0"))
	f.tell(t, many(100)...)
	runtest.Eventually(t, "texts go out", func() bool { return f.count() >= 3 })
	before := f.count()
	_ = f.deliver(t, keyed(1, ussd.OpPSSRIndication, "*369#"))
	at := -1
	runtest.Eventually(t, "the page goes out", func() bool {
		at = slices.IndexFunc(f.submitted(), func(m smpp.ShortMessage) bool { return m.ServiceType == "USSD" })
		return at >= 0
	})
	if at > before+2 {
		t.Errorf("the page went out as number %d, %d had gone when it was asked for", at+1, before)
	}
}

// Answers to the operator are not limited by the rate of what we send.
func TestAnswersAreNotLimited(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds("", "one tps = 0.001"))
	f.tell(t, many(5)...)
	runtest.Eventually(t, "the one text that may goes out", func() bool { return f.count() == 1 })
	for n := range 20 {
		if s := f.deliver(t, says(n, fmt.Sprint("text ", n))); s != smpp.StatusOK {
			t.Fatalf("answered with %v", s)
		}
	}
	enquire(t, f)
	if f.count() != 1 {
		t.Errorf("%d texts went out", f.count())
	}
}

// A page that can't go within its deadline is dropped, not sent late.
func TestAPageBeyondTheRateIsDropped(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds("ussd_codes = [\"*369#\"]", "one tps = 0.001")+"[operator.ussd]\nreply_deadline = \"2s\"\n")
	for n := range 3 {
		_ = f.deliver(t, keyed(n, ussd.OpPSSRIndication, "*369#"))
	}
	f.tell(t, told(9, "x"))
	runtest.Eventually(t, "the other pages are dropped", func() bool { return f.logs.count("why=rate") == 2 })
	if f.count() != 1 {
		t.Errorf("%d messages went out", f.count())
	}
}
