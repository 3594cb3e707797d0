package acceptance

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
)

// stream promises so many texts in one transaction, each to a number of its own.
func (w *world) stream(prefix string, from, n int, class message.Class) {
	w.t.Helper()
	texts := make([]message.Outbound, n)
	for i := range texts {
		texts[i] = one(fmt.Sprintf("%s5%07d", prefix, from+i), class, fmt.Sprintf("Dossier %d", from+i))
	}
	if err := w.tell(w.t.Context(), texts...); err != nil {
		w.t.Fatal(err)
	}
}

// TestThrottledInTheMiddle: in the middle of a stream the operator refuses
// everything with ESME_RTHROTTLED, later with ESME_RMSGQFUL. The bind pauses and
// does not hammer; then the stream goes on where it stopped, in its order, at
// its pace, and nothing was counted against any text.
func TestThrottledInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	var refused, after atomic.Int64
	var lifted atomic.Bool
	onWire := func(s sight, p pdu) bool {
		if s == written && p.about == ofPart && (p.Status == smpp.ErrThrottled || p.Status == smpp.ErrMsgQueueFull) {
			refused.Add(1)
			if lifted.Load() {
				after.Add(1)
			}
		}
		return true
	}
	w.onWire.Store(&onWire)
	const n = 400
	w.stream(hold, 0, n, message.Decision)
	calm := smsc.Faults{Seed: 1, ResponseJitter: 3 * time.Millisecond}
	w.hold.SetFaults(calm)
	p := w.program.serve(t)
	w.bound()
	taken := func() int { return len(w.hold.Ledger()) }
	for i, bad := range []smsc.Faults{{TPS: 0.001, Burst: 1}, {QueueFull: true}} {
		w.until("a part of the stream is through", func() bool { return taken() >= 100*(i+1) })
		before := refused.Load()
		lifted.Store(false)
		w.hold.SetFaults(bad)
		// A bind that has been refused waits a second at least before it tries
		// again: the operator has changed its mind by then.
		w.until("the operator has refused a window", func() bool { return refused.Load() >= before+window/2 })
		w.hold.SetFaults(calm)
		lifted.Store(true)
		now := taken()
		w.until("the stream goes on", func() bool { return taken() > now+window })
	}
	w.quiet()
	p.stop(t)
	if got := refused.Load(); got > 4*window {
		t.Errorf("the operator had to refuse %d parts, of a window of %d", got, window)
	}
	if got := after.Load(); got > window {
		t.Errorf("%d parts were refused after the operator took texts again", got)
	}
	// The operator looks at a window at once: within one it may take a later text first.
	var order []int
	for _, a := range w.hold.Ledger() {
		var i int
		if _, err := fmt.Sscanf(a.Text, "Dossier %d", &i); err != nil {
			t.Fatal(err)
		}
		order = append(order, i)
	}
	if len(order) != n {
		t.Fatalf("the operator took %d of %d texts", len(order), n)
	}
	for at, i := range order {
		if at-i >= window || i-at >= window {
			t.Errorf("text %d of the stream came at place %d", i, at)
		}
	}
	if again := w.count(`select count(*) from message_part where retries > 0`); again > 0 {
		t.Errorf("a refusal for now was counted against %d texts", again)
	}
	t.Logf("%d refusals for a stream of %d", refused.Load(), n)
}

// TestReceiptsOfEveryKind: whatever way an operator has with its receipts,
// every text is told as delivered, and sent once. Message ids are hexadecimal
// in answers and decimal in receipts throughout.
func TestReceiptsOfEveryKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{
		operator: "id_in_response = \"hex\"\nid_in_receipt = \"dec\"\n", bind: "response_wait = \"1s\"\n",
	})
	p := w.program.serve(t)
	w.bound()
	const n = 60
	from := 0
	for _, way := range []struct {
		name string
		smsc.Faults
	}{
		{"after the response", smsc.Faults{}},
		{"before the response", smsc.Faults{ReceiptFirst: true}},
		{"on the other bind", smsc.Faults{ReceiptBind: smsc.ReceiptOther}},
		{"before the response and on the other bind", smsc.Faults{ReceiptFirst: true, ReceiptBind: smsc.ReceiptOther}},
		{"twice", smsc.Faults{ReceiptTwice: smsc.Always}},
		{"the last first", smsc.Faults{ReceiptReverse: 10}},
		{"overtaken by an older one", smsc.Faults{LateEnroute: true}},
		{"as text alone", smsc.Faults{ReceiptForm: smsc.ReceiptText}},
		{"as text with hardly a field", smsc.Faults{ReceiptForm: smsc.ReceiptBare}},
		{"as parameters alone", smsc.Faults{ReceiptForm: smsc.ReceiptTLV}},
		{"instead of the response", smsc.Faults{LoseResponses: 20, EchoReference: true}},
		{"with our own numbers on the link", smsc.Faults{SameSequence: smsc.Always}},
		{"all of it", smsc.Faults{
			ReceiptFirst: true, ReceiptBind: smsc.ReceiptOther, ReceiptTwice: smsc.Always, LateEnroute: true, SameSequence: smsc.Always,
		}},
	} {
		way.Seed, way.ResponseID, way.ReceiptID = 1, smsc.IDHexUpper, smsc.IDZeros
		w.north.SetFaults(way.Faults)
		w.stream(north, from, n, message.Decision)
		from += n
		w.until("all receipts have come "+way.name, func() bool {
			return w.count(`select count(*) from message_part where state = 'delivered'`) == from
		})
	}
	w.north.Behave()
	p.stop(t)
	if got := len(w.north.Ledger()); got != from {
		t.Errorf("%d texts were sent %d times", from, got)
	}
}

// TestBadPeers: an operator that answers no bind, stops reading, falls silent,
// or unbinds and breaks off while its window is full. The links are made anew, every
// text reaches its state, those in doubt once more at most, one-time codes
// and those of an operator that holds never.
func TestBadPeers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{bind: "bind_wait = \"1s\"\nenquire_every = \"1s\"\nenquire_wait = \"1s\"\nresponse_wait = \"2s\"\nwrite_wait = \"1s\"\n"})
	p := w.program.serve(t)
	w.bound()
	links := func() int { return len(w.links.list()) }
	from := 0
	both := func(f smsc.Faults) {
		w.north.SetFaults(f)
		w.hold.SetFaults(f)
	}
	slow := 100 * time.Millisecond // the window fills
	for _, bad := range []struct {
		name  string
		links int // that it makes us make
		smsc.Faults
	}{
		{"unbinds while its window is full", 2, smsc.Faults{ResponseDelay: slow, UnbindAfter: 5}},
		{"breaks off while its window is full", 2, smsc.Faults{ResponseDelay: slow, DropAfter: 5}},
		{"breaks off and answers no bind", 4, smsc.Faults{DropAfter: 5, IgnoreBinds: true}},
		{"falls silent", 3, smsc.Faults{HalfOpen: true}},
		{"stops reading", 3, smsc.Faults{StopReading: true}},
	} {
		before := links()
		both(bad.Faults)
		// Codes go first, and leave room in the window.
		for n, class := range map[int]message.Class{5: message.Code, 40: message.Decision} {
			w.stream(north, from, n, class)
			w.stream(hold, from, n, class)
			from += n
		}
		w.until("an operator that "+bad.name+" is bound to again", func() bool { return links() >= before+bad.links })
		both(smsc.Faults{})
		w.bound()
		w.until("all is sent or in doubt", func() bool { return w.count(`select count(*) from message_part where state = 'queued'`) == 0 })
		t.Logf("%s: %d in doubt", bad.name, w.count(`select count(*) from message_part where state = 'in_doubt'`))
		w.decide()
	}
	w.until("nothing is in doubt", func() bool { w.decide(); return w.open() == 0 })
	p.stop(t)
	states := map[string]int{}
	for _, s := range []string{"delivered", "unknown"} {
		states[s] = w.count(`select count(*) from message_part where state = $1`, s)
	}
	if states["delivered"]+states["unknown"] != 2*from {
		t.Errorf("of %d parts: %v", 2*from, states)
	}
	if n := w.count(`select count(*) from message_part where state = 'unknown' and class > 1 and operator = 'north'`); n > 0 {
		t.Errorf("%d parts were given up that could be sent again", n)
	}
	// Or all who may be told once only were lucky, and nothing is shown of them.
	for who, which := range map[string]string{"one-time code": `class = 1`, "text of the operator that holds": `class > 1 and operator = 'hold'`} {
		if w.count(`select count(*) from message_part where state = 'unknown' and `+which) == 0 {
			t.Errorf("no %s was in doubt and given up", who)
		}
	}
	repeats := 0
	for _, ledger := range [][]smsc.Accepted{w.north.Ledger(), w.hold.Ledger()} {
		times := map[string]int{}
		for _, a := range ledger {
			times[a.Dest]++
		}
		for to, n := range times {
			var class int
			if n > 1 {
				class = w.classOf("+" + to)
				repeats += n - 1
			}
			if n > 1 && (class == int(message.Code) || "+"+to[:4] == hold) {
				t.Errorf("a text of class %d was sent %d times", class, n)
			}
		}
	}
	t.Logf("%v, %d repeats", states, repeats)
}

// classOf tells how urgent the text to a number is.
func (w *world) classOf(number string) int {
	w.t.Helper()
	return w.count(`select class from message where recipient = $1`, w.keys.BlindIndex("msisdn", number))
}
