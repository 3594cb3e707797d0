package gateway_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
)

// frames keeps the octets of submit_sm and the answers to deliver_sm as they
// stand on the wire.
type frames struct {
	mu  sync.Mutex
	all []string
}

func (f *frames) keep(h smpp.Header, body []byte) {
	if h.Command == smpp.SubmitSM || h.Command == smpp.DeliverSMResp {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.all = append(f.all, fmt.Sprintf("%08x %08x %x", uint32(h.Command), uint32(h.Status), body))
	}
}

func (f *frames) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

// octets joins hex written with spaces and lines for a person to read.
func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// turn is a deliver_sm and the submit_sm that must follow it, bodies only;
// none where there is nothing to answer.
type turn struct{ deliver, submit string }

const (
	usage   = "5553534400"                       // service_type "USSD"
	phone   = "01 01 32313236313230303030303100" // 212612000001, international, ISDN
	code    = "00 01 2a3336392300"               // *369#
	bare    = "00 01 33363900"                   // 369
	fixed   = "00 00 00 00 00 00 00"             // esm_class to replace_if_present
	dialSM  = "00 00 05 2a33363923"              // data_coding 0, the text *369#
	oneSM   = "00 00 01 31"                      // 1
	endSM   = "00 00 03 656e64"                  // end
	noSM    = "00 00 00"                         // no text
	begun   = "00 00 0b 626567696e202a33363923"  // begin *369#
	one     = "00 00 08 616e737765722031"        // answer 1
	ended   = "00 00 0a 616e7377657220656e64"    // answer end
	opBegin = "0501 0001 01"
	opReply = "0501 0001 12"
	opAbort = "0501 0001 81"
	opOpen  = "0501 0001 02"
	opEnd   = "0501 0001 11"
)

func info(octets string) string      { return "1383 0002 " + octets }
func reference(octets string) string { return "0204 0002 " + octets }

// dialects gives a dialogue in each shipped dialect, and in one of settings,
// octet for octet.
func dialects() map[string]struct {
	settings string
	turns    []turn
} {
	in := func(parts ...string) string { return usage + phone + strings.Join(parts, "") }
	out := func(from string, parts ...string) string {
		return usage + from + phone + fixed + strings.Join(parts, "")
	}
	return map[string]struct {
		settings string
		turns    []turn
	}{
		"spec": {`dialect = "spec"`, []turn{
			{in(code, fixed, dialSM, opBegin, info("2100")), out(code, begun, opOpen, info("2102"))},
			{in(code, fixed, oneSM, opReply, info("2102"), reference("0007")), out(code, one, opOpen, info("2104"), reference("0007"))},
			{in(code, fixed, endSM, opReply, info("2104")), out(code, ended, opEnd, info("2107"))},
			{in(code, fixed, noSM, opAbort, info("2106")), ""},
			{in(code, fixed, noSM, opReply, info("2107")), ""}, // their end bit
		}},
		"six-dee": {`dialect = "six-dee"`, []turn{
			{in(code, fixed, dialSM, opBegin, info("a1b0")), out(code, begun, opOpen, info("a1b0"))},
			{in(code, fixed, oneSM, opReply, info("a1b0")), out(code, one, opOpen, info("a1b0"))},
			{in(code, fixed, endSM, opReply, info("a1b0")), out(code, ended, opEnd, info("a1b1"))},
			{in(code, fixed, noSM, opBegin, info("a1b1")), ""}, // the bit goes before the operation
			{in(code, fixed, noSM, opAbort, info("a1b0")), ""},
		}},
		"tata": {`dialect = "tata"`, []turn{
			{in(code, fixed, noSM, opBegin, info("0a10")), out(code, begun, opOpen, info("0a10"))},
			{in(code, fixed, oneSM, opReply, info("0a10")), out(code, one, opOpen, info("0a10"))},
			{in(code, fixed, endSM, opReply, info("0a10")), out(code, ended, opEnd, info("0a11"))},
		}},
		"mica": {`dialect = "mica"`, []turn{
			{in(bare, fixed, dialSM, opBegin, reference("0042")), out(bare, begun, opOpen, reference("0042"))},
			{in(bare, fixed, oneSM, opReply, reference("0042")), out(bare, one, opOpen, reference("0042"))},
			{in(bare, fixed, endSM, opReply, reference("0042")), out(bare, ended, opEnd, reference("0042"))},
			{in(bare, fixed, noSM, opAbort, reference("0042")), ""},
		}},
		"huawei-msisdn": {`dialect = "huawei-msisdn"`, []turn{
			{in(bare, fixed, dialSM), out(bare, begun, opOpen)},
			{in(bare, fixed, oneSM, opReply), out(bare, one, opOpen)},
			{in(bare, fixed, endSM, opReply), out(bare, ended, opEnd)},
		}},
		"settings": {`
dialect = "tata"
end = "bit"
begin_ops = [0x20]
answer_ops = [0x22]
open_op = 0x21
end_op = 0x21
dialled = "text"
coding_in = "cbs"
coding_gsm7 = 0x0F
coding_ucs2 = 0x48
packed = true`, []turn{
			{
				in(code, fixed, "0f 00 05 aa992d3702", "0501 0001 20", info("0a10")),
				out(code, "0f 00 0a e2f239ed06a966b6dc08", "0501 0001 21", info("0a10")),
			},
			{
				in(code, fixed, "11 00 04 c3b9 0661", "0501 0001 22", info("0a10")),
				out(code, "48 00 10 0061006e0073007700650072 0020 0661", "0501 0001 21", info("0a10")),
			},
			{
				in(code, fixed, "0f 00 03 653719", "0501 0001 22", info("0a10")),
				out(code, "0f 00 09 61f7fc5e9683ca6e32", "0501 0001 21", info("0a11")),
			},
		}},
	}
}

func TestDialectsOctetForOctet(t *testing.T) {
	t.Parallel()
	for name, c := range dialects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := prepare(t, oneBind+"[operator.ussd]\n"+c.settings+"\n")
			seen := &frames{}
			f.frame = seen.keep
			f.start(t)
			f.allUp(t)
			f.mu.Lock()
			link := f.conns[len(f.conns)-1]
			f.mu.Unlock()
			for i, turn := range c.turns {
				body := octets(t, turn.deliver)
				pdu := binary.BigEndian.AppendUint32(nil, uint32(16+len(body)))
				pdu = binary.BigEndian.AppendUint32(pdu, uint32(smpp.DeliverSM))
				pdu = binary.BigEndian.AppendUint32(pdu, 0)
				pdu = binary.BigEndian.AppendUint32(pdu, 0x7000_0000+uint32(i))
				before := seen.count()
				if _, err := link.Write(append(pdu, body...)); err != nil {
					t.Fatal(err)
				}
				want := []string{"80000005 00000000 00"}
				if turn.submit != "" {
					want = append(want, fmt.Sprintf("00000004 00000000 %x", octets(t, turn.submit)))
				}
				runtest.Eventually(t, fmt.Sprintf("turn %d is answered", i), func() bool { return seen.count() >= before+len(want) })
				runtest.Eventually(t, "the dialogue has it", func() bool { return f.dialogue.count() == i+1 })
				seen.mu.Lock()
				got := append([]string(nil), seen.all[before:]...)
				seen.mu.Unlock()
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("turn %d: -want +got\n%s", i, diff)
				}
			}
		})
	}
}
