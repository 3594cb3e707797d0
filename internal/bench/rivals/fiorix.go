package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fiorix/go-smpp/smpp"
	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutext"
)

// fiorix submits as its Transceiver can: each call waits for its answer, so a
// goroutine for each place in the window.
func fiorix(addr string, window int, over *atomic.Bool) (load, error) {
	t := &smpp.Transceiver{Addr: addr, User: "bench", Passwd: "bench", RespTimeout: 10 * time.Second}
	if status := <-t.Bind(); status.Status() != smpp.Connected {
		return nil, fmt.Errorf("bind: %v: %w", status.Status(), status.Error())
	}
	return func() (int, error) {
		defer func() { _ = t.Close() }()
		counts, errs := make([]int, window), make([]error, window)
		var wg sync.WaitGroup
		for i := range window {
			wg.Go(func() {
				for errs[i] == nil && !over.Load() {
					_, errs[i] = t.Submit(&smpp.ShortMessage{
						Src: "3690", Dst: "212600000001", DestAddrTON: 1, DestAddrNPI: 1,
						Text: pdutext.Raw(text), Register: pdufield.FinalDeliveryReceipt,
					})
					counts[i]++
				}
			})
		}
		wg.Wait()
		n := 0
		for _, c := range counts {
			n += c
		}
		return n, errors.Join(errs...)
	}, nil
}
