package outbox_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text"
)

func (f *fixture) receive(t testing.TB, list ...outbox.Receipt) {
	t.Helper()
	for _, r := range list {
		r.Operator = "north"
		if err := f.Receive(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func reached(id string) outbox.Receipt { return outbox.Receipt{ID: id, Reached: true} }
func failed(id string) outbox.Receipt  { return outbox.Receipt{ID: id, Failed: true} }
func onItsWay(id string) outbox.Receipt {
	return outbox.Receipt{ID: id}
}

func TestReceiptsInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		receipts []outbox.Receipt
		state    string
	}{
		"delivered":                {[]outbox.Receipt{reached("m1")}, "delivered"},
		"twice":                    {[]outbox.Receipt{reached("m1"), reached("m1")}, "delivered"},
		"on its way, then there":   {[]outbox.Receipt{onItsWay("m1"), reached("m1")}, "delivered"},
		"there, then on its way":   {[]outbox.Receipt{reached("m1"), onItsWay("m1")}, "delivered"},
		"there, then failed":       {[]outbox.Receipt{reached("m1"), failed("m1")}, "delivered"},
		"failed, then there":       {[]outbox.Receipt{failed("m1"), reached("m1")}, "delivered"},
		"failed: tried once more":  {[]outbox.Receipt{failed("m1")}, "later"},
		"of another part":          {[]outbox.Receipt{reached("m2")}, "accepted"},
		"without an id":            {[]outbox.Receipt{reached("")}, "accepted"},
		"failed twice is one fail": {[]outbox.Receipt{failed("m1"), failed("m1")}, "later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, nil)
			op := &operator{answer: accept}
			f.enqueue(t, told(1, message.Decision))
			f.serve(t, north, op)
			runtest.Start(t, f.Run)
			runtest.Eventually(t, "it is accepted", func() bool { return f.states(t)["accepted"] == 1 })
			f.receive(t, c.receipts...)
			if s := f.states(t); s[c.state] != 1 {
				t.Errorf("state is %v", s)
			}
		})
	}
}

// An operator that still tries when we have given up may get through after
// all: nobody is called for a text that arrived.
func TestAReceiptAfterTheTextsTime(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: accept}
	f.enqueue(t, told(1, message.Gate))
	stop := f.serve(t, north, op)
	runtest.Start(t, f.Run)
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t)["accepted"] == 1 })
	stop()
	f.receive(t, failed("m1"))
	f.clock.Advance(13 * time.Hour)
	f.serve(t, north, op)
	runtest.Eventually(t, "its time is over", func() bool { return f.states(t)["expired"] == 1 })
	f.receive(t, failed("m1"), onItsWay("m1"))
	if s := f.states(t); s["expired"] != 1 {
		t.Errorf("it came back: %v", s)
	}
	f.receive(t, reached("m1"))
	if s := f.states(t); s["delivered"] != 1 {
		t.Errorf("states are %v", s)
	}
}

func TestReceiptBeforeTheResponse(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: silent}
	f.enqueue(t, told(1, message.Decision))
	f.serve(t, north, op)
	runtest.Start(t, f.Run)
	runtest.Eventually(t, "it is written", func() bool { return op.count() == 1 })
	f.receive(t, reached("early"))
	if s := f.states(t); s["in_doubt"] != 1 {
		t.Fatalf("a receipt without a known id moved a part: %v", s)
	}
	op.open[0](outbox.Answer{Outcome: outbox.Sent, ID: "early"})
	runtest.Eventually(t, "it is delivered", func() bool { return f.states(t)["delivered"] == 1 })
}

func TestManyReceiptsRaceTheirResponses(t *testing.T) {
	t.Parallel()
	const n = 300
	f := setUp(t, nil)
	runtest.Start(t, f.Run)
	var receipts sync.WaitGroup
	op := &operator{}
	op.answer = func(i int, _ outbox.Part) (outbox.Answer, bool) {
		id := fmt.Sprint("r", i)
		receipts.Go(func() {
			if err := f.Receive(t.Context(), outbox.Receipt{Operator: "north", ID: id, Reached: true}); err != nil {
				t.Error(err)
			}
		})
		return outbox.Answer{Outcome: outbox.Sent, ID: id}, true
	}
	var list []message.Outbound
	for i := range n {
		list = append(list, told(i, message.Information))
	}
	f.enqueue(t, list...)
	f.serve(t, north, op)
	runtest.Eventually(t, "all are delivered", func() bool { return f.states(t)["delivered"] == n })
	receipts.Wait()
}

func TestReceiptSettlesADoubtByOurReference(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: silent}
	f.enqueue(t, told(1, message.Code), told(2, message.Code))
	f.serve(t, north, op)
	runtest.Start(t, f.Run)
	runtest.Eventually(t, "both are written", func() bool { return op.count() == 2 })
	op.cut()
	ref := op.ledger[0].Reference
	f.receive(t, outbox.Receipt{ID: "x", Reached: true, From: number(2), Reference: &ref}) // somebody else's phone
	f.receive(t, outbox.Receipt{ID: "y", Reached: true, From: number(1), Reference: &ref})
	if s := f.states(t); s["delivered"] != 1 || s["in_doubt"] != 1 {
		t.Fatalf("states are %v", s)
	}
	f.clock.Advance(121 * time.Second)
	runtest.Eventually(t, "the other code is given up", func() bool { return f.states(t)["unknown"] == 1 })
	if op.count() != 2 {
		t.Error("a one-time code was sent twice")
	}
}

// The operator's word may come after the doubt was decided without it: what
// was given up has arrived, what waits to be sent again is not.
func TestAReceiptByOurReferenceAfterTheDoubtWasDecided(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class   message.Class
		decided string
		says    outbox.Receipt
		want    string
	}{
		{message.Code, "unknown", outbox.Receipt{Reached: true}, "delivered"},
		{message.Code, "unknown", outbox.Receipt{}, "accepted"},
		{message.Code, "unknown", outbox.Receipt{Failed: true}, "unknown"},
		{message.Decision, "queued", outbox.Receipt{Reached: true}, "delivered"},
		{message.Decision, "queued", outbox.Receipt{}, "accepted"},
	} {
		t.Run(fmt.Sprint(c.decided, " ", c.want), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, nil)
			op := &operator{answer: silent}
			f.enqueue(t, told(1, c.class), told(2, c.class))
			stop := f.serve(t, north, op)
			runtest.Eventually(t, "both are written", func() bool { return op.count() == 2 })
			op.cut()
			long := 121 * time.Second
			if c.decided == "queued" { // nobody is bound: it waits to be sent again
				stop()
				long = 7 * time.Hour
			}
			runtest.Start(t, f.Run)
			f.clock.Advance(long)
			runtest.Eventually(t, "the doubt is decided", func() bool { return f.states(t)[c.decided] == 2 })
			ref := op.ledger[0].Reference
			c.says.ID, c.says.From, c.says.Reference = "late", number(1), &ref
			f.receive(t, c.says)
			if s := f.states(t); s[c.want] < 1 || s[c.want]+s[c.decided] < 2 {
				t.Errorf("states are %v, want one %s", s, c.want)
			}
		})
	}
}

func TestLateResponseStopsTheRepeat(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	op := &operator{answer: silent}
	f.enqueue(t, told(1, message.Decision))
	stop := f.serve(t, north, op)
	runtest.Eventually(t, "it is written", func() bool { return op.count() == 1 })
	op.cut()
	stop()
	f.clock.Advance(7 * time.Hour)
	runtest.Start(t, f.Run)
	runtest.Eventually(t, "it waits to be sent again", func() bool { return f.states(t)["queued"] == 1 })
	if err := f.Late(t.Context(), north, op.ledger[0], outbox.Answer{Outcome: outbox.Sent, ID: "late"}); err != nil {
		t.Fatal(err)
	}
	if s := f.states(t); s["accepted"] != 1 {
		t.Errorf("states are %v", s)
	}
}

func TestDoubtIsResolvedByPolicy(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprint("hold ", hold), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, nil)
			if hold {
				f.hold = []string{"south", "north"}
			}
			op := &operator{answer: func(n int, p outbox.Part) (outbox.Answer, bool) {
				if n == 1 {
					return outbox.Answer{Outcome: outbox.Unknown}, true
				}
				return accept(n, p)
			}}
			f.enqueue(t, told(1, message.Decision))
			f.serve(t, north, op)
			runtest.Start(t, f.Run)
			runtest.Eventually(t, "it is in doubt", func() bool { return f.states(t)["in_doubt"] == 1 })
			f.clock.Advance(119 * time.Second)
			if err := f.Receive(t.Context(), outbox.Receipt{Operator: "north", ID: "none"}); err != nil {
				t.Fatal(err)
			}
			if s := f.states(t); s["in_doubt"] != 1 {
				t.Fatalf("decided too early: %v", s)
			}
			f.clock.Advance(2 * time.Second)
			want := "accepted"
			if hold {
				want = "unknown"
			}
			runtest.Eventually(t, "it is decided", func() bool { return f.states(t)[want] == 1 })
		})
	}
}

// A handset that is off: tried again twice, then the second number, then the
// list of those to call.
func TestUndeliveredTextGoesOnToTheSecondNumberAndTheCallList(t *testing.T) {
	t.Parallel()
	people := contacts{1: {Msisdn: number(1), Second: number(2), Lang: text.French}}
	f := setUp(t, people)
	f.account(t, 1)
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Start(t, f.Run)
	f.enqueue(t, message.Outbound{Account: 1, Class: message.Decision, Line: text.L("permit.granted", nil), Dedupe: "g"})
	for n := 1; n <= 6; n++ {
		runtest.Eventually(t, fmt.Sprint("write ", n), func() bool {
			f.clock.Advance(time.Minute)
			return op.count() >= n
		})
		runtest.Eventually(t, "its answer is stored", func() bool { return f.states(t)["accepted"] == 1 })
		f.receive(t, failed(fmt.Sprint("m", n)))
	}
	for i, p := range op.ledger {
		if want := number(1 + i/3); p.To != want {
			t.Errorf("write %d went to the wrong number", i+1)
		}
	}
	var id int64
	err := f.db.QueryRow(t.Context(), `select message_id from message_part where state = 'undelivered' and operator = 'north'
		and not exists (select from message_told s where s.occasion = 'second:' || message_id)`).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	body, err := f.Body(t.Context(), id)
	if err != nil || body.Raw() != string(op.ledger[0].Payload) {
		t.Errorf("body of the text to tell by voice: %v, %v", body, err)
	}
}
