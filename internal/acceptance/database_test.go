package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// moment says on which side of its commit a piece of work stands.
type moment uint8

const (
	before    moment = iota // the process asked for it, PostgreSQL has not seen it
	committed               // PostgreSQL has done it, the process does not know
)

// work is what one commit holds.
type work struct {
	sql    []string
	commit bool // false: a statement inside a transaction that goes on
}

// database stands between a process and PostgreSQL. It understands just
// enough of their protocol (PostgreSQL 15, chapter 55) to stop each commit on
// its way there and on its way back.
type database struct {
	dsn    string // as the process sees it
	target string // the socket of PostgreSQL

	// at is asked at both moments of each commit, on the goroutine of its
	// connection; where it returns false nothing goes further, ever.
	at func(moment, work) bool

	ln    net.Listener
	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

const applicationName = "wasl-on-trial"

func newDatabase(t *testing.T, dsn string, at func(moment, work) bool) *database {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "wasl-trial-") //nolint:usetesting // a socket's path is limited to 107 octets
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	d := &database{target: filepath.Join(u.Query().Get("host"), socket), at: at, conns: map[net.Conn]struct{}{}}
	q := u.Query()
	q.Set("host", dir)
	q.Set("application_name", applicationName)
	u.RawQuery = q.Encode()
	d.dsn = u.String()
	if d.ln, err = (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, socket)); err != nil {
		t.Fatal(err)
	}
	d.wg.Go(d.accept)
	t.Cleanup(func() {
		_ = d.ln.Close()
		d.cut()
		d.wg.Wait()
		_ = os.RemoveAll(dir)
	})
	return d
}

// cut breaks every connection.
func (d *database) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		_ = c.Close()
	}
}

func (d *database) track(c net.Conn) (forget func()) {
	d.mu.Lock()
	d.conns[c] = struct{}{}
	d.mu.Unlock()
	return func() {
		_ = c.Close()
		d.mu.Lock()
		delete(d.conns, c)
		d.mu.Unlock()
	}
}

func (d *database) accept() {
	for {
		process, err := d.ln.Accept()
		if err != nil {
			return
		}
		d.wg.Go(func() { d.serve(process) })
	}
}

// serve relays one connection until either side ends it.
func (d *database) serve(process net.Conn) {
	defer d.track(process)()
	server, err := (&net.Dialer{}).DialContext(context.Background(), "unix", d.target)
	if err != nil {
		return // PostgreSQL is away, and the process sees just that
	}
	defer d.track(server)()
	c := &conversation{
		database: d, process: process, server: server, prepared: map[string]string{}, stop: make(chan struct{}),
		asks: bufio.NewReader(process), says: bufio.NewReader(server),
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c.answers()
		_ = process.Close()
	})
	c.requests()
	close(c.stop)
	_ = server.Close()
	wg.Wait()
}

// conversation is one connection of the process.
type conversation struct {
	*database
	process, server net.Conn
	asks, says      *bufio.Reader
	prepared        map[string]string // statements by their names
	inside          []string          // statements of the transaction that is open
	open            bool
	stop            chan struct{} // the process has ended

	waits   sync.Mutex
	waiting []work // sent to the server, not answered
}

// requests carries what the process asks, one unit at a time: a unit ends with
// Sync or is a simple Query, and PostgreSQL begins it only when it has it whole.
func (c *conversation) requests() {
	if !c.startUp() {
		return
	}
	var out []byte
	var sql []string
	for {
		kind, body, err := readMessage(c.asks)
		if err != nil {
			return
		}
		out = appendMessage(out, kind, body)
		switch kind {
		case 'P': // Parse: name, query
			name, query := cstrings(body)
			c.prepared[name] = query
			continue
		case 'B': // Bind: portal, statement
			_, name := cstrings(body)
			sql = append(sql, c.prepared[name])
			continue
		case 'D', 'E', 'C', 'F': // Describe, Execute, Close, function call
			continue
		case 'Q':
			query, _ := cstrings(body)
			sql = append(sql, query)
		case 'S':
		default: // the data of a copy, Flush, Terminate
			if _, err := c.server.Write(out); err != nil {
				return
			}
			out = out[:0]
			continue
		}
		w := c.unit(sql)
		sql = nil
		if w.commit && !c.at(before, w) {
			return
		}
		c.waits.Lock()
		c.waiting = append(c.waiting, w)
		c.waits.Unlock()
		if _, err := c.server.Write(out); err != nil {
			return
		}
		out = out[:0]
	}
}

// startUp relays the process's first words, which have no kind.
func (c *conversation) startUp() bool {
	const wantsTLS = 80877103
	for {
		first, err := bare(c.asks)
		if err != nil {
			return false
		}
		if binary.BigEndian.Uint32(first[4:]) == wantsTLS {
			if _, err := c.process.Write([]byte{'N'}); err != nil {
				return false
			}
			continue
		}
		_, err = c.server.Write(first)
		return err == nil
	}
}

// unit tells what is committed by a unit.
func (c *conversation) unit(sql []string) work {
	if len(sql) == 0 {
		return work{}
	}
	switch verb, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(sql[0])), " "); {
	case verb == "begin":
		c.open, c.inside = true, nil
		return work{sql: sql}
	case verb == "rollback":
		c.open = false
		return work{sql: sql}
	case verb == "commit":
		c.open = false
		return work{sql: c.inside, commit: true}
	case c.open:
		c.inside = append(c.inside, sql...)
		return work{sql: sql}
	}
	return work{sql: sql, commit: true}
}

// answers carries what the server says, and keeps back all answers to a unit
// until it is done.
func (c *conversation) answers() {
	var held []byte
	for {
		kind, body, err := readMessage(c.says)
		if err != nil {
			return
		}
		held = appendMessage(held, kind, body)
		c.waits.Lock()
		idle := len(c.waiting) == 0
		var w work
		if kind == 'Z' && !idle { // ReadyForQuery
			w = c.waiting[0]
			c.waiting = c.waiting[1:]
		}
		c.waits.Unlock()
		if w.commit && !c.at(committed, w) {
			<-c.stop
			return
		}
		if idle || kind == 'Z' || kind == 'G' || kind == 'H' || kind == 'W' || len(held) > 1<<20 {
			if _, err := c.process.Write(held); err != nil {
				return
			}
			held = held[:0]
		}
	}
}

// readMessage reads one message: a kind, a length that counts itself, a body.
func readMessage(r io.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n < 4 || n > 64<<20 {
		return 0, nil, fmt.Errorf("a message of %d octets", n)
	}
	body = make([]byte, n-4)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}

func appendMessage(b []byte, kind byte, body []byte) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body))+4)
	return append(b, body...)
}

func bare(r io.Reader) ([]byte, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(b)
	if n < 8 || n > 64<<10 {
		return nil, errors.New("not a start of PostgreSQL's protocol")
	}
	b = append(b, make([]byte, n-8)...)
	_, err := io.ReadFull(r, b[8:])
	return b, err
}

// cstrings gives the first two strings of a body.
func cstrings(b []byte) (first, second string) {
	one, rest, _ := bytes.Cut(b, []byte{0})
	two, _, _ := bytes.Cut(rest, []byte{0})
	return string(one), string(two)
}
