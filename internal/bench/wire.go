package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// Score is what one client did on one link.
type Score struct {
	Messages int           `json:"messages"`
	Elapsed  time.Duration `json:"elapsed"`
	CPU      time.Duration `json:"cpu"` // of the client's process
}

// Rate is messages per second.
func (s Score) Rate() float64 { return float64(s.Messages) / s.Elapsed.Seconds() }

// Each is the CPU time of one message, in microseconds.
func (s Score) Each() float64 {
	return float64(s.CPU.Nanoseconds()) / 1000 / float64(max(s.Messages, 1))
}

// A WireClient binds to addr, submits for so long with so many unanswered, and
// waits for the last answer.
type WireClient func(ctx context.Context, addr string, window int, length time.Duration) (Score, error)

// wireText is as long as a usual notification, in the octets of GSM-7.
const wireText = "Votre demande 12345678 est enregistree. Reponse en 15 jours"

func wireMessage() smpp.ShortMessage {
	return smpp.ShortMessage{
		Command: smpp.SubmitSM, Source: smpp.Address{Addr: "3690"},
		Dest:               smpp.Address{TON: 1, NPI: 1, Addr: "212600000001"},
		RegisteredDelivery: smpp.RegisteredFinal, Payload: []byte(wireText),
	}
}

// Async submits through SubmitAsync from one goroutine, as the outbox does.
func Async(ctx context.Context, addr string, window int, length time.Duration) (Score, error) {
	return onSession(ctx, addr, window, length, func(s *smpp.Session, over *atomic.Bool) (n int, err error) {
		m, refused := wireMessage(), atomic.Int64{}
		done := func(_ smpp.SubmitResult, err error) {
			if err != nil {
				refused.Add(1)
			}
		}
		for !over.Load() {
			if err := s.SubmitAsync(ctx, m, done); err != nil {
				return n, err
			}
			n++
		}
		if err := s.Close(ctx); err != nil {
			return n, err
		}
		if refused.Load() > 0 {
			return n, fmt.Errorf("%w: %d", ErrRefused, refused.Load())
		}
		return n, nil
	})
}

// Waiting submits through Submit, from a goroutine for each place in the
// window.
func Waiting(ctx context.Context, addr string, window int, length time.Duration) (Score, error) {
	return onSession(ctx, addr, window, length, func(s *smpp.Session, over *atomic.Bool) (int, error) {
		var wg sync.WaitGroup
		var sent atomic.Int64
		errs := make([]error, window)
		for i := range window {
			wg.Go(func() {
				m, n := wireMessage(), int64(0)
				for errs[i] == nil && !over.Load() {
					_, errs[i] = s.Submit(ctx, m)
					n++
				}
				sent.Add(n)
			})
		}
		wg.Wait()
		return int(sent.Load()), errors.Join(append(errs, s.Close(ctx))...)
	})
}

func onSession(ctx context.Context, addr string, window int, length time.Duration, load func(*smpp.Session, *atomic.Bool) (int, error)) (Score, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return Score{}, fmt.Errorf("bench: %w", err)
	}
	s, err := smpp.Bind(ctx, conn, smpp.BindRequest{SystemID: "bench", InterfaceVersion: 0x34}, smpp.SessionConfig{Window: window}, nil)
	if err != nil {
		return Score{}, err
	}
	score, err := timed(length, func(over *atomic.Bool) (int, error) { return load(s, over) })
	return score, errors.Join(err, s.Close(ctx))
}

// timed runs a load and tells it when it is over.
func timed(length time.Duration, load func(over *atomic.Bool) (int, error)) (s Score, err error) {
	var over atomic.Bool
	began, used := time.Now(), cpuTime()
	timer := time.AfterFunc(length, func() { over.Store(true) })
	defer timer.Stop()
	s.Messages, err = load(&over)
	s.Elapsed, s.CPU = time.Since(began), cpuTime()-used
	return s, err
}

// cpuTime is what this process has used of the processor so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
