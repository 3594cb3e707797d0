package gateway_test

import (
	"slices"
	"testing"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// on sends m on the newest session of a bind and gives the answer's status.
func (f *fixture) on(t *testing.T, systemID string, m smpp.ShortMessage) smpp.Status {
	t.Helper()
	m.Command = smpp.DeliverSM
	sessions := f.sessions(systemID)
	r, err := sessions[len(sessions)-1].Submit(t.Context(), m)
	if err != nil && r.Status == smpp.StatusOK {
		t.Fatalf("deliver_sm: %v", err)
	}
	return r.Status
}

// The USSD gateway is a host beside the message centre: no text goes there, no
// page comes from elsewhere, and what comes from it is USSD without any sign.
func TestUSSDOnAHostOfItsOwn(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds(`ussd_codes = ["*369#"]`,
		"centre carries = \"texts\"", "handsets carries = \"ussd\"\nmode = \"receiver\"", "pages carries = \"ussd\"\nmode = \"transmitter\""))
	f.tell(t, many(60)...)
	runtest.Eventually(t, "all is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 60 })
	if n := f.sent(); n["centre"] != 60 {
		t.Errorf("texts went by %v", n)
	}
	for i, body := range []string{"*369#", "SUIVI 48213377"} {
		if s := f.on(t, "handsets", says(i, body)); s != smpp.StatusOK {
			t.Errorf("%q answered with %v", body, s)
		}
	}
	runtest.Eventually(t, "both get a page", func() bool { return f.count() == 62 })
	if n := f.sent(); n["pages"] != 2 {
		t.Errorf("pages went by %v", n)
	}
	if s := f.on(t, "centre", keyed(3, ussd.OpPSSRIndication, "RDV")); s != smpp.StatusOK {
		t.Errorf("answered with %v", s)
	}
	runtest.Eventually(t, "it is handed on", func() bool { return slices.Contains(f.service.bodies(), "RDV") })
	if n := f.dialogue.count(); n != 2 {
		t.Errorf("%d steps of dialogues", n)
	}
}

// Where the message centre can't send, its USSD gateway does not pass for it.
func TestAUSSDGatewayIsNoMessageCentre(t *testing.T) {
	t.Parallel()
	f := prepare(t, `
[[operator]]
name = "north"
prefixes = ["+2126"]
short_codes = ["3690"]
ussd_codes = ["*369#"]
fallback = ["south"]
fallback_after = "50ms"
[[operator.bind]]
system_id = "centre"
address = "127.0.0.1:1"
password = "secret"
carries = "texts"
mode = "transmitter"
[[operator.bind]]
system_id = "in"
address = "ADDRESS"
password = "secret"
carries = "texts"
mode = "receiver"
[[operator.bind]]
system_id = "pages"
address = "ADDRESS"
password = "secret"
carries = "ussd"
[[operator]]
name = "south"
short_codes = ["777"]
[[operator.bind]]
system_id = "south"
address = "ADDRESS"
password = "secret"
`)
	f.start(t)
	f.tell(t, told(1, "x"))
	runtest.Eventually(t, "another operator stands in", func() bool { return f.sent()["south"] == 1 })
}

// An operator that carries dialogues alone serves nobody's texts.
func TestAnOperatorWithoutTexts(t *testing.T) {
	t.Parallel()
	ops, err := gateway.ParseOperators(`
[[operator]]
name = "dialogues"
ussd_codes = ["*369#"]
[[operator.bind]]
address = "a:1"
carries = "ussd"
[[operator]]
name = "rest"
sender = "Wasl"
[[operator.bind]]
address = "b:1"
`, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := ops.Route(private.StoredMsisdn("+212612000001")); got != "rest" {
		t.Errorf("texts go by %q", got)
	}
}
