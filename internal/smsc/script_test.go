package smsc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func TestScriptAsText(t *testing.T) {
	t.Parallel()
	script, err := smsc.ParseScript(`
		# what a bad evening looks like
		throttle=5/s delay=200ms..1s
		at 10s lose=3 receipt-id=hex for 20s; flood 500
		at 1m on wasl/2 cut   # one bind alone
		at 2m behave`)
	if err != nil {
		t.Fatal(err)
	}
	if len(script) != 5 {
		t.Fatalf("%d steps", len(script))
	}
	if s := script[1]; s.At != 10*time.Second || s.For != 20*time.Second || len(s.Set) != 2 {
		t.Errorf("the second step: %+v", s)
	}
	if s := script[2]; s.At != 10*time.Second || s.Act != "flood" || s.N != 500 {
		t.Errorf("the third step: %+v", s)
	}
	if s := script[3]; s.On != "wasl/2" || s.Act != "cut" || s.At != time.Minute {
		t.Errorf("the fourth step: %+v", s)
	}
	for text, want := range map[string]string{
		"lose=3\nat soon cut": `line 2, "at soon cut": "soon" is no time`,
		"at 1s loose":         `no fault "loose"`,
		"cut unbind":          "one act a step",
		"cut for 2s":          "no fault to take away",
		"on":                  "on what?",
		"lose=0.3.4":          "is not how many",
	} {
		if _, err := smsc.ParseScript(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestScriptIsPlayed(t *testing.T) {
	t.Parallel()
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		script, err := smsc.ParseScript("full\nat 10s full=off; status=0x08 for 20s\nat 1m cut\nat 2m delay=1s; at 3m behave")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(script); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for _, step := range []struct {
			at   time.Duration
			want error
		}{{0, smpp.ErrMsgQueueFull}, {15 * time.Second, smpp.ErrSysErr}, {35 * time.Second, nil}} {
			time.Sleep(step.at - time.Since(begun)) // of the bubble's own time
			if _, err := a.Submit(soon(t), one("x")); !errors.Is(err, step.want) {
				t.Errorf("at %v: %v, want %v", step.at, err, step.want)
			}
		}
		<-a.down
		if at := time.Since(begun); at != time.Minute {
			t.Errorf("cut at %v", at)
		}
		time.Sleep(150*time.Second - time.Since(begun))
		if f := s.FaultsOn("").String(); f != "delay=1s" {
			t.Errorf("at 2m30s: %q", f)
		}
		time.Sleep(time.Minute)
		if f := s.FaultsOn("").String(); f != "" {
			t.Errorf("at the end: %q", f)
		}
	})
}

func TestBehaveStopsScripts(t *testing.T) {
	t.Parallel()
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, _ *smpptest.Wire) {
		script, err := smsc.ParseScript("full; at 1h lose")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(script); err != nil {
			t.Fatal(err)
		}
		s.Behave()
		time.Sleep(2 * time.Hour)
		if f := s.FaultsOn("").String(); f != "" {
			t.Errorf("got %q", f)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Play(ctx, script[1:]); !errors.Is(err, context.Canceled) {
			t.Errorf("Play: %v", err)
		}
	})
}

func TestFaultsOfOneAccountAndOneBind(t *testing.T) {
	t.Parallel()
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		first, second := bind(t, "", &application{dial: w.Dial}), bind(t, "", &application{dial: w.Dial})
		s.SetFaultsOn(smsctest.SystemID, parsed(t, "full"))
		s.SetFaultsOn(smsctest.SystemID+"/2", parsed(t, "status=0x45"))
		if _, err := first.Submit(soon(t), one("x")); !errors.Is(err, smpp.ErrMsgQueueFull) {
			t.Errorf("the first bind: %v", err)
		}
		if _, err := second.Submit(soon(t), one("x")); !errors.Is(err, smpp.ErrSubmitFail) {
			t.Errorf("the second bind: %v", err)
		}
		s.SetFaults(smsc.Faults{})
		for _, a := range []*application{first, second} {
			if _, err := a.Submit(soon(t), one("x")); err != nil {
				t.Errorf("behaving: %v", err)
			}
		}
		states, total := s.States()
		if len(states) != 2 || states[1].Scope != "wasl/2" || states[0].Submitted != 2 || states[0].Refused != 1 || total.Accepted != 2 {
			t.Errorf("states %+v, total %+v", states, total)
		}
	})
}

func TestActs(t *testing.T) {
	t.Parallel()
	inTime(t, "no-receipts", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		if err := s.Do("cut", "", 1); !errors.Is(err, smsc.ErrNoApplication) {
			t.Errorf("no bind: %v", err)
		}
		p := w.Call(t)
		p.Bind()
		if err := s.Do("explode", "", 1); err == nil {
			t.Error("an act that is none was done")
		}
		// A pipe has no buffer: who writes waits for the reader.
		do := func(name string, n int) {
			t.Helper()
			go func() {
				if err := s.Do(name, "esme/1", n); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}()
		}
		do("send-unknown", 2)
		p.Expect(0x00000FFF)
		p.Expect(0x00000FFF)
		do("send-cut-short", 1)
		if _, body := p.Expect(smpp.DeliverSM); len(body) != 6 {
			t.Errorf("send-cut-short: %d octets", len(body))
		}
		do("send-alert", 1)
		p.Expect(smpp.AlertNotification)
		do("send-data", 1)
		h, m := p.ExpectMessage(smpp.DataSM)
		if text(t, m) != "1" || m.Dest.Addr != "3690" {
			t.Errorf("send-data: %q to %s", text(t, m), m.Dest.Addr)
		}
		p.Answer(h, smpp.StatusOK, "1")
		do("unbind", 1)
		p.Expect(smpp.Unbind)
	})
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		// A client outlives what can't be read.
		for _, name := range []string{"send-unknown", "send-cut-short", "send-alert"} {
			if err := s.Do(name, "", 3); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := a.Submit(soon(t), one("x")); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
			a.next(t)
		}
		if err := s.Do("flood", "wasl", 300); err != nil {
			t.Error(err)
		}
		for range 300 {
			a.next(t)
		}
		synctest.Wait()
		if states, _ := s.States(); states[0].Delivered != 300 {
			t.Errorf("%d delivered", states[0].Delivered)
		}
		for _, name := range []string{"send-bad-length", "unbind", "cut"} {
			if err := s.Do(name, "", 1); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			<-a.down
			<-a.up
		}
	})
}

func TestTextsThatComeTwice(t *testing.T) {
	t.Parallel()
	inTime(t, "twice=1", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		for range 2 {
			if err := s.SendSMS(soon(t), sim, "3690", "STOP"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if len(a.got) != 3 {
			t.Errorf("%d messages, want the first twice and the second once", len(a.got))
		}
	})
}

func TestOutbind(t *testing.T) {
	t.Parallel()
	s, _ := start(t, smsc.Config{OutbindPassword: "welcome"})
	address, bound := make(chan string, 1), make(chan struct{}, 1)
	a := &application{got: make(chan smpp.ShortMessage, 10)}
	a.Client = smpp.NewClient(smpp.ClientConfig{
		SystemID: smsctest.SystemID, Password: smsctest.Password,
		Outbind: &smpp.OutbindConfig{
			Addr: "127.0.0.1:0", SystemID: "smsc", Password: "welcome",
			Listen: func(ctx context.Context, network, addr string) (net.Listener, error) {
				ln, err := (&net.ListenConfig{}).Listen(ctx, network, addr)
				if err == nil {
					address <- ln.Addr().String()
				}
				return ln, err
			},
		},
		OnState: func(st smpp.State, _ error) {
			if st.Bound() {
				bound <- struct{}{}
			}
		},
	}, a)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	defer running.Wait()
	defer cancel()
	script, err := smsc.ParseScript("outbind " + <-address)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(script); err != nil {
		t.Fatal(err)
	}
	<-bound
	if err := s.SendSMS(soon(t), sim, "3690", "STOP"); err != nil {
		t.Error(err)
	}
	if m := a.next(t); text(t, m) != "STOP" {
		t.Errorf("got %q", text(t, m))
	}
}
