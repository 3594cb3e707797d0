package smsc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
	"github.com/wasl-sms/wasl/ussd"
)

const endOfSession = 1 // its_session_info octet 2 bit 0, SMPP 3.4 §5.3.2.43

// Dial starts a dialogue on a handset and returns the first page. A dialogue
// that is still live is refused with ErrBusy, as a handset does. When ctx ends
// first the dialogue goes on without the caller.
func (s *SMSC) Dial(ctx context.Context, msisdn, code string) (Screen, error) {
	s.mu.Lock()
	h := s.handset(msisdn)
	if h.dialogue.live() {
		s.mu.Unlock()
		return Screen{}, ErrBusy
	}
	h.dialogues++
	now := s.cfg.Now()
	d := &dialogue{id: h.dialogues, session: byte(h.dialogues), code: code, begun: now, asked: now}
	h.dialogue = d
	m := s.ussd(h, d, ussd.OpPSSRIndication, code)
	s.changed(h)
	s.mu.Unlock()

	s.spawn(func(ctx context.Context) { s.supervise(ctx, h, d) })
	return s.exchange(ctx, h, d, m)
}

// Answer sends what the person keyed in and returns the next page.
func (s *SMSC) Answer(ctx context.Context, msisdn, text string) (Screen, error) {
	s.mu.Lock()
	h := s.handset(msisdn)
	d := h.dialogue
	if d == nil || d.state != open {
		s.mu.Unlock()
		return Screen{}, ErrNoDialogue
	}
	d.state, d.asked = waiting, s.cfg.Now()
	m := s.ussd(h, d, ussd.OpUSSRConfirm, text)
	s.changed(h)
	s.mu.Unlock()
	return s.exchange(ctx, h, d, m)
}

// Abort ends the dialogue from the handset's side and tells the application.
func (s *SMSC) Abort(ctx context.Context, msisdn string) error {
	s.mu.Lock()
	h := s.handset(msisdn)
	d := h.dialogue
	if !d.live() {
		s.mu.Unlock()
		return ErrNoDialogue
	}
	m := s.close(h, d, ended, ErrAborted)
	s.mu.Unlock()
	return s.deliver(ctx, h, m)
}

// Drop loses the dialogue, if there is one, as bad reception does: the
// application is not told.
func (s *SMSC) Drop(msisdn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handset(msisdn)
	if h.dialogue.live() {
		h.dialogue.end(failed, ErrExpired)
		s.changed(h)
	}
}

// Dismiss takes the last page off the screen once its dialogue is over.
func (s *SMSC) Dismiss(msisdn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handset(msisdn)
	if h.dialogue != nil && !h.dialogue.live() {
		h.dialogue = nil
		s.changed(h)
	}
}

// close ends a live dialogue without the application and returns the message
// that tells it; the caller holds s.mu.
func (s *SMSC) close(h *handset, d *dialogue, state dialogueState, why error) smpp.ShortMessage {
	d.end(state, why)
	s.changed(h)
	m := s.ussd(h, d, ussd.OpAbort, "")
	m.TLVs.Set(smpp.TagITSSessionInfo, []byte{d.session, endOfSession})
	return m
}

// exchange sends one deliver_sm of a dialogue and waits for the page it brings.
func (s *SMSC) exchange(ctx context.Context, h *handset, d *dialogue, m smpp.ShortMessage) (Screen, error) {
	// What was keyed goes out even when nobody waits for the page any more.
	if err := s.deliver(context.WithoutCancel(ctx), h, m); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		// The page may be here although the response to our question got lost.
		if d.state == waiting {
			d.end(failed, err)
			s.changed(h)
		}
		return d.screen()
	}
	for {
		s.mu.Lock()
		if d.state != waiting {
			defer s.mu.Unlock()
			return d.screen()
		}
		wake := h.wake
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return Screen{}, fmt.Errorf("smsc: wait for the page: %w", ctx.Err())
		}
	}
}

func (d *dialogue) screen() (Screen, error) {
	if d.err != nil {
		return Screen{}, d.err
	}
	return Screen{Text: d.text, End: d.state == ended}, nil
}

// supervise is the network's clock for one dialogue.
func (s *SMSC) supervise(ctx context.Context, h *handset, d *dialogue) {
	for {
		s.mu.Lock()
		if !d.live() {
			s.mu.Unlock()
			return
		}
		left := d.deadline(s.cfg.DialogueLimit, s.cfg.StepLimit).Sub(s.cfg.Now())
		if left <= 0 {
			why := ErrExpired
			if d.state == waiting {
				why = ErrNoAnswer
			}
			m := s.close(h, d, failed, why)
			s.mu.Unlock()
			if err := s.deliver(ctx, h, m); err != nil {
				s.cfg.Log.Debug("smsc: tell of the dialogue's end", "err", err)
			}
			return
		}
		wake := h.wake
		s.mu.Unlock()
		t := time.NewTimer(left)
		select {
		case <-t.C:
		case <-wake:
			t.Stop()
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// ussd makes a deliver_sm of a dialogue. The dialled string is the message and
// the digits of the service code are the destination.
func (s *SMSC) ussd(h *handset, d *dialogue, op ussd.Op, text string) smpp.ShortMessage {
	m := smpp.ShortMessage{
		Command:     smpp.DeliverSM,
		ServiceType: "USSD",
		Source:      subscriberAddress(h.msisdn),
		Dest:        smpp.Address{Addr: serviceCode(d.code)},
		TLVs: smpp.TLVs{
			{Tag: smpp.TagUSSDServiceOp, Value: []byte{byte(op)}},
			{Tag: smpp.TagITSSessionInfo, Value: []byte{d.session, 0}},
		},
	}
	payload, alphabet := gsm.Encode(text)
	m.Payload, m.DataCoding = payload, alphabet.DataCoding()
	return m
}

// serviceCode is the first group of digits of a dialled string: 369 of *369*1#.
func serviceCode(dialled string) string {
	code, _, _ := strings.Cut(strings.Trim(dialled, "*#"), "*")
	return code
}

// page takes a submit_sm of a dialogue to the handset. A page for a dialogue
// that is over is refused: nobody would see it.
func (s *SMSC) page(m smpp.ShortMessage, op ussd.Op) error {
	text, err := gsm.Decode(m.DataCoding, m.Payload)
	if err != nil {
		return smpp.ErrSubmitFail
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handsets[canonical(m.Dest.Addr)]
	if h == nil {
		return smpp.ErrInvDstAdr
	}
	d := h.dialogue
	if d == nil || d.state != waiting {
		return smpp.ErrSubmitFail
	}
	over := op == ussd.OpPSSRResponse
	if info, ok := m.TLVs.Get(smpp.TagITSSessionInfo); ok && len(info) == 2 {
		if info[0] != d.session {
			return smpp.ErrSubmitFail
		}
		over = over || info[1]&endOfSession != 0
	}
	if over {
		d.end(ended, nil)
	} else if op == ussd.OpUSSRRequest {
		d.state = open
	} else {
		return smpp.ErrSubmitFail
	}
	d.text = text
	s.changed(h)
	return nil
}
