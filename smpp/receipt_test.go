package smpp_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/smpp"
)

var (
	submitted = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	done      = submitted.Add(time.Minute)
)

var receiptTexts = []struct {
	name, text string
	want       smpp.Receipt
	ok         bool
}{
	{
		"appendix B",
		"id:0123456789 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Demande",
		smpp.Receipt{ID: "0123456789", Sub: 1, Dlvrd: 1, Submitted: submitted, Done: done, State: smpp.MessageDelivered, Err: "000", Text: "Demande"},
		true,
	},
	{
		"capitals and seconds",
		"ID:AB-12 SUB:001 DLVRD:000 SUBMIT DATE:261121120000 DONE DATE:20261121120100 STAT:UNDELIV ERR:0x1B TEXT:",
		smpp.Receipt{ID: "AB-12", Sub: 1, Submitted: submitted, Done: done, State: smpp.MessageUndeliverable, Err: "0x1B"},
		true,
	},
	{
		"no sub, no dates", "id:7f stat:EXPIRED err:1234",
		smpp.Receipt{ID: "7f", State: smpp.MessageExpired, Err: "1234"},
		true,
	},
	{
		"other order", "stat:REJECTD id:550e8400-e29b-41d4-a716-446655440000",
		smpp.Receipt{ID: "550e8400-e29b-41d4-a716-446655440000", State: smpp.MessageRejected},
		true,
	},
	{"long words", "id:1 stat:DELIVERED", smpp.Receipt{ID: "1", State: smpp.MessageDelivered}, true},
	{
		"keys inside the text", "id:1 stat:ENROUTE text:id:2 stat:DELIVRD",
		smpp.Receipt{ID: "1", State: smpp.MessageEnroute, Text: "id:2 stat:DELIVRD"},
		true,
	},
	{"a word nobody knows", "id:1 stat:PARKED", smpp.Receipt{ID: "1", State: smpp.MessageUnknown}, true},
	{
		"bad dates and counts", "id:1 sub:x submit date:99 done date:nonsense9 stat:DELIVRD",
		smpp.Receipt{ID: "1", State: smpp.MessageDelivered},
		true,
	},
	{"no state", "id:1 err:000", smpp.Receipt{ID: "1", Err: "000"}, false},
	{"no id", "stat:DELIVRD", smpp.Receipt{State: smpp.MessageDelivered}, false},
	{"empty values", "id: stat:", smpp.Receipt{State: smpp.MessageUnknown}, false},
	{"nothing", "", smpp.Receipt{}, false},
	{"a citizen's words", "ma video: stat", smpp.Receipt{}, false},
}

func TestReceiptText(t *testing.T) {
	t.Parallel()
	for _, c := range receiptTexts {
		got, ok := smpp.ParseReceiptText(c.text)
		if diff := cmp.Diff(c.want, got); ok != c.ok || diff != "" {
			t.Errorf("%s: ok %v (-want +got):\n%s", c.name, ok, diff)
		}
	}
}

func TestReceiptPrefersParameters(t *testing.T) {
	t.Parallel()
	m := smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: smpp.ESMClassReceipt, Payload: []byte("id:99 stat:ENROUTE")}
	m.TLVs.SetString(smpp.TagReceiptedMessageID, "0A1B")
	m.TLVs.SetUint8(smpp.TagMessageState, 2)
	m.TLVs.Set(smpp.TagNetworkErrorCode, []byte{3, 0, 27})
	got, ok := smpp.ParseReceipt(m)
	want := smpp.Receipt{ID: "0A1B", State: smpp.MessageDelivered, Err: "27"}
	if !ok || got != want {
		t.Errorf("got %+v %v", got, ok)
	}
}

func TestReceiptInUCS2(t *testing.T) {
	t.Parallel()
	var payload []byte
	for _, c := range []byte("id:7 stat:DELIVRD") {
		payload = append(payload, 0, c)
	}
	m := smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: smpp.ESMClassReceipt, DataCoding: 8, Payload: payload}
	if got, ok := smpp.ParseReceipt(m); !ok || got.ID != "7" || got.State != smpp.MessageDelivered {
		t.Errorf("got %+v %v", got, ok)
	}
}

func TestWhatIsAReceipt(t *testing.T) {
	t.Parallel()
	forged := smpp.ShortMessage{Command: smpp.DeliverSM, Payload: []byte("id:1 sub:001 dlvrd:001 stat:DELIVRD err:000")}
	byTLV := smpp.ShortMessage{Command: smpp.DeliverSM}
	byTLV.TLVs.SetString(smpp.TagReceiptedMessageID, "1")
	byTLV.TLVs.SetUint8(smpp.TagMessageState, 1)
	cases := []struct {
		name string
		m    smpp.ShortMessage
		want bool
	}{
		{"receipt", smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: 0x04}, true},
		{"receipt with UDHI", smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: 0x44}, true},
		{"intermediate", smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: 0x20}, true},
		{"by data_sm", smpp.ShortMessage{Command: smpp.DataSM, ESMClass: 0x04}, true},
		{"by its parameters", byTLV, true},
		{"plain", smpp.ShortMessage{Command: smpp.DeliverSM}, false},
		{"acknowledgement by a phone", smpp.ShortMessage{Command: smpp.DeliverSM, ESMClass: 0x08}, false},
		{"submit_sm", smpp.ShortMessage{Command: smpp.SubmitSM, ESMClass: 0x04}, false},
		{"a text that looks like one", forged, false},
	}
	for _, c := range cases {
		if got := c.m.IsReceipt(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if _, ok := smpp.ParseReceipt(c.m); ok && !c.want {
			t.Errorf("%s: parsed", c.name)
		}
	}
}
