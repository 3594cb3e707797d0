package smsc_test

import (
	"testing"
	"testing/synctest"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// inTime runs f with an operator on a network and a clock of its own.
func inTime(t *testing.T, faults string, f func(*testing.T, *smsc.SMSC, *smpptest.Wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := smsc.New(smsc.Config{
			Accounts: map[string]string{smsctest.SystemID: smsctest.Password, "esme": "secret"}, SIMs: []string{sim},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.SetFaults(parsed(t, faults))
		w := smpptest.NewWire()
		smsctest.Serve(t, s, w)
		f(t, s, w)
	})
}

func parsed(t *testing.T, faults string) smsc.Faults {
	t.Helper()
	f, err := smsc.ParseFaults(faults)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func one(body string) smpp.ShortMessage { return sms(sim, body)[0] }
