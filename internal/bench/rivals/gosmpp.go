package main

import (
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp"
	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

// gosmppRival submits without waiting. The window is counted here: the
// library's own ends at 255 and loses its places on a quick link.
func gosmppRival(addr string, window int, over *atomic.Bool) (load, error) {
	slots := make(chan struct{}, window)
	failed := make(chan error, 1)
	session, err := gosmpp.NewSession(
		gosmpp.TRXConnector(gosmpp.NonTLSDialer, gosmpp.Auth{SMSC: addr, SystemID: "bench", Password: "bench"}),
		gosmpp.Settings{
			ReadTimeout: 10 * time.Second,
			OnPDU: func(p pdu.PDU, _ bool) {
				if _, ok := p.(*pdu.SubmitSMResp); ok {
					<-slots
				}
			},
			OnSubmitError: func(_ pdu.PDU, err error) {
				select {
				case failed <- err:
				default:
				}
			},
		}, 0)
	if err != nil {
		return nil, err
	}
	return func() (n int, err error) {
		defer func() { _ = session.Close() }()
		for !over.Load() {
			select {
			case slots <- struct{}{}:
			case err := <-failed:
				return n, err
			}
			p, err := submit()
			if err != nil {
				return n, err
			}
			if err := session.Transceiver().Submit(p); err != nil {
				return n, err
			}
			n++
		}
		for range window { // all of it free again: every answer is there
			select {
			case slots <- struct{}{}:
			case err := <-failed:
				return n, err
			}
		}
		return n, nil
	}, nil
}

func submit() (pdu.PDU, error) {
	p := pdu.NewSubmitSM().(*pdu.SubmitSM)
	var err error
	if p.SourceAddr, err = pdu.NewAddressWithAddr("3690"); err != nil {
		return nil, err
	}
	if p.DestAddr, err = pdu.NewAddressWithTonNpiAddr(1, 1, "212600000001"); err != nil {
		return nil, err
	}
	if p.Message, err = pdu.NewBinaryShortMessageWithEncoding([]byte(text), data.GSM7BIT); err != nil {
		return nil, err
	}
	p.RegisteredDelivery = 1
	return p, nil
}
