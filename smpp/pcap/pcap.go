// Package pcap writes what passes on SMPP sessions as a capture that
// Wireshark and tshark read, numbers, texts and passwords masked.
//
// It is no capture of the network: the packets are made up around the PDUs,
// with 192.0.2.1 for the ESME and 192.0.2.2, port 2775, for the SMSC. Each
// session has its own port on the side of the ESME.
package pcap

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

const (
	smscPort  = 2775 // as which dissectors know SMPP
	firstPort = 50000

	linkIPv4   = 228
	magicNano  = 0xa1b23c4d
	snapLength = 65535
	segment    = 32 << 10 // of a PDU in one packet, which holds less than 65536
	ipHead     = 20
	tcpHead    = 20

	// sessionsKept is how many sessions keep their port: with more at once,
	// one may go on under a new port.
	sessionsKept = 64
)

var (
	esmeIP = [4]byte{192, 0, 2, 1}
	smscIP = [4]byte{192, 0, 2, 2}
)

// Writer writes one capture. It is not safe for concurrent use.
type Writer struct {
	w       io.Writer
	size    int64
	err     error
	buf     []byte
	port    uint16
	streams map[*smpp.Session]*stream
}

// stream is one made-up connection.
type stream struct {
	port uint16
	sent [2]uint32 // octets, by ESME and by SMSC
}

// NewWriter writes the beginning of a capture to w. An error of w comes with
// the first Frame.
func NewWriter(w io.Writer) *Writer {
	p := &Writer{w: w, port: firstPort, streams: make(map[*smpp.Session]*stream)}
	b := binary.BigEndian.AppendUint32(nil, magicNano)
	b = binary.BigEndian.AppendUint16(b, 2)
	b = binary.BigEndian.AppendUint16(b, 4)
	b = binary.BigEndian.AppendUint64(b, 0) // time zone, accuracy
	b = binary.BigEndian.AppendUint32(b, snapLength)
	p.write(binary.BigEndian.AppendUint32(b, linkIPv4))
	return p
}

// Size is the number of octets written.
func (p *Writer) Size() int64 { return p.size }

// Frame writes one PDU as smpp.FrameTracer sees it, masked. After an error of
// the writer below it writes nothing any more and returns that error.
func (p *Writer) Frame(at time.Time, s *smpp.Session, dir smpp.Direction, h smpp.Header, body []byte) error {
	from := 0
	if s.IsSMSC() == (dir == smpp.Out) {
		from = 1
	}
	pdu := append(smpp.AppendHeader(make([]byte, 0, headerLen+len(body)), h.Command, h.Status, h.Seq), body...)
	binary.BigEndian.PutUint32(pdu, h.Length)
	pdu = Mask(pdu)
	st := p.stream(s)
	p.buf = p.buf[:0]
	for len(pdu) > 0 {
		n := min(len(pdu), segment)
		p.buf = st.packet(p.buf, at, from, pdu[:n], n == len(pdu))
		st.sent[from] += uint32(n)
		pdu = pdu[n:]
	}
	p.write(p.buf)
	return p.err
}

func (p *Writer) write(b []byte) {
	if p.err != nil {
		return
	}
	var n int
	n, p.err = p.w.Write(b)
	p.size += int64(n)
}

func (p *Writer) stream(s *smpp.Session) *stream {
	if st := p.streams[s]; st != nil {
		return st
	}
	if len(p.streams) >= sessionsKept {
		clear(p.streams)
	}
	st := &stream{port: p.port}
	p.streams[s] = st
	if p.port++; p.port == 0 {
		p.port = firstPort
	}
	return st
}

// packet appends one record of the capture: an IPv4 packet with a TCP segment.
// [RFC 791, RFC 9293]
func (st *stream) packet(b []byte, at time.Time, from int, data []byte, last bool) []byte {
	size := ipHead + tcpHead + len(data)
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = binary.BigEndian.AppendUint32(b, uint32(size))

	ip := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(b, 0, 0, 0x40, 0, 64, 6, 0, 0) // not to be fragmented, TCP
	addresses, ports := [2][4]byte{esmeIP, smscIP}, [2]uint16{st.port, smscPort}
	b = append(b, addresses[from][:]...)
	b = append(b, addresses[1-from][:]...)
	binary.BigEndian.PutUint16(b[ip+10:], checksum(0, b[ip:]))

	tcp := len(b)
	b = binary.BigEndian.AppendUint16(b, ports[from])
	b = binary.BigEndian.AppendUint16(b, ports[1-from])
	b = binary.BigEndian.AppendUint32(b, 1+st.sent[from])
	b = binary.BigEndian.AppendUint32(b, 1+st.sent[1-from])
	flags := byte(0x10) // ACK
	if last {
		flags |= 0x08 // PSH
	}
	b = append(b, tcpHead/4<<4, flags, 0xFF, 0xFF, 0, 0, 0, 0)
	b = append(b, data...)
	pseudo := uint32(6) + uint32(len(b)-tcp)
	for _, a := range addresses {
		pseudo += uint32(a[0])<<8 | uint32(a[1])
		pseudo += uint32(a[2])<<8 | uint32(a[3])
	}
	binary.BigEndian.PutUint16(b[tcp+16:], checksum(pseudo, b[tcp:]))
	return b
}

// checksum is that of RFC 1071.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}
