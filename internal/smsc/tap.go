package smsc

import (
	"encoding/binary"
	"net"
	"sync"

	"github.com/wasl-sms/wasl/smpp"
)

// tap sits between a session and its connection, where an operator's faults
// happen: responses that get lost, links that break, PDUs that come again.
type tap struct {
	net.Conn
	mu   sync.Mutex // one PDU after the other, the session's and the repeated
	lost map[string]struct{}
}

// tapAddr carries the tap in the remote address, so that a session leads to it.
type tapAddr struct {
	net.Addr
	tap *tap
}

type tapListener struct{ net.Listener }

func (l tapListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tap{Conn: c, lost: make(map[string]struct{})}, nil
}

func tapOf(b *smpp.Session) *tap {
	t, _ := b.RemoteAddr().(tapAddr)
	return t.tap
}

func (t *tap) RemoteAddr() net.Addr { return tapAddr{t.Conn.RemoteAddr(), t} }

// lose keeps the response that carries this message id from being written.
func (t *tap) lose(messageID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost[messageID] = struct{}{}
}

// Write passes on what the session writes, which is always whole PDUs.
func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := b
	if len(t.lost) > 0 {
		out = t.without(b)
	}
	if len(out) > 0 {
		if _, err := t.Conn.Write(out); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// without copies the PDUs but the responses that are to be lost.
func (t *tap) without(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) >= headerLen {
		n := int(binary.BigEndian.Uint32(b))
		if n < headerLen || n > len(b) {
			break
		}
		id := ""
		if c := smpp.Command(binary.BigEndian.Uint32(b[4:])); c == smpp.SubmitSMResp || c == smpp.DataSMResp {
			id = smpp.DecodeReply(b[headerLen:n]).MessageID
		}
		if _, gone := t.lost[id]; gone {
			delete(t.lost, id)
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return append(out, b...)
}

// CloseWrite lets a session that ends in order close its half first.
func (t *tap) CloseWrite() error {
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

const headerLen = 16 // SMPP 3.4 §3.2

// again writes a PDU past the session, under a sequence number that was used.
func (t *tap) again(seq uint32, m smpp.ShortMessage) error {
	b, err := smpp.AppendMessage(nil, seq, &m)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err = t.Conn.Write(b)
	return err
}
