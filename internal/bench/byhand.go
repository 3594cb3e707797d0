package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// Bare is what the link and the peer allow: one goroutine, a submit_sm encoded
// beforehand of which only the number changes, answers that are counted.
func Bare(ctx context.Context, addr string, window int, length time.Duration) (Score, error) {
	encoded := appendSubmit(nil, 0, wireMessage())
	return lockstep(ctx, addr, window, length, func(b []byte, seq uint32) []byte {
		b = append(b, encoded...)
		binary.BigEndian.PutUint32(b[len(b)-len(encoded)+12:], seq)
		return b
	}, func([]byte) {})
}

// ByHand is Bare with an encoder written by hand for this one PDU, and the
// message id taken from each answer: a client without a session, which checks
// nothing, matches nothing, times nothing and has nobody to tell.
func ByHand(ctx context.Context, addr string, window int, length time.Duration) (Score, error) {
	m, last := wireMessage(), ""
	score, err := lockstep(ctx, addr, window, length, func(b []byte, seq uint32) []byte {
		return appendSubmit(b, seq, m)
	}, func(body []byte) {
		id, _, _ := bytes.Cut(body, []byte{0})
		last = string(id)
	})
	if err == nil && last == "" {
		err = fmt.Errorf("%w: no message id", ErrRefused)
	}
	return score, err
}

func appendSubmit(b []byte, seq uint32, m smpp.ShortMessage) []byte {
	start := len(b)
	b = smpp.AppendHeader(b, smpp.SubmitSM, smpp.StatusOK, seq)
	b = append(append(b, m.ServiceType...), 0)
	b = append(append(append(b, m.Source.TON, m.Source.NPI), m.Source.Addr...), 0)
	b = append(append(append(b, m.Dest.TON, m.Dest.NPI), m.Dest.Addr...), 0)
	b = append(b, m.ESMClass, m.ProtocolID, m.PriorityFlag)
	b = append(append(b, m.ScheduleDelivery...), 0)
	b = append(append(b, m.ValidityPeriod...), 0)
	b = append(b, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMsgID, uint8(len(m.Payload)))
	b = append(b, m.Payload...)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// lockstep writes as many requests as the window has room for in one piece,
// and reads the answers to some of them.
func lockstep(ctx context.Context, addr string, window int, length time.Duration, encode func([]byte, uint32) []byte, answer func([]byte)) (Score, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return Score{}, fmt.Errorf("bench: %w", err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in, out := newFrames(conn), []byte(nil)
	return timed(length, func(over *atomic.Bool) (sent int, err error) {
		free := window
		for {
			for ; free > 0 && !over.Load(); free-- {
				sent++
				out = encode(out, uint32(sent&0x7FFFFFFF))
			}
			if free == window {
				return sent, nil
			}
			if _, err = conn.Write(out); err != nil {
				return sent, err
			}
			out = out[:0]
			err = in.next(func(_ smpp.Header, body []byte) {
				free++
				answer(body)
			})
			if err != nil {
				return sent, err
			}
		}
	})
}
