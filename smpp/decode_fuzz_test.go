package smpp

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzStream: what one decoder hands out for many PDUs is what each gives
// alone, and stays so while it goes on: the room that they share is never
// written again.
func FuzzStream(f *testing.F) {
	m := ShortMessage{Command: DeliverSM, ServiceType: "USSD", Source: Address{1, 1, "212600000001"}, Payload: []byte("*369#")}
	m.TLVs.SetUint8(TagUSSDServiceOp, 1)
	m.TLVs.Set(TagITSSessionInfo, []byte{1, 0})
	one, err := AppendMessage(nil, 1, &m)
	if err != nil {
		f.Fatal(err)
	}
	m.UsePayloadTLV = true
	two, err := AppendMessage(bytes.Clone(one), 2, &m)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := AppendResponse(bytes.Clone(two), SubmitSM, StatusOK, 3, Reply{MessageID: "W1", TLVs: m.TLVs})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add(two)
	f.Add(answer)
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames := NewFrameReader(bytes.NewReader(stream), 4096)
		shared := forMany()
		var got, want []any
		for {
			h, body, err := frames.Next()
			if err != nil {
				break
			}
			switch {
			case h.Command.isMessage():
				a, errA := shared.message(h.Command, body)
				b, errB := DecodeMessage(h.Command, bytes.Clone(body))
				if (errA == nil) != (errB == nil) {
					t.Fatalf("together %v, alone %v", errA, errB)
				}
				got, want = append(got, a), append(want, b)
			case h.Command.IsResponse():
				got, want = append(got, shared.reply(body)), append(want, DecodeReply(bytes.Clone(body)))
			}
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("alone (-) and together (+):\n%s", cmp.Diff(want, got))
		}
	})
}
