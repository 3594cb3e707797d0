package smsc

import (
	"encoding/binary"

	"github.com/wasl-sms/wasl/smpp"
)

// mark is what becomes of the answer to one message.
type mark struct{ lose, wrongSeq, sameSeq, length, short, command bool }

// mark says what becomes of the answer to the message with this number.
func (t *tap) mark(seq uint32, m mark) {
	if m == (mark{}) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marks[seq] = m
}

const headerLen = 16 // SMPP 3.4 §3.2

// spoil copies the PDUs and does to each what it is marked for.
func (t *tap) spoil(b []byte) []byte {
	out := make([]byte, 0, len(b)+headerLen)
	for len(b) >= headerLen {
		n := int(binary.BigEndian.Uint32(b))
		if n < headerLen || n > len(b) {
			break
		}
		out = t.spoilOne(out, b[:n])
		b = b[n:]
	}
	return append(out, b...)
}

func (t *tap) spoilOne(out, frame []byte) []byte {
	seq := binary.BigEndian.Uint32(frame[12:])
	switch smpp.Command(binary.BigEndian.Uint32(frame[4:])) {
	case smpp.BindTransceiverResp, smpp.BindReceiverResp, smpp.BindTransmitterResp:
		if t.early {
			out = smpp.AppendHeader(out, smpp.EnquireLink, smpp.StatusOK, t.next())
			t.early = false
		}
		return append(out, frame...)
	case smpp.SubmitSMResp, smpp.DataSMResp:
	default:
		return append(out, frame...)
	}
	m := t.marks[seq]
	delete(t.marks, seq)
	if m.sameSeq {
		out = smpp.AppendHeader(out, smpp.EnquireLink, smpp.StatusOK, seq)
	}
	if m.lose {
		return out
	}
	start := len(out)
	out = append(out, frame...)
	if m.short && len(frame) > headerLen+1 {
		out = out[:start+headerLen+(len(frame)-headerLen)/2]
		binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start))
	}
	if m.wrongSeq {
		binary.BigEndian.PutUint32(out[start+12:], seq^0x40000000)
	}
	if m.command {
		binary.BigEndian.PutUint32(out[start+4:], uint32(unknownCommand.Response()))
	}
	if m.length {
		binary.BigEndian.PutUint32(out[start:], badLength)
	}
	return out
}

const (
	unknownCommand smpp.Command = 0x00000FFF
	badLength      uint32       = 0x7FFFFFFF
)
