package smpp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// frame builds a PDU around a body.
func frame(c smpp.Command, seq uint32, body string) []byte {
	b := append(smpp.AppendHeader(nil, c, smpp.StatusOK, seq), body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

const (
	fromShort = "\x03\x00369\x00"
	toPhone   = "\x01\x01212600000001\x00"
	times     = "\x00000002000000000R\x00"

	queryBody   = "A1\x00" + fromShort
	cancelBody  = "\x00A1\x00" + fromShort + toPhone
	replaceBody = "A1\x00" + fromShort + times + "\x01\x00\x05hello"
	multiHead   = "\x00" + fromShort
	multiDests  = "\x02\x01" + toPhone + "\x02families\x00"
	multiBody   = multiHead + multiDests + "\x00\x00\x00" + times + "\x01\x00\x00\x00\x05hello\x02\x04\x00\x02\x12\x34"
)

// clerk is an SMSC's handler that knows every operation.
type clerk struct {
	recorder
	asked []any
	err   error
	id    string // in its answers, instead of what was asked for
}

func (c *clerk) named(id string) string {
	if c.id != "" {
		return c.id
	}
	return id
}

func (c *clerk) Query(_ context.Context, _ *smpp.Session, q smpp.Query) (smpp.QueryResult, error) {
	c.asked = append(c.asked, q)
	return smpp.QueryResult{MessageID: c.named(q.MessageID), FinalDate: "261121120000000+", State: smpp.MessageDelivered, ErrorCode: 3}, c.err
}

func (c *clerk) Cancel(_ context.Context, _ *smpp.Session, q smpp.Cancel) error {
	c.asked = append(c.asked, q)
	return c.err
}

func (c *clerk) Replace(_ context.Context, _ *smpp.Session, q smpp.Replace) error {
	c.asked = append(c.asked, q)
	return c.err
}

func (c *clerk) SubmitMulti(_ context.Context, _ *smpp.Session, m smpp.Multi) (smpp.MultiResult, error) {
	c.asked = append(c.asked, m)
	return smpp.MultiResult{MessageID: c.named("M1"), Failed: []smpp.Unreached{{Dest: m.Dests[0].Address, Status: smpp.ErrInvDstAdr}}}, c.err
}

func TestOperationsReachTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &clerk{}
		peer := smpptest.ESME(t, &smpp.Server{Auth: accept, Handler: c})
		peer.Bind()
		for _, x := range []struct {
			command        smpp.Command
			body, response string
		}{
			{smpp.QuerySM, queryBody, "A1\x00261121120000000+\x00\x02\x03"},
			{smpp.CancelSM, cancelBody, ""},
			{smpp.ReplaceSM, replaceBody, ""},
			{smpp.SubmitMulti, multiBody, "M1\x00\x01" + toPhone + "\x00\x00\x00\x0b"},
		} {
			peer.Raw(frame(x.command, 7, x.body))
			h, body := peer.Expect(x.command.Response())
			if h.Status != smpp.StatusOK || h.Seq != 7 || string(body) != x.response {
				t.Errorf("%v: answered %v %q, want %q", x.command, h.Status, body, x.response)
			}
		}
		source := smpp.Address{TON: 3, Addr: "369"}
		dest := smpp.Address{TON: 1, NPI: 1, Addr: "212600000001"}
		want := []any{
			smpp.Query{MessageID: "A1", Source: source},
			smpp.Cancel{MessageID: "A1", Source: source, Dest: dest},
			smpp.Replace{MessageID: "A1", Source: source, ValidityPeriod: "000002000000000R", RegisteredDelivery: 1, Payload: []byte("hello")},
			smpp.Multi{
				Message: smpp.ShortMessage{
					Command: smpp.SubmitMulti, Source: source, ValidityPeriod: "000002000000000R", RegisteredDelivery: 1,
					Payload: []byte("hello"), TLVs: smpp.TLVs{{Tag: smpp.TagUserMessageReference, Value: []byte{0x12, 0x34}}},
				},
				Dests: []smpp.Destination{{Address: dest}, {List: "families"}},
			},
		}
		if diff := cmp.Diff(want, c.asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		if s := fmt.Sprintf("%v %+v %#v", c.asked, c.asked, c.asked); strings.Contains(s, "hello") || strings.Contains(s, "600000001") {
			t.Errorf("printed %s", s)
		}
	})
}

func TestOperationRefusedByTheHandler(t *testing.T) {
	t.Parallel()
	for status, err := range map[smpp.Status]error{
		smpp.ErrCancelFail: fmt.Errorf("sent already: %w", smpp.ErrCancelFail),
		smpp.ErrSysErr:     errors.New("database is down"),
	} {
		bubbleSub(t, func(t *testing.T) {
			peer := smpptest.ESME(t, &smpp.Server{Auth: accept, Handler: &clerk{err: err}})
			peer.Bind()
			for c, body := range map[smpp.Command]string{
				smpp.QuerySM: queryBody, smpp.CancelSM: cancelBody, smpp.ReplaceSM: replaceBody, smpp.SubmitMulti: multiBody,
			} {
				peer.Raw(frame(c, 7, body))
				if h := peer.ExpectStatus(c.Response(), status); h.Length != 16 {
					t.Errorf("%v: a refusal of %d octets", c, h.Length)
				}
			}
		})
	}
}

// A result that no PDU can hold is our failure, not the request's.
func TestOperationWithAnImpossibleResult(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer := smpptest.ESME(t, &smpp.Server{Auth: accept, Handler: &clerk{id: strings.Repeat("1", 65)}})
		peer.Bind()
		for c, body := range map[smpp.Command]string{smpp.QuerySM: queryBody, smpp.SubmitMulti: multiBody} {
			peer.Raw(frame(c, 7, body))
			if h := peer.ExpectStatus(c.Response(), smpp.ErrSysErr); h.Length != 16 {
				t.Errorf("%v: a refusal of %d octets", c, h.Length)
			}
		}
	})
}

// Each request is answered by its own response wherever it has one, whatever
// is wrong with it.
func TestEveryRequestHasItsAnswer(t *testing.T) {
	t.Parallel()
	message := string(pdu(t, "submit_sm text")[16:])
	data := string(pdu(t, "data_sm")[16:])
	none := smpp.Command(0)
	type expected struct {
		response smpp.Command
		status   smpp.Status
	}
	for _, c := range []struct {
		name    string
		command smpp.Command
		body    string
		smsc    expected // a server's answer, bound as transceiver, with a plain Handler
		esme    expected // ours, bound as transceiver
	}{
		{"submit_sm", smpp.SubmitSM, message, expected{smpp.SubmitSMResp, 0}, expected{smpp.SubmitSMResp, smpp.ErrInvBndSts}},
		{"submit_sm without a body", smpp.SubmitSM, "", expected{smpp.SubmitSMResp, smpp.ErrInvCmdLen}, expected{smpp.SubmitSMResp, smpp.ErrInvBndSts}},
		{"deliver_sm", smpp.DeliverSM, message, expected{smpp.DeliverSMResp, smpp.ErrInvBndSts}, expected{smpp.DeliverSMResp, 0}},
		{"deliver_sm without a body", smpp.DeliverSM, "", expected{smpp.DeliverSMResp, smpp.ErrInvBndSts}, expected{smpp.DeliverSMResp, smpp.ErrInvCmdLen}},
		{"data_sm", smpp.DataSM, data, expected{smpp.DataSMResp, 0}, expected{smpp.DataSMResp, 0}},
		{"data_sm without a body", smpp.DataSM, "", expected{smpp.DataSMResp, smpp.ErrInvCmdLen}, expected{smpp.DataSMResp, smpp.ErrInvCmdLen}},
		{"query_sm", smpp.QuerySM, queryBody, expected{smpp.QuerySMResp, smpp.ErrInvCmdID}, expected{smpp.QuerySMResp, smpp.ErrInvBndSts}},
		{"query_sm without a body", smpp.QuerySM, "", expected{smpp.QuerySMResp, smpp.ErrInvCmdLen}, expected{smpp.QuerySMResp, smpp.ErrInvBndSts}},
		{"query_sm with a long id", smpp.QuerySM, strings.Repeat("1", 70) + "\x00\x00\x00\x00", expected{smpp.QuerySMResp, smpp.ErrInvMsgID}, expected{smpp.QuerySMResp, smpp.ErrInvBndSts}},
		{"cancel_sm", smpp.CancelSM, cancelBody, expected{smpp.CancelSMResp, smpp.ErrInvCmdID}, expected{smpp.CancelSMResp, smpp.ErrInvBndSts}},
		{"cancel_sm cut short", smpp.CancelSM, cancelBody[:9], expected{smpp.CancelSMResp, smpp.ErrInvCmdLen}, expected{smpp.CancelSMResp, smpp.ErrInvBndSts}},
		{"replace_sm", smpp.ReplaceSM, replaceBody, expected{smpp.ReplaceSMResp, smpp.ErrInvCmdID}, expected{smpp.ReplaceSMResp, smpp.ErrInvBndSts}},
		{"replace_sm, sm_length past the end", smpp.ReplaceSM, replaceBody[:len(replaceBody)-1], expected{smpp.ReplaceSMResp, smpp.ErrInvMsgLen}, expected{smpp.ReplaceSMResp, smpp.ErrInvBndSts}},
		{"submit_multi", smpp.SubmitMulti, multiBody, expected{smpp.SubmitMultiResp, smpp.ErrInvCmdID}, expected{smpp.SubmitMultiResp, smpp.ErrInvBndSts}},
		{"submit_multi to nobody", smpp.SubmitMulti, multiHead + "\x00", expected{smpp.SubmitMultiResp, smpp.ErrInvNumDests}, expected{smpp.SubmitMultiResp, smpp.ErrInvBndSts}},
		{"submit_multi to a third kind", smpp.SubmitMulti, multiHead + "\x01\x03", expected{smpp.SubmitMultiResp, smpp.ErrInvDestFlag}, expected{smpp.SubmitMultiResp, smpp.ErrInvBndSts}},
		{"submit_multi to fewer than it says", smpp.SubmitMulti, multiHead + "\x02\x01" + toPhone, expected{smpp.SubmitMultiResp, smpp.ErrInvCmdLen}, expected{smpp.SubmitMultiResp, smpp.ErrInvBndSts}},
		{"submit_multi with a parameter past the end", smpp.SubmitMulti, multiBody[:len(multiBody)-1], expected{smpp.SubmitMultiResp, smpp.ErrInvOptParStream}, expected{smpp.SubmitMultiResp, smpp.ErrInvBndSts}},
		{"bind again", smpp.BindTransceiver, "", expected{smpp.BindTransceiverResp, smpp.ErrAlyBnd}, expected{smpp.BindTransceiverResp, smpp.ErrInvBndSts}},
		{"bind again otherwise", smpp.BindReceiver, "", expected{smpp.BindReceiverResp, smpp.ErrAlyBnd}, expected{smpp.BindReceiverResp, smpp.ErrInvBndSts}},
		{"outbind on a session", smpp.Outbind, "smsc\x00\x00", expected{none, 0}, expected{none, 0}},
		{"alert_notification", smpp.AlertNotification, toPhone + fromShort, expected{none, 0}, expected{none, 0}},
		{"alert_notification cut short", smpp.AlertNotification, toPhone, expected{none, 0}, expected{none, 0}},
		{"enquire_link with a body", smpp.EnquireLink, "why", expected{smpp.EnquireLinkResp, 0}, expected{smpp.EnquireLinkResp, 0}},
		{"broadcast_sm of 5.0", smpp.BroadcastSM, message, expected{smpp.GenericNack, smpp.ErrInvCmdID}, expected{smpp.GenericNack, smpp.ErrInvCmdID}},
		{"query_broadcast_sm", smpp.QueryBroadcastSM, queryBody, expected{smpp.GenericNack, smpp.ErrInvCmdID}, expected{smpp.GenericNack, smpp.ErrInvCmdID}},
		{"cancel_broadcast_sm", smpp.CancelBroadcastSM, cancelBody, expected{smpp.GenericNack, smpp.ErrInvCmdID}, expected{smpp.GenericNack, smpp.ErrInvCmdID}},
		{"reserved command", 0x0000000A, "", expected{smpp.GenericNack, smpp.ErrInvCmdID}, expected{smpp.GenericNack, smpp.ErrInvCmdID}},
		{"vendor's command", 0x00010200, "vendor", expected{smpp.GenericNack, smpp.ErrInvCmdID}, expected{smpp.GenericNack, smpp.ErrInvCmdID}},
		{"generic_nack of nothing", smpp.GenericNack, "", expected{none, 0}, expected{none, 0}},
		{"submit_sm_resp to nothing", smpp.SubmitSMResp, "A1\x00", expected{none, 0}, expected{none, 0}},
		{"query_sm_resp to nothing", smpp.QuerySMResp, "A1\x00\x00\x02\x00", expected{none, 0}, expected{none, 0}},
		{"bind_transceiver_resp to nothing", smpp.BindTransceiverResp, "x\x00", expected{none, 0}, expected{none, 0}},
		{"unbind_resp to nothing", smpp.UnbindResp, "", expected{none, 0}, expected{none, 0}},
		{"response unheard of", 0x80000111, "", expected{none, 0}, expected{none, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := smpptest.ESME(t, &smpp.Server{Auth: accept, Handler: smpptest.Accept})
				server.Bind()
				ours, _ := smpptest.SMSC(t, smpp.SessionConfig{}, nil)
				for _, seq := range []uint32{7, 0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF} {
					for peer, want := range map[*smpptest.Peer]expected{server: c.smsc, ours: c.esme} {
						peer.Raw(frame(c.command, seq, c.body))
						if want.response != none {
							if h := peer.ExpectStatus(want.response, want.status); h.Seq != seq {
								t.Errorf("%d answered as %d", seq, h.Seq)
							}
						}
						peer.Header(smpp.EnquireLink, 0, 99) // the session lives, and said nothing else
						peer.ExpectStatus(smpp.EnquireLinkResp, smpp.StatusOK)
					}
				}
			})
		})
	}
}

// A session bound for one direction refuses the other in so many words.
func TestModesAreKeptByTheServer(t *testing.T) {
	t.Parallel()
	message := string(pdu(t, "submit_sm text")[16:])
	for mode, status := range map[smpp.Mode]smpp.Status{
		smpp.Receiver: smpp.ErrInvBndSts, smpp.Transmitter: smpp.StatusOK, smpp.Transceiver: smpp.StatusOK,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				peer := smpptest.ESME(t, &smpp.Server{Auth: accept, Handler: &clerk{}})
				b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{Mode: mode, SystemID: "esme", InterfaceVersion: 0x34})
				if err != nil {
					t.Fatal(err)
				}
				peer.Raw(b)
				peer.Next()
				for c, body := range map[smpp.Command]string{
					smpp.SubmitSM: message, smpp.QuerySM: queryBody, smpp.CancelSM: cancelBody,
					smpp.ReplaceSM: replaceBody, smpp.SubmitMulti: multiBody,
				} {
					peer.Raw(frame(c, 2, body))
					peer.ExpectStatus(c.Response(), status)
				}
			})
		})
	}
}

func TestOperationsBeforeTheBind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peer := smpptest.ESME(t, &smpp.Server{Auth: accept, Handler: &clerk{}})
		for _, c := range []smpp.Command{smpp.SubmitSM, smpp.DataSM, smpp.QuerySM, smpp.CancelSM, smpp.ReplaceSM, smpp.SubmitMulti} {
			peer.Header(c, 0, 2)
			peer.ExpectStatus(c.Response(), smpp.ErrInvBndSts)
		}
		peer.Header(smpp.EnquireLink, 0, 3)
		peer.ExpectStatus(smpp.EnquireLinkResp, smpp.StatusOK)
		peer.Bind()
	})
}

// 254 octets stand in short_message, longer texts in message_payload, up to
// the longest that a parameter holds.
func TestLongPayloadsBothWays(t *testing.T) {
	t.Parallel()
	for _, n := range []int{254, 255, 5000, 65535} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				toESME, toSMSC := &recorder{}, &recorder{}
				esme, smsc := smpptest.Pair(t, smpptest.PairConfig{ESME: toESME, SMSC: toSMSC})
				for _, c := range []struct {
					s  *smpp.Session
					m  smpp.ShortMessage
					to *recorder
				}{{esme, text(""), toSMSC}, {smsc, mo(""), toESME}} {
					c.m.Payload, c.m.UsePayloadTLV = bytes.Repeat([]byte("p"), n), n > 254
					if _, err := c.s.Submit(ctx, c.m); err != nil {
						t.Fatalf("%v: %v", c.m.Command, err)
					}
					if got := c.to.messages[0].Payload; len(got) != n || got[n-1] != 'p' {
						t.Errorf("%v: %d octets arrived", c.m.Command, len(got))
					}
				}
			})
		})
	}
}

func TestPeersOfOtherVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[uint8]struct {
		resp int // octets of sc_interface_version
		tlvs int
	}{0x00: {0, 0}, 0x33: {0, 0}, 0x34: {5, 2}, 0x50: {5, 2}} {
		t.Run(fmt.Sprintf("ESME 0x%02x", version), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				bound := make(chan *smpp.Session, 1)
				peer := smpptest.ESME(t, &smpp.Server{SystemID: "smsc", Auth: accept, Handler: smpptest.Accept, OnBind: func(s *smpp.Session) { bound <- s }})
				b, err := smpp.AppendBind(nil, 1, smpp.BindRequest{SystemID: "a", InterfaceVersion: version})
				if err != nil {
					t.Fatal(err)
				}
				peer.Raw(b)
				if h, _ := peer.Expect(smpp.BindTransceiverResp); int(h.Length) != 16+5+want.resp {
					t.Errorf("bind_resp of %d octets", h.Length)
				}
				s := <-bound
				if s.PeerVersion() != version {
					t.Errorf("version 0x%02x", s.PeerVersion())
				}
				m := mo("x")
				m.TLVs = smpp.TLVs{{Tag: smpp.TagUSSDServiceOp, Value: []byte{1}}, {Tag: smpp.TagITSSessionInfo, Value: []byte{1, 0}}}
				got := submit(ctx, s, m)
				h, arrived := peer.ExpectMessage(smpp.DeliverSM)
				if len(arrived.TLVs) != want.tlvs {
					t.Errorf("%d parameters arrived", len(arrived.TLVs))
				}
				peer.Answer(h, smpp.StatusOK, "")
				if a := <-got; a.err != nil {
					t.Error(a.err)
				}
			})
		})
	}
	for name, c := range map[string]struct {
		tail    string
		version uint8
	}{
		"SMSC 3.4": {"\x02\x10\x00\x01\x34", 0x34}, "SMSC 5.0": {"\x02\x10\x00\x01\x50", 0x50},
		"SMSC silent": {"", 0}, "SMSC with a body cut short": {"\x02\x10\x00", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := smpptest.NewWire()
				client, stop := run(t, smpp.ClientConfig{Dial: l.Dial})
				peer := l.Answer(t)
				req, _ := peer.Expect(smpp.BindTransceiver)
				peer.Raw(frame(smpp.BindTransceiverResp, req.Seq, "smsc\x00"+c.tail))
				peer.Message(1, mo("x"))
				peer.ExpectStatus(smpp.DeliverSMResp, smpp.StatusOK)
				synctest.Wait()
				s, ok := client.Session()
				if !ok {
					t.Fatal("the client is not bound")
				}
				if s.PeerVersion() != c.version || s.PeerSystemID() != "smsc" {
					t.Errorf("version 0x%02x of %q", s.PeerVersion(), s.PeerSystemID())
				}
				peer.Close()
				stop()
			})
		})
	}
}

// The parameters of USSD are of submit_sm in 3.4 and of deliver_sm in 5.0;
// gateways of 3.4 send them on deliver_sm all the same.
func TestUSSDParametersOnDeliverSM(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := &recorder{}
		peer, _ := smpptest.SMSC(t, smpp.SessionConfig{}, h)
		m := mo("*369#")
		m.ServiceType = "USSD"
		m.TLVs.SetUint8(smpp.TagUSSDServiceOp, 1)
		m.TLVs.Set(smpp.TagITSSessionInfo, []byte{0x12, 0x04})
		for _, command := range []smpp.Command{smpp.DeliverSM, smpp.DataSM} {
			m.Command = command
			peer.Message(1, m)
			peer.ExpectStatus(command.Response(), smpp.StatusOK)
			got := h.messages[len(h.messages)-1]
			op, _ := got.TLVs.Uint(smpp.TagUSSDServiceOp)
			if info, _ := got.TLVs.Get(smpp.TagITSSessionInfo); op != 1 || !bytes.Equal(info, []byte{0x12, 0x04}) || got.ServiceType != "USSD" {
				t.Errorf("%v: op %d, session %x of %q", command, op, info, got.ServiceType)
			}
		}
	})
}
