package smsc

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/wasl-sms/wasl/smpp"
)

// Faults are what this operator does badly. The zero value behaves.
type Faults struct {
	TPS   float64 // submit_sm a second before ESME_RTHROTTLED; 0: no limit
	Burst int     // of the token bucket; at least 1

	QueueFull bool // every submit_sm gets ESME_RMSGQFUL

	LoseResponses int // the next n accepted messages get no response
	DropAfter     int // the link is cut at the n-th accepted message from now, before its response

	NoReceipts   bool
	ReceiptDelay time.Duration
	ReceiptFirst bool // the receipt leaves before the submit_sm_resp
}

// SetFaults replaces all faults; it takes effect with the next message.
func (s *SMSC) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	s.bucket = nil
	if f.TPS > 0 {
		s.bucket = rate.NewLimiter(rate.Limit(f.TPS), max(1, f.Burst))
	}
}

// refusal says whether the operator takes another message at all.
func (s *SMSC) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.QueueFull {
		return smpp.ErrMsgQueueFull
	}
	if s.bucket != nil && !s.bucket.AllowN(s.cfg.Now(), 1) {
		return smpp.ErrThrottled
	}
	return nil
}

// fault is what happens to one accepted message.
type fault struct {
	loseResponse, drop      bool
	noReceipt, receiptFirst bool
	receiptDelay            time.Duration
}

// strike counts one accepted message against the faults that are set.
func (s *SMSC) strike() fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := fault{
		noReceipt:    s.faults.NoReceipts,
		receiptFirst: s.faults.ReceiptFirst,
		receiptDelay: s.faults.ReceiptDelay,
	}
	if s.faults.LoseResponses > 0 {
		s.faults.LoseResponses--
		f.loseResponse = true
	}
	if s.faults.DropAfter > 0 {
		s.faults.DropAfter--
		f.drop = s.faults.DropAfter == 0
	}
	return f
}
