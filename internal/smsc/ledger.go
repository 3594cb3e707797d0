package smsc

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// Accepted is one message the operator took over from an application. It is
// the judge in tests: what stands here was sent, what does not was not.
type Accepted struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	SystemID   string    `json:"system_id"`
	Bind       int       `json:"bind"` // the account's bind it came on
	Seq        uint32    `json:"seq"`  // sequence_number there: the order of arrival
	Source     string    `json:"source"`
	Dest       string    `json:"dest"`
	Op         byte      `json:"op,omitempty"` // ussd_service_op; 0 for an SMS
	DataCoding uint8     `json:"data_coding"`
	ESMClass   uint8     `json:"esm_class"`
	Payload    []byte    `json:"payload"`
	Text       string    `json:"text"` // of this part
}

// LogValue keeps numbers and texts out of logs.
func (a Accepted) LogValue() slog.Value { return slog.StringValue("accepted " + a.ID) }

type ledger struct {
	mu      sync.Mutex
	entries []Accepted
	limit   int
	file    *os.File
}

func openLedger(path string, limit int) (*ledger, error) {
	l := &ledger{limit: limit}
	if path == "" {
		return l, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("smsc: open the ledger: %w", err)
	}
	l.file = f
	return l, nil
}

// add keeps an entry, on disk first where there is a file: a kill after the
// response must find the entry there.
func (l *ledger) add(a Accepted) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		line, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("smsc: write the ledger: %w", err)
		}
		if _, err := l.file.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("smsc: write the ledger: %w", err)
		}
		if err := l.file.Sync(); err != nil {
			return fmt.Errorf("smsc: sync the ledger: %w", err)
		}
	}
	if len(l.entries) >= l.limit {
		// A tenth at a time, so that a long run does not move the whole list for each entry.
		l.entries = append(l.entries[:0], l.entries[l.limit/10+1:]...)
	}
	l.entries = append(l.entries, a)
	return nil
}

func (l *ledger) all() []Accepted {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
