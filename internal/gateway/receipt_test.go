package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// by is how a receipt tells what it tells: with the message it is about, and
// the id as the operator writes it in receipts.
type by func(m smpp.ShortMessage, id string) smpp.ShortMessage

func inText(text string) by {
	return func(m smpp.ShortMessage, id string) smpp.ShortMessage {
		return smpp.ShortMessage{Source: m.Dest, Dest: m.Source, ESMClass: smpp.ESMClassReceipt, Payload: []byte(strings.ReplaceAll(text, "ID", id))}
	}
}

func inTLVs(state smpp.MessageState) by {
	return func(m smpp.ShortMessage, id string) smpp.ShortMessage {
		r := smpp.ShortMessage{Source: m.Dest, Dest: m.Source}
		r.TLVs.Set(smpp.TagReceiptedMessageID, append([]byte(id), 0))
		r.TLVs.SetUint8(smpp.TagMessageState, uint8(state))
		return r
	}
}

func marked(b by) by {
	return func(m smpp.ShortMessage, id string) smpp.ShortMessage {
		r := b(m, id)
		r.ESMClass |= smpp.ESMClassReceipt
		return r
	}
}

func unmarked(b by) by {
	return func(m smpp.ShortMessage, id string) smpp.ShortMessage {
		r := b(m, id)
		r.ESMClass = 0
		return r
	}
}

func wide(b by) by {
	return func(m smpp.ShortMessage, id string) smpp.ShortMessage {
		r := b(m, id)
		r.DataCoding, r.Payload = 8, gsm.EncodeUCS2(string(r.Payload))
		return r
	}
}

const usual = "id:ID sub:001 dlvrd:001 submit date:2611200900 done date:2611200901 stat:DELIVRD err:000 text:Votre dem"

func TestReceiptsOfEveryForm(t *testing.T) {
	t.Parallel()
	delivered := []by{inText(usual)}
	for settings, cases := range map[string]map[string]struct {
		response, receipt string
		say               []by
		state             string
	}{
		"": {
			"text":                     {"A1", "A1", delivered, "delivered"},
			"text, other case":         {"a2", "A2", []by{inText("Id:ID STAT:delivrd ERR:0")}, "delivered"},
			"text, no dates":           {"A3", "A3", []by{inText("id:ID stat:DELIVRD")}, "delivered"},
			"text, other order":        {"A4", "A4", []by{inText("stat:DELIVRD err:000 id:ID")}, "delivered"},
			"text, long error":         {"A5", "A5", []by{inText("id:ID sub:1 dlvrd:1 stat:DELIVRD err:EC-00017")}, "delivered"},
			"text in UCS-2":            {"A6", "A6", []by{wide(inText(usual))}, "delivered"},
			"TLVs":                     {"A7", "A7", []by{marked(inTLVs(smpp.MessageDelivered))}, "delivered"},
			"TLVs, not marked":         {"A8", "A8", []by{inTLVs(smpp.MessageDelivered)}, "delivered"},
			"zeros and case":           {"000A9F", "a9f", delivered, "delivered"},
			"UUID":                     {"3F2504E0-4F89-11D3-9A0C-0305E82C3301", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", delivered, "delivered"},
			"twice":                    {"B1", "B1", []by{inText(usual), inText(usual)}, "delivered"},
			"on its way after the end": {"B2", "B2", []by{inText(usual), inText("id:ID stat:ENROUTE"), inTLVs(smpp.MessageEnroute)}, "delivered"},
			"failure after the end":    {"B3", "B3", []by{inText(usual), inText("id:ID stat:UNDELIV")}, "delivered"},
			"on its way":               {"B4", "B4", []by{inText("id:ID stat:ENROUTE"), inText("id:ID stat:ACCEPTD")}, "accepted"},
			"on its way, then there":   {"B5", "B5", []by{inText("id:ID stat:ENROUTE"), inText(usual)}, "delivered"},
			"not there, tried again":   {"B6", "B6", []by{inText("id:ID stat:UNDELIV err:011")}, "later"},
			"TLV and text that contradict": {"B7", "B7", []by{func(m smpp.ShortMessage, id string) smpp.ShortMessage {
				r := inText("id:nonsense stat:UNDELIV")(m, id)
				r.TLVs = inTLVs(smpp.MessageDelivered)(m, id).TLVs
				return r
			}}, "delivered"},
			"not there in time":            {"E1", "E1", []by{inText("id:ID stat:EXPIRED")}, "later"},
			"taken off there":              {"E2", "E2", []by{inText("id:ID stat:DELETED")}, "later"},
			"refused there":                {"E3", "E3", []by{inText("id:ID stat:REJECTD")}, "later"},
			"skipped there":                {"E4", "E4", []by{marked(inTLVs(smpp.MessageSkipped))}, "later"},
			"nobody knows":                 {"E5", "E5", []by{inText("id:ID stat:UNKNOWN")}, "accepted"},
			"scheduled":                    {"E6", "E6", []by{marked(inTLVs(smpp.MessageScheduled))}, "accepted"},
			"a word of their own":          {"E7", "E7", []by{inText("id:ID stat:BUFFERD")}, "accepted"},
			"another's id":                 {"B8", "B9", delivered, "accepted"},
			"not marked, and no such wish": {"C1", "C1", []by{unmarked(inText(usual))}, "accepted"},
			"marked and unreadable":        {"C2", "C2", []by{inText("delivered, thank you")}, "accepted"},
			"intermediate, then the end": {"C3", "C3", []by{func(m smpp.ShortMessage, id string) smpp.ShortMessage {
				r := inText("id:ID stat:ENROUTE")(m, id)
				r.ESMClass = smpp.ESMClassIntermediate
				return r
			}, inText(usual)}, "delivered"},
			"with a header before the text": {"C4", "C4", []by{func(m smpp.ShortMessage, id string) smpp.ShortMessage {
				r := inText(usual)(m, id)
				r.ESMClass |= smpp.ESMClassUDHI
				r.Payload = append([]byte{2, 0x70, 0}, r.Payload...)
				return r
			}}, "delivered"},
		},
		"id_in_response = \"hex\"\nid_in_receipt = \"dec\"": {
			"hex and decimal":            {"0000001F", "31", delivered, "delivered"},
			"hex and decimal with zeros": {"2F", "0000000047", delivered, "delivered"},
			"hex and decimal, by TLVs":   {"3f", "63", []by{marked(inTLVs(smpp.MessageDelivered))}, "delivered"},
		},
		"id_in_response = \"dec\"\nid_in_receipt = \"hex\"": {
			"decimal and hex":        {"4294967297", "100000001", delivered, "delivered"},
			"decimal and hex, zeros": {"0000000079", "0000004F", delivered, "delivered"},
		},
		"receipts_by_text = true": {
			"by its text":              {"D1", "D1", []by{unmarked(inText(usual))}, "delivered"},
			"by its text, in UCS-2":    {"D2", "D2", []by{unmarked(wide(inText(usual)))}, "delivered"},
			"not quite like a receipt": {"D3", "D3", []by{unmarked(inText("id:ID stat:DELIVRD"))}, "accepted"},
			"a person's words":         {"D4", "D4", []by{unmarked(inText("Bonjour, " + usual))}, "accepted"},
		},
	} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			f := setUp(t, withBinds(settings, "one"))
			n := 0
			for name, c := range cases {
				n++
				f.mu.Lock()
				f.answer = func(int, smpp.ShortMessage) (smpp.Reply, error) { return smpp.Reply{MessageID: c.response}, nil }
				f.mu.Unlock()
				f.tell(t, told(n, name))
				runtest.Eventually(t, name+" is accepted", func() bool { return f.newest(t) == "accepted" })
				for _, say := range c.say {
					if s := f.deliver(t, say(f.submitted()[n-1], c.receipt)); s != smpp.StatusOK {
						t.Errorf("%s: answered with %v", name, s)
					}
				}
				if got := f.newest(t); got != c.state {
					t.Errorf("%s: %s, want %s", name, got, c.state)
				}
			}
		})
	}
}

// newest is the state of the last text.
func (f *fixture) newest(t *testing.T) (state string) {
	t.Helper()
	if err := f.db.QueryRow(context.Background(), `select state from message_part order by id desc limit 1`).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestAReceiptBeforeItsResponse(t *testing.T) {
	t.Parallel()
	f := setUp(t, oneBind)
	f.mu.Lock()
	f.answer = func(n int, m smpp.ShortMessage) (smpp.Reply, error) {
		_ = f.deliver(t, receiptFor(m, fmt.Sprint(n), "DELIVRD"))
		return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
	}
	f.mu.Unlock()
	f.tell(t, many(30)...)
	runtest.Eventually(t, "all are delivered", func() bool { return f.states(t, "message_part")["delivered"] == 30 })
}

func TestAReceiptOnAnotherBindAndAfterARestart(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds("", "one mode = \"transmitter\"", "two mode = \"receiver\""))
	f.tell(t, many(2)...)
	runtest.Eventually(t, "both are accepted", func() bool { return f.states(t, "message_part")["accepted"] == 2 })
	first, second := f.submitted()[0], f.submitted()[1]
	say := func(m smpp.ShortMessage, id string) {
		receivers := f.sessions("two")
		r := receiptFor(m, id, "DELIVRD")
		r.Command = smpp.DeliverSM
		if _, err := receivers[len(receivers)-1].Submit(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	say(first, "00000001")
	if s := f.states(t, "message_part"); s["delivered"] != 1 {
		t.Errorf("on another bind: %v", s)
	}
	f.stop()
	f.start(t)
	f.allUp(t)
	runtest.Eventually(t, "the receiver is bound again", func() bool { return len(f.sessions("two")) == 2 })
	say(second, "00000002")
	if s := f.states(t, "message_part"); s["delivered"] != 2 {
		t.Errorf("after a restart: %v", s)
	}
}
