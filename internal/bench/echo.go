package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/wasl-sms/wasl/smpp"
)

// Echo is the barest operator there is: it accepts every bind and every text
// at once, and writes the answers to all it has read in one piece. It keeps
// nothing and checks nothing, so that it costs as little as a peer can.
func Echo(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var conns sync.WaitGroup
	defer conns.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("bench: %w", err)
		}
		conns.Go(func() {
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			defer func() { _ = conn.Close() }()
			echo(conn)
		})
	}
}

// echo answers one link until it ends, which is its only outcome.
func echo(conn io.ReadWriter) {
	in, out := newFrames(conn), []byte(nil)
	for {
		err := in.next(func(h smpp.Header, _ []byte) { out = appendAnswer(out, h) })
		if _, werr := conn.Write(out); errors.Join(err, werr) != nil {
			return
		}
		out = out[:0]
	}
}

func appendAnswer(out []byte, h smpp.Header) []byte {
	if h.Command.IsResponse() {
		return out
	}
	start := len(out)
	out = smpp.AppendHeader(out, h.Command.Response(), smpp.StatusOK, h.Seq)
	switch h.Command {
	case smpp.SubmitSM:
		const hex = "0123456789abcdef"
		for shift := 28; shift >= 0; shift -= 4 {
			out = append(out, hex[h.Seq>>shift&15])
		}
		out = append(out, 0)
	case smpp.BindTransceiver, smpp.BindTransmitter, smpp.BindReceiver:
		out = append(out, "echo\x00"...)
	default: // no body
	}
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start))
	return out
}

// frames reads a stream of PDUs as many at a time as have arrived.
type frames struct {
	r    io.Reader
	buf  []byte
	have int
}

func newFrames(r io.Reader) *frames { return &frames{r: r, buf: make([]byte, 256<<10)} }

// next reads once and shows each PDU that is complete.
func (f *frames) next(see func(h smpp.Header, body []byte)) error {
	n, err := f.r.Read(f.buf[f.have:])
	if err != nil {
		return err
	}
	f.have += n
	rest := f.buf[:f.have]
	for len(rest) >= 16 {
		h := smpp.Header{
			Length:  binary.BigEndian.Uint32(rest),
			Command: smpp.Command(binary.BigEndian.Uint32(rest[4:])),
			Status:  smpp.Status(binary.BigEndian.Uint32(rest[8:])),
			Seq:     binary.BigEndian.Uint32(rest[12:]),
		}
		if h.Length < 16 || h.Length > uint32(len(f.buf)) {
			return smpp.ErrFrame
		}
		if uint32(len(rest)) < h.Length {
			break
		}
		see(h, rest[16:h.Length])
		rest = rest[h.Length:]
	}
	f.have = copy(f.buf, rest)
	return nil
}
