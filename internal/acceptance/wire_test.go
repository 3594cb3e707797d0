package acceptance

import (
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// sight is a PDU as the operator's side of the link sees it.
type sight uint8

const (
	read    sight = iota // come from the process; the operator has not seen it
	unsent               // the operator's, about to be written
	written              // the operator's, written
)

// what a PDU is about.
type about uint8

const (
	ofNothing about = iota
	ofPart          // submit_sm of a text
	ofPage          // submit_sm of a dialogue
	ofText          // deliver_sm of a person's text
	ofStep          // deliver_sm of a dialogue
	ofReceipt       // deliver_sm of a receipt
)

// pdu is one PDU on the link.
type pdu struct {
	smpp.Header
	about
	response bool
	message  smpp.ShortMessage // of requests
}

// wire is the operator's listener. It looks at each PDU in both directions.
type wire struct {
	net.Listener
	// at is asked for each PDU, on the goroutine that reads or writes it; where
	// it returns false the PDU is lost and the link is cut.
	at    func(sight, pdu) bool
	links *links
}

func (w wire) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	link := &wired{
		Conn: c, at: w.at, asked: map[uint32]about{}, told: map[uint32]about{},
		enquiries: map[uint32]chan time.Time{},
	}
	w.links.add(link)
	return link, nil
}

// links are the connections of an operator, those that ended too.
type links struct {
	mu  sync.Mutex
	all []*wired
}

func (l *links) add(c *wired) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, c)
}

func (l *links) list() []*wired {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

type wired struct {
	net.Conn
	at func(sight, pdu) bool

	in, ready []byte // octets of an unfinished PDU; whole ones for the operator

	mu          sync.Mutex
	asked, told map[uint32]about // open requests of the process, and of the operator, by sequence number
	enquiries   map[uint32]chan time.Time

	writing sync.Mutex // whole PDUs, the session's and ours in turn
}

// enquire sends an enquire_link past the operator's session, and gives when
// its answer comes.
func (c *wired) enquire(n uint32) (answered <-chan time.Time, err error) {
	const ours = 1 << 30 // the session counts from 1
	ch := make(chan time.Time, 1)
	c.mu.Lock()
	c.enquiries[ours+n] = ch
	c.mu.Unlock()
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.SetWriteDeadline(time.Time{}) // the session's last is over
	_, err = c.Conn.Write(smpp.AppendHeader(nil, smpp.EnquireLink, 0, ours+n))
	return ch, err
}

// ours takes the answers to enquire.
func (c *wired) ours(p pdu) bool {
	if p.Command != smpp.EnquireLinkResp {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, ok := c.enquiries[p.Seq]
	if ok {
		delete(c.enquiries, p.Seq)
		ch <- time.Now()
	}
	return ok
}

// Read gives whole PDUs that at let through.
func (c *wired) Read(b []byte) (int, error) {
	for len(c.ready) == 0 {
		chunk := make([]byte, 16<<10)
		n, err := c.Conn.Read(chunk)
		c.in = append(c.in, chunk[:n]...)
		for frame := c.frame(); frame != nil; frame = c.frame() {
			p := c.look(frame, c.asked, c.told)
			if c.ours(p) {
				continue
			}
			if !c.at(read, p) {
				_ = c.Close()
				return 0, net.ErrClosed
			}
			c.ready = append(c.ready, frame...)
		}
		if err != nil && len(c.ready) == 0 {
			return 0, err
		}
	}
	n := copy(b, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// frame cuts the next whole PDU off what was read.
func (c *wired) frame() []byte {
	if len(c.in) < headerLen {
		return nil
	}
	n := int(binary.BigEndian.Uint32(c.in))
	if n < headerLen || len(c.in) < n {
		return nil
	}
	f := c.in[:n:n]
	c.in = c.in[n:]
	return f
}

const headerLen = 16 // SMPP 3.4 §3.2

// Write takes whole PDUs, which is what a session writes.
func (c *wired) Write(b []byte) (int, error) {
	rest := b
	for len(rest) >= headerLen {
		n := int(binary.BigEndian.Uint32(rest))
		p := c.look(rest[:n], c.told, c.asked)
		if !c.at(unsent, p) {
			_ = c.Close()
			return 0, net.ErrClosed
		}
		c.writing.Lock()
		_, err := c.Conn.Write(rest[:n])
		c.writing.Unlock()
		if err != nil {
			return 0, err
		}
		if !c.at(written, p) {
			_ = c.Close()
			return 0, net.ErrClosed
		}
		rest = rest[n:]
	}
	return len(b), nil
}

// look reads a PDU. mine are the open requests of its writer, theirs those of
// the other side, which its responses answer.
func (c *wired) look(frame []byte, mine, theirs map[uint32]about) pdu {
	p := pdu{Header: smpp.Header{
		Command: smpp.Command(binary.BigEndian.Uint32(frame[4:])),
		Status:  smpp.Status(binary.BigEndian.Uint32(frame[8:])),
		Seq:     binary.BigEndian.Uint32(frame[12:]),
	}}
	p.response = p.Command&0x80000000 != 0
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.response {
		p.about = theirs[p.Seq]
		delete(theirs, p.Seq)
		return p
	}
	if p.Command != smpp.SubmitSM && p.Command != smpp.DeliverSM {
		return p
	}
	m, err := smpp.DecodeMessage(p.Command, frame[headerLen:])
	if err != nil {
		return p
	}
	p.message = m
	_, dialogue := m.TLVs.Uint(smpp.TagUSSDServiceOp)
	switch {
	case p.Command == smpp.SubmitSM && dialogue:
		p.about = ofPage
	case p.Command == smpp.SubmitSM:
		p.about = ofPart
	case dialogue:
		p.about = ofStep
	case m.IsReceipt():
		p.about = ofReceipt
	default:
		p.about = ofText
	}
	mine[p.Seq] = p.about
	return p
}

// CloseWrite lets a session that ends in order close its half first.
func (c *wired) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
