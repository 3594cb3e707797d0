package smpp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrFrame says that command_length is impossible, so that the stream cannot
// be read further.
var ErrFrame = errors.New("smpp: impossible command_length")

// readBuffer holds hundreds of PDUs: one read call serves many.
const readBuffer = 32 << 10

// FrameReader cuts a stream into PDUs.
type FrameReader struct {
	r    *bufio.Reader
	max  int
	body []byte // of a PDU longer than the buffer
	seen int    // octets of the buffer that the last PDU holds

	// partial, where set, bounds the time for the rest of a PDU whose
	// beginning has arrived.
	partial  time.Duration
	deadline func(time.Time) error
}

// NewFrameReader reads PDUs of at most max octets.
func NewFrameReader(r io.Reader, max int) *FrameReader {
	return &FrameReader{r: bufio.NewReaderSize(r, readBuffer), max: max}
}

// Next returns the next PDU. The body is valid until the next call. The size
// is checked before memory is taken for it; a wrong size is ErrFrame, with
// the header as far as it could be read.
func (f *FrameReader) Next() (Header, []byte, error) {
	if err := f.release(); err != nil {
		return Header{}, nil, err
	}
	if f.r.Buffered() == 0 {
		if _, err := f.r.Peek(1); err != nil {
			return Header{}, nil, err
		}
	}
	waiting := f.r.Buffered() < headerLen
	if waiting {
		f.startClock()
	}
	raw, err := f.r.Peek(headerLen)
	if err != nil {
		return Header{}, nil, noEOF(err)
	}
	h := parseHeader(raw)
	if h.Length < headerLen || uint64(h.Length) > uint64(f.max) {
		return h, nil, fmt.Errorf("%w: %d", ErrFrame, h.Length)
	}
	if f.r.Buffered() < int(h.Length) && !waiting {
		waiting = true
		f.startClock()
	}
	frame, err := f.frame(int(h.Length))
	if err != nil {
		return h, nil, noEOF(err)
	}
	if waiting {
		f.stopClock()
	}
	return h, frame[headerLen:], nil
}

// frame leaves a PDU where it lies in the buffer, unless it is too long.
func (f *FrameReader) frame(n int) ([]byte, error) {
	if n <= f.r.Size() {
		f.seen = n
		return f.r.Peek(n)
	}
	if cap(f.body) < n {
		f.body = make([]byte, n)
	}
	_, err := io.ReadFull(f.r, f.body[:n])
	return f.body[:n], err
}

// release gives up the octets of the last PDU.
func (f *FrameReader) release() error {
	n := f.seen
	f.seen = 0
	_, err := f.r.Discard(n)
	return err
}

// ready reports whether a further PDU has arrived whole.
func (f *FrameReader) ready() bool {
	after := f.r.Buffered() - f.seen
	if after < headerLen {
		return false
	}
	b, err := f.r.Peek(f.seen + headerLen)
	return err == nil && uint64(parseHeader(b[f.seen:]).Length) <= uint64(after)
}

func (f *FrameReader) startClock() {
	if f.deadline != nil {
		_ = f.deadline(time.Now().Add(f.partial))
	}
}

func (f *FrameReader) stopClock() {
	if f.deadline != nil {
		_ = f.deadline(time.Time{})
	}
}

// noEOF keeps a PDU that was cut short apart from a clean end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func parseHeader(b []byte) Header {
	return Header{
		Length:  binary.BigEndian.Uint32(b),
		Command: Command(binary.BigEndian.Uint32(b[4:])),
		Status:  Status(binary.BigEndian.Uint32(b[8:])),
		Seq:     binary.BigEndian.Uint32(b[12:]),
	}
}
