package smsc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

func TestFaultsAsText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"delay=200ms..1s throttle=5/s burst=3 full status=0x45:3 lose=10% wrong-seq=1 same-seq=all bad-length=1",
		"cut-short=2 unknown-command=1 id=hex drop-after=4 drop-every=50 unbind-after=2 half-open stop-reading read-rate=200",
		"ignore-binds bind-status=0x0D:all early-enquire twice=all seed=7",
		"no-receipts receipt-delay=2s receipt-first receipt-twice=all receipt-reverse=5 receipt-id=HEX receipt-form=tlv",
		"receipt-bind=other late-enroute echo-reference undelivered=034:50%",
	} {
		f := parsed(t, text)
		want := strings.Fields(text)
		if got := strings.Fields(f.String()); len(got) != len(want) || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%q came back as %q", text, f)
		}
		for _, name := range smsc.Names() {
			if err := f.Set(name, "off"); err != nil {
				t.Errorf("%s off: %v", name, err)
			}
		}
		if f != (smsc.Faults{}) {
			t.Errorf("%q with all off is %q", text, f)
		}
	}
	for _, wrong := range []string{
		"loose", "lose=-1", "lose=120%", "delay=5", "delay=2s..1s", "throttle=x", "burst=many", "full=3", "status=ok", "status=0x45:often",
		"id=octal", "receipt-form=html", "seed=-1", "undelivered=123456789",
	} {
		if f, err := smsc.ParseFaults(wrong); err == nil {
			t.Errorf("%q was read as %q", wrong, f)
		}
	}
	// A value left out is all of it.
	if f := parsed(t, "lose undelivered"); f.LoseResponses != smsc.Always || f.Undelivered != smsc.Always {
		t.Errorf("got %v", f)
	}
}

func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	var runs [2][]time.Duration
	for run := range runs {
		inTime(t, "delay=200ms..1s seed=7", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
			a := bind(t, "", &application{dial: w.Dial})
			for range 5 {
				begun := time.Now()
				if _, err := a.Submit(soon(t), one("x")); err != nil {
					t.Fatal(err)
				}
				took := time.Since(begun)
				if took < 200*time.Millisecond || took > time.Second {
					t.Errorf("answered after %v", took)
				}
				runs[run] = append(runs[run], took)
			}
		})
	}
	if !slices.Equal(runs[0], runs[1]) || runs[0][0] == runs[0][1] {
		t.Errorf("one seed, two runs: %v and %v", runs[0], runs[1])
	}
}

func TestAnyStatus(t *testing.T) {
	t.Parallel()
	inTime(t, "status=0x45:2 no-receipts", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		for i, want := range []error{smpp.ErrSubmitFail, smpp.ErrSubmitFail, nil} {
			if _, err := a.Submit(soon(t), one("x")); !errors.Is(err, want) {
				t.Errorf("message %d: %v, want %v", i+1, err, want)
			}
		}
		if f := s.FaultsOn(""); f.Refuse != 0 {
			t.Errorf("%v is left", f)
		}
		s.SetFaults(parsed(t, "status=0x08:30% seed=3 no-receipts"))
		refused := 0
		for range 200 {
			_, err := a.Submit(soon(t), one("x"))
			if errors.Is(err, smpp.ErrSysErr) {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if refused < 40 || refused > 80 {
			t.Errorf("%d of 200 were refused, want about 60", refused)
		}
	})
}

// An answer that is spoilt leaves its message without an outcome, and the link
// as it was.
func TestSpoiltAnswers(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"lose=1", "wrong-seq=1", "unknown-command=1"} {
		inTime(t, fault, func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
			a := bind(t, "", &application{dial: w.Dial, limit: smpp.SessionConfig{ResponseTimeout: time.Second}})
			if _, err := a.Submit(soon(t), one("un")); !smpp.Unknown(err) {
				t.Errorf("%s: %v, want an unknown outcome", fault, err)
			}
			if _, err := a.Submit(soon(t), one("deux")); err != nil {
				t.Errorf("%s: the next message: %v", fault, err)
			}
			if n := len(s.Ledger()); n != 2 {
				t.Errorf("%s: ledger has %d entries, want 2", fault, n)
			}
		})
	}
	inTime(t, "bad-length=1", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		if _, err := a.Submit(soon(t), one("un")); !smpp.Unknown(err) {
			t.Errorf("bad-length: %v, want an unknown outcome", err)
		}
		<-a.down
		if !errors.Is(a.lost[0], smpp.ErrFrame) {
			t.Errorf("bad-length: the link ended with %v", a.lost[0])
		}
	})
}

func TestSpoiltAnswersOnTheWire(t *testing.T) {
	t.Parallel()
	inTime(t, "no-receipts", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		p := w.Call(t)
		p.Bind()
		answer := func(fault string, seq uint32) (smpp.Header, []byte) {
			s.SetFaults(parsed(t, "no-receipts "+fault))
			p.Message(seq, one("x"))
			return p.Next()
		}
		if h, _ := answer("wrong-seq", 10); h.Command != smpp.SubmitSMResp || h.Seq == 10 {
			t.Errorf("wrong-seq: %v %d", h.Command, h.Seq)
		}
		if h, _ := answer("unknown-command", 11); h.Command != 0x80000FFF || h.Seq != 11 {
			t.Errorf("unknown-command: %v %d", h.Command, h.Seq)
		}
		if h, body := answer("cut-short", 12); h.Command != smpp.SubmitSMResp || len(body) == 0 || slices.Contains(body, 0) {
			t.Errorf("cut-short: %v %q", h.Command, body)
		}
		if h, _ := answer("same-seq", 13); h.Command != smpp.EnquireLink || h.Seq != 13 {
			t.Errorf("same-seq: %v %d", h.Command, h.Seq)
		}
		p.Header(smpp.EnquireLinkResp, smpp.StatusOK, 13)
		if h, _ := p.Expect(smpp.SubmitSMResp); h.Seq != 13 {
			t.Errorf("same-seq: the answer is %d", h.Seq)
		}
	})
}

// Both sides ask under one number at once, and each gets its own answer.
func TestSameSequence(t *testing.T) {
	t.Parallel()
	inTime(t, "same-seq receipt-first", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		for range 3 {
			if r, err := a.Submit(soon(t), one("x")); err != nil || r.MessageID == "" {
				t.Errorf("id %q, error %v", r.MessageID, err)
			}
		}
	})
}

func TestDropsInTheWindow(t *testing.T) {
	t.Parallel()
	inTime(t, "delay=1m drop-after=5", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		outcomes := make(chan error, 5)
		for range 5 {
			if err := a.SubmitAsync(soon(t), one("x"), func(_ smpp.SubmitResult, err error) { outcomes <- err }); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			if err := <-outcomes; !smpp.Unknown(err) {
				t.Errorf("got %v, want an unknown outcome", err)
			}
		}
		if n := len(s.Ledger()); n != 5 {
			t.Errorf("ledger has %d entries", n)
		}
	})
	inTime(t, "drop-every=2", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		for range 3 {
			if _, err := a.Submit(soon(t), one("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Submit(soon(t), one("x")); !smpp.Unknown(err) {
				t.Fatalf("the second: %v", err)
			}
			<-a.down
			<-a.up
		}
	})
}

func TestUnbindInTheWindow(t *testing.T) {
	t.Parallel()
	inTime(t, "delay=1m no-receipts unbind-after=3", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		p := w.Call(t)
		p.Bind()
		for seq := range uint32(3) {
			p.Message(seq+2, one("x"))
		}
		h, _ := p.Expect(smpp.Unbind)
		p.Header(smpp.UnbindResp, smpp.StatusOK, h.Seq)
	})
	// A client loses its requests to it, and binds again.
	inTime(t, "delay=1m unbind-after=1", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		if _, err := a.Submit(soon(t), one("x")); !smpp.Unknown(err) {
			t.Errorf("got %v, want an unknown outcome", err)
		}
		<-a.down
		<-a.up
	})
}

func TestHalfOpenLink(t *testing.T) {
	t.Parallel()
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial, limit: smpp.SessionConfig{EnquireEvery: time.Second, EnquireTimeout: time.Second}})
		s.SetFaults(parsed(t, "half-open"))
		if _, err := a.Submit(soon(t), one("x")); !smpp.Unknown(err) {
			t.Errorf("got %v, want an unknown outcome", err)
		}
		<-a.down
		if !errors.Is(a.lost[0], smpp.ErrLinkDead) {
			t.Errorf("the link ended with %v, want %v", a.lost[0], smpp.ErrLinkDead)
		}
		s.Behave()
		<-a.up
		if _, err := a.Submit(soon(t), one("x")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if n := len(s.Ledger()); n != 1 {
			t.Errorf("ledger has %d entries: what was sent into the hole arrived", n)
		}
	})
	// The operator gives the link up long before, and its peer can't know.
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		p := w.Call(t)
		p.Bind()
		s.SetFaults(parsed(t, "half-open"))
		p.ExpectSilence(time.Hour)
		if n := s.Binds(); n != 0 {
			t.Errorf("%d binds after an hour's silence", n)
		}
	})
}

func TestSlowReader(t *testing.T) {
	t.Parallel()
	inTime(t, "", func(t *testing.T, s *smsc.SMSC, w *smpptest.Wire) {
		a := bind(t, "", &application{dial: w.Dial})
		s.SetFaults(parsed(t, "stop-reading"))
		answered := make(chan error, 1)
		if err := a.SubmitAsync(soon(t), one("x"), func(_ smpp.SubmitResult, err error) { answered <- err }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(s.Ledger()); n != 0 || len(answered) != 0 {
			t.Errorf("%d accepted by an operator that does not read", n)
		}
		s.Behave()
		if err := <-answered; err != nil {
			t.Error(err)
		}
		s.SetFaults(parsed(t, "read-rate=20"))
		begun := time.Now()
		if _, err := a.Submit(soon(t), one("un peu de texte")); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took < 2*time.Second {
			t.Errorf("some 60 octets were read in %v, at 20 a second", took)
		}
	})
}

func TestBindsRefused(t *testing.T) {
	t.Parallel()
	inTime(t, "bind-status=0x0D:1", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		for i, want := range []smpp.Status{smpp.ErrBindFail, smpp.StatusOK} {
			p := w.Call(t)
			b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "esme", Password: "secret", InterfaceVersion: 0x34})
			if err != nil {
				t.Fatal(err)
			}
			p.Raw(b)
			if h, _ := p.Expect(smpp.BindTransceiverResp); h.Status != want {
				t.Errorf("bind %d: %v, want %v", i+1, h.Status, want)
			}
		}
	})
	inTime(t, "ignore-binds", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		c, err := w.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = smpp.Bind(t.Context(), c, smpp.BindRequest{SystemID: "esme", Password: "secret", InterfaceVersion: 0x34},
			smpp.SessionConfig{BindTimeout: 3 * time.Second}, smpptest.Accept)
		if !errors.Is(err, smpp.ErrBindTimeout) {
			t.Errorf("got %v, want %v", err, smpp.ErrBindTimeout)
		}
	})
}

func TestEarlyEnquire(t *testing.T) {
	t.Parallel()
	inTime(t, "early-enquire", func(t *testing.T, _ *smsc.SMSC, w *smpptest.Wire) {
		p := w.Call(t)
		b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "esme", Password: "secret", InterfaceVersion: 0x34})
		if err != nil {
			t.Fatal(err)
		}
		p.Raw(b)
		p.Expect(smpp.EnquireLink)
		p.Expect(smpp.BindTransceiverResp)
		bind(t, "", &application{dial: w.Dial})
	})
}
