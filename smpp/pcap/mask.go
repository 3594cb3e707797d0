package pcap

import (
	"bytes"
	"encoding/binary"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

const (
	headerLen = 16 // [SMPP 3.4 §3.2]
	filler    = 'x'
	shown     = 5 // characters of an address that stay
)

// Mask copies a PDU so that it may be shown to others. Of an address the
// first five characters stay; of texts, passwords and distribution lists the
// length; of a user data header what places a part or names a language. Names
// of systems, message ids and times stay.
// Whatever is not understood becomes zeros: unknown commands and parameters,
// and all that follows a malformed field. The length never changes.
func Mask(frame []byte) []byte {
	out := make([]byte, len(frame))
	if copy(out, frame[:min(len(frame), headerLen)]) < headerLen {
		clear(out)
		return out
	}
	m := masker{in: frame[headerLen:], out: out[headerLen:]}
	fields, known := layouts[smpp.Command(binary.BigEndian.Uint32(frame[4:]))]
	for _, k := range fields {
		m.field(k)
	}
	if known {
		m.parameters()
	}
	return out
}

// kind is how one field is laid out, and so what of it may be seen.
type kind uint8

const (
	octet     kind = iota
	esmClass       // an octet that tells whether the text begins with a header
	service        // C-octet string: a service_type
	name           // C-octet string that names a system
	secret         // C-octet string of which the length stays
	addr           // C-octet string with an address
	id             // C-octet string with a message id
	when           // C-octet string with a time
	text           // sm_length and short_message
	dests          // number_of_dests and the destinations of submit_multi
	unreached      // no_unsuccess and the destinations of submit_multi_resp
)

// layouts holds the mandatory parts; optional parameters follow each.
// [SMPP 3.4 §4]
var layouts = map[smpp.Command][]kind{
	smpp.BindReceiver:        {name, secret, name, octet, octet, octet, addr},
	smpp.BindTransmitter:     {name, secret, name, octet, octet, octet, addr},
	smpp.BindTransceiver:     {name, secret, name, octet, octet, octet, addr},
	smpp.BindReceiverResp:    {name},
	smpp.BindTransmitterResp: {name},
	smpp.BindTransceiverResp: {name},
	smpp.Outbind:             {name, secret},
	smpp.SubmitSM:            {service, octet, octet, addr, octet, octet, addr, esmClass, octet, octet, when, when, octet, octet, octet, octet, text},
	smpp.DeliverSM:           {service, octet, octet, addr, octet, octet, addr, esmClass, octet, octet, when, when, octet, octet, octet, octet, text},
	smpp.SubmitMulti:         {service, octet, octet, addr, dests, esmClass, octet, octet, when, when, octet, octet, octet, octet, text},
	smpp.DataSM:              {service, octet, octet, addr, octet, octet, addr, esmClass, octet, octet},
	smpp.SubmitSMResp:        {id},
	smpp.DeliverSMResp:       {id},
	smpp.DataSMResp:          {id},
	smpp.SubmitMultiResp:     {id, unreached},
	smpp.QuerySM:             {id, octet, octet, addr},
	smpp.QuerySMResp:         {id, when, octet, octet},
	smpp.CancelSM:            {service, id, octet, octet, addr, octet, octet, addr},
	smpp.ReplaceSM:           {id, octet, octet, addr, when, when, octet, octet, text},
	smpp.AlertNotification:   {octet, octet, addr, octet, octet, addr},
}

// plain lists the parameters that hold neither number nor text, with the
// greatest size of each. [SMPP 3.4 §5.3.2, 5.0 §4.8.4]
var plain = map[smpp.Tag]int{
	smpp.TagDestAddrSubunit: 1, smpp.TagDestNetworkType: 1, smpp.TagDestBearerType: 1, smpp.TagDestTelematicsID: 2,
	smpp.TagSourceAddrSubunit: 1, smpp.TagSourceNetworkType: 1, smpp.TagSourceBearerType: 1, smpp.TagSourceTelematicsID: 1,
	smpp.TagQOSTimeToLive: 4, smpp.TagPayloadType: 1, smpp.TagMSMsgWaitFacilities: 1, smpp.TagPrivacyIndicator: 1,
	smpp.TagUserMessageReference: 2, smpp.TagSourcePort: 2, smpp.TagDestinationPort: 2,
	smpp.TagSARMsgRefNum: 2, smpp.TagSARTotalSegments: 1, smpp.TagSARSegmentSeqnum: 1, smpp.TagLanguageIndicator: 1,
	smpp.TagSCInterfaceVersion: 1, smpp.TagCallbackNumPresInd: 1, smpp.TagNumberOfMessages: 1,
	smpp.TagDPFResult: 1, smpp.TagSetDPF: 1, smpp.TagMSAvailabilityStatus: 1, smpp.TagNetworkErrorCode: 3,
	smpp.TagDeliveryFailureReason: 1, smpp.TagMoreMessagesToSend: 1, smpp.TagMessageState: 1, smpp.TagCongestionState: 1,
	smpp.TagUSSDServiceOp: 1, smpp.TagDisplayTime: 1, smpp.TagSMSSignal: 2, smpp.TagMSValidity: 4,
	smpp.TagAlertOnMessageDelivery: 1, smpp.TagITSReplyType: 1, smpp.TagITSSessionInfo: 2,
}

// masker copies what may be seen from in to out, which holds zeros before.
type masker struct {
	in, out []byte
	header  bool // esm_class says that the text begins with a header
	bad     bool // a field was malformed: nothing further is copied
}

// take yields the next n octets, here and there.
func (m *masker) take(n int) (in, out []byte) {
	if m.bad || n > len(m.in) {
		m.bad = true
		return nil, nil
	}
	in, out = m.in[:n], m.out[:n]
	m.in, m.out = m.in[n:], m.out[n:]
	return in, out
}

// octet copies one octet, which is 0 where it is missing.
func (m *masker) octet() byte {
	in, out := m.take(1)
	if len(in) == 0 {
		return 0
	}
	out[0] = in[0]
	return in[0]
}

// cstring yields the next C-octet string without its NUL.
func (m *masker) cstring() (in, out []byte) {
	n := bytes.IndexByte(m.in, 0)
	if n < 0 {
		m.bad = true
		return nil, nil
	}
	in, out = m.take(n + 1)
	return in[:max(0, len(in)-1)], out[:max(0, len(out)-1)]
}

func (m *masker) field(k kind) {
	switch k {
	case octet:
		m.octet()
	case esmClass:
		m.header = m.octet()&smpp.ESMClassUDHI != 0
	case service, addr:
		begin(m.cstring())
	case name:
		in, out := m.cstring()
		keep(in, out, 15) // of system_id, the longest
	case id:
		in, out := m.cstring()
		keep(in, out, 64)
	case secret:
		_, out := m.cstring()
		fill(out)
	case when:
		in, out := m.cstring()
		if isTime(in) {
			copy(out, in)
		} else {
			fill(out)
		}
	case text:
		m.text(m.take(int(m.octet())))
	case dests:
		for range m.octet() {
			m.destination()
		}
	case unreached:
		for range m.octet() {
			for _, k := range []kind{octet, octet, addr, octet, octet, octet, octet} {
				m.field(k)
			}
		}
	}
}

// destination copies one address of submit_multi. [SMPP 3.4 §4.5.1.1]
func (m *masker) destination() {
	switch m.octet() {
	case 1:
		m.octet()
		m.octet()
		m.field(addr)
	case 2:
		m.field(secret)
	default:
		m.bad = true
	}
}

// text hides a text, after its header where that says nothing but its place.
func (m *masker) text(in, out []byte) {
	if !m.header || len(in) == 0 {
		fill(out)
		return
	}
	if n := int(in[0]) + 1; n <= len(in) && placesOnly(in[:n]) {
		copy(out[:n], in)
		fill(out[n:])
	}
}

// placesOnly reports whether a user data header holds nothing but the place
// of a part and languages: anything else in it may be text.
func placesOnly(udh []byte) bool {
	c, l, err := gsm.ParseHeader(udh)
	if err != nil {
		return false
	}
	n := 1
	if c != (gsm.Concat{}) {
		n += len(c.UDH()) - 1
	}
	if l.Locking != 0 {
		n += 3
	}
	if l.Single != 0 {
		n += 3
	}
	return n == len(udh)
}

func (m *masker) parameters() {
	for !m.bad && len(m.in) >= 4 {
		head := m.in[:4]
		tag, n := smpp.Tag(binary.BigEndian.Uint16(head)), int(binary.BigEndian.Uint16(head[2:]))
		if 4+n > len(m.in) {
			return
		}
		_, out := m.take(4)
		copy(out, head)
		in, out := m.take(n)
		switch most, ok := plain[tag]; {
		case ok:
			keep(in, out, most)
		case tag == smpp.TagReceiptedMessageID:
			keep(in, out, 65)
		case tag == smpp.TagMessagePayload:
			m.text(in, out)
		case tag == smpp.TagAdditionalStatusInfoText && n > 0 && in[n-1] == 0:
			fill(out[:n-1])
		}
	}
}

// keep copies a value of at most most octets, and hides a longer one.
func keep(in, out []byte, most int) {
	if len(in) <= most {
		copy(out, in)
	} else {
		fill(out)
	}
}

func begin(in, out []byte) {
	fill(out)
	copy(out, in[:min(len(in), shown)])
}

func fill(out []byte) {
	for i := range out {
		out[i] = filler
	}
}

// isTime accepts the times of SMPP 3.4 §7.1.1, so that nothing else passes
// for one.
func isTime(b []byte) bool {
	if len(b) != 16 {
		return len(b) == 0
	}
	for _, c := range b[:15] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return b[15] == '+' || b[15] == '-' || b[15] == 'R'
}
