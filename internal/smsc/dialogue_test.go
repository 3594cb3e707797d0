package smsc_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/smsc/smsctest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// answerWith submits the pages a menu of two steps has.
func answerWith(t *testing.T, a *application, pages ...func(smpp.ShortMessage) smpp.ShortMessage) <-chan struct{} {
	t.Helper()
	done, ctx := make(chan struct{}), soon(t)
	go func() {
		defer close(done)
		for _, p := range pages {
			select {
			case m := <-a.got:
				if _, err := a.Submit(ctx, p(m)); err != nil {
					t.Error(err)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return done
}

func TestDialogue(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	var dialled, answered smpp.ShortMessage
	done := answerWith(t, a,
		func(m smpp.ShortMessage) smpp.ShortMessage {
			dialled = m
			return page(m, ussd.OpUSSRRequest, "1 طلب رخصة\n2 تتبع")
		},
		func(m smpp.ShortMessage) smpp.ShortMessage {
			answered = m
			return page(m, ussd.OpPSSRResponse, "Reçu: 4821307")
		})

	first, err := s.Dial(soon(t), sim, "*369*1#")
	if err != nil || first.End || first.Text != "1 طلب رخصة\n2 تتبع" {
		t.Fatalf("first page %q, end %v, error %v", first.Text, first.End, err)
	}
	if _, err := s.Dial(soon(t), sim, "*369#"); !errors.Is(err, smsc.ErrBusy) {
		t.Fatalf("second dialogue: %v, want ErrBusy", err)
	}
	last, err := s.Answer(soon(t), sim, "2")
	if err != nil || !last.End || last.Text != "Reçu: 4821307" {
		t.Fatalf("last page %q, end %v, error %v", last.Text, last.End, err)
	}
	<-done
	if op(dialled) != ussd.OpPSSRIndication || text(t, dialled) != "*369*1#" || dialled.Dest.Addr != "369" || dialled.Source.Addr != "212600000001" {
		t.Errorf("the dial travelled as op %d %q from %q to %q", op(dialled), text(t, dialled), dialled.Source.Addr, dialled.Dest.Addr)
	}
	if op(answered) != ussd.OpUSSRConfirm || text(t, answered) != "2" {
		t.Errorf("the answer travelled as op %d %q", op(answered), text(t, answered))
	}
	one, _ := dialled.TLVs.Get(smpp.TagITSSessionInfo)
	two, _ := answered.TLVs.Get(smpp.TagITSSessionInfo)
	if len(one) != 2 || len(two) != 2 || one[0] != two[0] {
		t.Errorf("session numbers %x and %x", one, two)
	}
	if _, err := s.Answer(soon(t), sim, "1"); !errors.Is(err, smsc.ErrNoDialogue) {
		t.Errorf("answer after the end: %v, want ErrNoDialogue", err)
	}
	if got := len(s.Ledger()); got != 2 {
		t.Errorf("ledger has %d entries, want both pages", got)
	}
}

// The dialect that the gateway reads is the one spoken here.
func TestDialectIsSpec(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	request := func(m smpp.ShortMessage) ussd.Request {
		info, _ := m.TLVs.Get(smpp.TagITSSessionInfo)
		r, ok := ussd.Spec().Decode(ussd.Envelope{
			ServiceType: m.ServiceType, Source: m.Source.Addr, Dest: m.Dest.Addr,
			Text: text(t, m), Op: op(m), HasOp: true, SessionInfo: info,
		})
		if !ok {
			t.Error("not taken for USSD")
		}
		return r
	}
	done := answerWith(t, a, func(m smpp.ShortMessage) smpp.ShortMessage {
		if r := request(m); r.Kind != ussd.Begin || r.Code != "*369#" {
			t.Errorf("dial read as %v of %q", r.Kind, r.Code)
		}
		return page(m, ussd.OpUSSRRequest, "1 Oui")
	})
	if _, err := s.Dial(soon(t), sim, "*369#"); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := s.Abort(soon(t), sim); err != nil {
		t.Fatal(err)
	}
	if r := request(a.next(t)); r.Kind != ussd.Abort {
		t.Errorf("abort read as %v", r.Kind)
	}
}

func TestPageAfterTheEndIsRefused(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	var dialled smpp.ShortMessage
	done := answerWith(t, a, func(m smpp.ShortMessage) smpp.ShortMessage {
		dialled = m
		return page(m, ussd.OpUSSRRequest, "1 Oui")
	})
	if _, err := s.Dial(soon(t), sim, "*369#"); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := s.Abort(soon(t), sim); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Submit(soon(t), page(dialled, ussd.OpUSSRRequest, "late")); !errors.Is(err, smpp.ErrSubmitFail) {
		t.Fatalf("late page: %v, want %v", err, smpp.ErrSubmitFail)
	}
	// A page of the old dialogue does not reach the new one.
	second, ctx := make(chan error, 1), soon(t)
	go func() {
		_, err := s.Dial(ctx, sim, "*369#")
		second <- err
	}()
	a.next(t) // the abort
	m := a.next(t)
	if _, err := a.Submit(soon(t), page(dialled, ussd.OpUSSRRequest, "old")); !errors.Is(err, smpp.ErrSubmitFail) {
		t.Errorf("page of the old dialogue: %v, want %v", err, smpp.ErrSubmitFail)
	}
	if _, err := a.Submit(soon(t), page(m, ussd.OpPSSRResponse, "new")); err != nil {
		t.Error(err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
}

func TestNetworkTimeouts(t *testing.T) {
	t.Parallel()
	t.Run("the application does not answer", func(t *testing.T) {
		t.Parallel()
		s, addr := start(t, smsc.Config{StepLimit: 30 * time.Millisecond})
		a := bind(t, addr, &application{})
		if _, err := s.Dial(soon(t), sim, "*369#"); !errors.Is(err, smsc.ErrNoAnswer) {
			t.Fatalf("got %v, want ErrNoAnswer", err)
		}
		a.next(t)
		if m := a.next(t); op(m) != ussd.OpAbort {
			t.Errorf("the application was told op %d", op(m))
		}
	})
	t.Run("the person does not answer", func(t *testing.T) {
		t.Parallel()
		s, addr := start(t, smsc.Config{DialogueLimit: 300 * time.Millisecond})
		a := bind(t, addr, &application{})
		done := answerWith(t, a, func(m smpp.ShortMessage) smpp.ShortMessage { return page(m, ussd.OpUSSRRequest, "1 Oui") })
		if _, err := s.Dial(soon(t), sim, "*369#"); err != nil {
			t.Fatal(err)
		}
		<-done
		if m := a.next(t); op(m) != ussd.OpAbort {
			t.Errorf("the application was told op %d", op(m))
		}
		if _, err := s.Answer(soon(t), sim, "1"); !errors.Is(err, smsc.ErrNoDialogue) {
			t.Errorf("answer after the time: %v, want ErrNoDialogue", err)
		}
	})
	t.Run("nobody is bound", func(t *testing.T) {
		t.Parallel()
		s, _ := start(t, smsc.Config{})
		if _, err := s.Dial(soon(t), sim, "*369#"); !errors.Is(err, smsc.ErrNoApplication) {
			t.Fatalf("got %v, want ErrNoApplication", err)
		}
	})
	t.Run("the application refuses", func(t *testing.T) {
		t.Parallel()
		s, addr := start(t, smsc.Config{})
		bind(t, addr, &application{reply: func(smpp.ShortMessage) error { return smpp.ErrRxTAppn }})
		if _, err := s.Dial(soon(t), sim, "*369#"); !errors.Is(err, smpp.ErrRxTAppn) {
			t.Fatalf("got %v, want %v", err, smpp.ErrRxTAppn)
		}
	})
}

// The phone that transcripts are played on: a dial in the middle of a dialogue
// begins anew without a word to the application, texts come in order.
func TestTranscriptPhone(t *testing.T) {
	t.Parallel()
	s, addr := start(t, smsc.Config{})
	a := bind(t, addr, &application{})
	p := smsctest.Phone(s, sim, "3690")
	ctx := soon(t)
	for range 2 {
		done := answerWith(t, a, func(m smpp.ShortMessage) smpp.ShortMessage {
			if op(m) != ussd.OpPSSRIndication {
				t.Errorf("got op %d, want a dial", op(m))
			}
			return page(m, ussd.OpUSSRRequest, "1 Oui")
		})
		if screen, err := p.Dial(ctx, "*369#"); err != nil || screen.Text != "1 Oui" {
			t.Fatalf("%q, %v", screen.Text, err)
		}
		<-done
	}
	if texts, err := p.Inbox(ctx, 0); err != nil || len(texts) != 0 {
		t.Errorf("%d texts before any came, %v", len(texts), err)
	}
	for _, body := range []string{"un", "deux", "trois"} {
		if _, err := a.Submit(ctx, sms(sim, body)[0]); err != nil {
			t.Fatal(err)
		}
	}
	if texts, err := p.Inbox(ctx, 3); err != nil || !slices.Equal(texts, []string{"un", "deux", "trois"}) {
		t.Errorf("got %q, %v", texts, err)
	}
	if err := p.Text(ctx, "AIDE"); err != nil {
		t.Error(err)
	}
}

// Many dialogues at once: each handset sees its own pages only.
func TestManyHandsets(t *testing.T) {
	t.Parallel()
	const handsets, steps = 100, 5
	s, addr := start(t, smsc.Config{})
	a, ctx := &application{}, soon(t)
	var pending sync.WaitGroup
	a.reply = func(m smpp.ShortMessage) error {
		pending.Go(func() {
			p := page(m, ussd.OpUSSRRequest, m.Source.Addr+" "+text(t, m))
			if text(t, m) == "0" {
				p = page(m, ussd.OpPSSRResponse, m.Source.Addr+" 0")
			}
			if _, err := a.Submit(ctx, p); err != nil {
				t.Error(err)
			}
		})
		return nil
	}
	bind(t, addr, a)
	go func() {
		for range a.got {
		}
	}()
	t.Cleanup(func() { close(a.got) })
	var phones sync.WaitGroup
	for i := range handsets {
		phones.Go(func() {
			number := fmt.Sprintf("2126%08d", i+1)
			screen, err := s.Dial(ctx, "+"+number, "*369#")
			for step := steps; err == nil; step-- {
				want := number + " " + strconv.Itoa(step+1)
				if step == steps {
					want = number + " *369#"
				}
				if screen.Text != want || screen.End != (step == -1) {
					t.Errorf("handset %d shows another page than its own at step %d", i, step)
				}
				if screen.End {
					return
				}
				screen, err = s.Answer(ctx, "+"+number, strconv.Itoa(step))
			}
			t.Error(err)
		})
	}
	phones.Wait()
	pending.Wait()
}
