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

// readBuffer holds some dozens of PDUs: one read call serves many.
const readBuffer = 16 << 10

// FrameReader cuts a stream into PDUs.
type FrameReader struct {
	r    *bufio.Reader
	max  int
	body []byte

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
	if _, err = f.r.Discard(headerLen); err != nil {
		return h, nil, noEOF(err)
	}
	n := int(h.Length) - headerLen
	if cap(f.body) < n {
		f.body = make([]byte, n, max(n, 512))
	}
	if _, err = io.ReadFull(f.r, f.body[:n]); err != nil {
		return h, nil, noEOF(err)
	}
	if waiting {
		f.stopClock()
	}
	return h, f.body[:n], nil
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
