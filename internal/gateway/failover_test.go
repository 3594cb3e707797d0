package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
)

// sent counts the texts that came by each bind.
func (p *peer) sent() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := map[string]int{}
	for _, by := range p.via {
		n[by]++
	}
	return n
}

// answerBy has the peer refuse what comes by some binds.
func (p *peer) answerBy(status map[string]smpp.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = func(n int, _ smpp.ShortMessage) (smpp.Reply, error) {
		p.mu.Lock()
		by := p.via[n-1]
		p.mu.Unlock()
		if s := status[by]; s != smpp.StatusOK {
			return smpp.Reply{}, s
		}
		return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
	}
}

func many(n int) []message.Outbound {
	var list []message.Outbound
	for i := range n {
		list = append(list, told(i, fmt.Sprint("text ", i)))
	}
	return list
}

func TestTextsAreSharedAmongHealthyBinds(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds("", "one", "two"))
	f.tell(t, many(400)...)
	runtest.Eventually(t, "all is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 400 })
	if n := f.sent(); n["one"] < 80 || n["two"] < 80 || n["one"]+n["two"] != 400 {
		t.Errorf("sent %v", n)
	}
}

func TestAnotherBindTakesOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status smpp.Status
		later  int // texts that the bad bind may hold up before it rests
	}{
		"throttled":  {smpp.ErrThrottled, 0},
		"queue full": {smpp.ErrMsgQueueFull, 0},
		"errors":     {smpp.ErrSysErr, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, withBinds("", "bad", "good"))
			f.answerBy(map[string]smpp.Status{"bad": c.status})
			f.tell(t, many(300)...)
			runtest.Eventually(t, "the good bind has sent the rest", func() bool {
				s := f.states(t, "message_part")
				return s["accepted"]+s["later"] == 300 && s["later"] <= c.later
			})
			if good := f.sent()["good"]; good < 300-c.later {
				t.Errorf("sent %v", f.sent())
			}
			var retried int
			if err := f.db.QueryRow(t.Context(), `select count(*) from message_part where retries > 0`).Scan(&retried); err != nil || retried > c.later {
				t.Errorf("%d counted as tried, %v", retried, err)
			}
			if c.later == 0 {
				runtest.Eventually(t, "staff see that it rests", func() bool {
					list, err := f.wishes.Operators(t.Context())
					return err == nil && list[0].Binds[0].At[0].Resting && !list[0].Binds[1].At[0].Resting
				})
			}
		})
	}
}

// north's only bind is at a closed port; south may stand in.
const withFallback = `
[[operator]]
name = "north"
prefixes = ["+2126"]
short_codes = ["3690"]
fallback = ["south"]
fallback_after = "50ms"
[[operator.bind]]
system_id = "north"
address = "NORTH"
password = "secret"
[[operator]]
name = "south"
short_codes = ["777"]
id_in_response = "hex"
[[operator.bind]]
system_id = "south"
address = "ADDRESS"
password = "secret"
`

func TestAnotherOperatorStandsIn(t *testing.T) {
	t.Parallel()
	f := prepare(t, strings.Replace(withFallback, "NORTH", "127.0.0.1:1", 1))
	hangups := f.reloads(t)
	f.start(t)
	f.tell(t, told(1, "x"))
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	m := f.submitted()[0]
	if m.Source.Addr != "777" || f.sent()["south"] != 1 {
		t.Errorf("sent from %s, %v", m.Source.Addr, f.sent())
	}
	if s := f.deliver(t, receiptFor(m, "1", "DELIVRD")); s != smpp.StatusOK {
		t.Fatalf("receipt answered with %v", s)
	}
	if s := f.states(t, "message_part"); s["delivered"] != 1 {
		t.Errorf("the receipt of the one that stood in found no text: %v", s)
	}

	f.write(t, strings.Replace(withFallback, "NORTH", f.addr, 1))
	hangups <- nil
	f.stands(t, "1", links.Bound)
	f.tell(t, many(20)...)
	runtest.Eventually(t, "all is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 20 })
	if n := f.sent(); n["north"] != 20 || n["south"] != 1 {
		t.Errorf("once north is back, sent %v", n)
	}
}

// A message centre that is bound and takes nothing is no better than one that
// is away.
func TestAnotherOperatorStandsInForOneThatRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status smpp.Status
		later  int // texts that it may hold up before it rests
	}{
		"throttled":  {smpp.ErrThrottled, 0},
		"queue full": {smpp.ErrMsgQueueFull, 0},
		"errors":     {smpp.ErrSysErr, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := prepare(t, strings.Replace(withFallback, "NORTH", "ADDRESS", 1))
			f.answerBy(map[string]smpp.Status{"north": c.status})
			f.start(t)
			f.allUp(t)
			f.tell(t, many(60)...)
			runtest.Eventually(t, "the other operator has sent the rest", func() bool {
				s := f.states(t, "message_part")
				return s["accepted"]+s["later"] == 60 && s["later"] <= c.later
			})
			if n := f.sent(); n["south"] < 60-c.later {
				t.Errorf("sent %v", n)
			}
		})
	}
}
