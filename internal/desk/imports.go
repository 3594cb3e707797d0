package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

// Register takes a file of events.
type Register interface {
	Import(ctx context.Context, cmd casework.Command, src establishment.Source, in io.Reader, progress func(done, total int)) (establishment.Report, error)
}

// Imports takes files of the register that staff hand in. A file is stored,
// sealed, before anybody is told that it came; Run takes it, in this process
// or another, and after a stop goes on where it was.
type Imports struct {
	desk     *Desk
	register Register
	onFault  func(error)
	bell     chan struct{}
}

// NewImports makes an Imports; onFault hears of what is tried again.
func NewImports(d *Desk, r Register, onFault func(error)) *Imports {
	return &Imports{desk: d, register: r, onFault: onFault, bell: make(chan struct{}, 1)}
}

// Bounds of an import.
const (
	FileMax      = 16 << 20 // octets; a hundred thousand people fit
	refusalsKept = 1000
	importLease  = time.Minute
	importTries  = 5
	importLook   = 5 * time.Second
)

// Import is a file and what has become of it so far.
type Import struct {
	ID              int64
	EstablishmentID int64
	At              time.Time
	By              string
	Done, Total     int
	Accepted        int
	Known           int
	Old             int
	Refused         int
	Refusals        []Refusal
	Failure         *Because
	FinishedAt      *time.Time
}

// Refusal is one line that was not taken.
type Refusal struct {
	Line int     `json:"line"`
	Why  Because `json:"why"`
}

// Because is the line of a reason as it is stored.
type Because struct {
	Key    text.Key       `json:"key"`
	Params map[string]any `json:"params,omitempty"`
}

// Text gives the reason to write out. Numbers come whole out of the store.
func (b Because) Text() text.Line {
	p := text.Params{}
	for name, v := range b.Params {
		if f, ok := v.(float64); ok {
			v = int(f)
		}
		p[name] = v
	}
	return text.L(b.Key, p)
}

func because(l text.Line) Because { return Because{l.Key, l.Params} }

// Hand stores a file of a house for Run and gives the import's id. The same
// file handed in again is the same import.
func (m *Imports) Hand(ctx context.Context, w Who, nonce string, house int64, file []byte) (id int64, err error) {
	if err := w.House(house, ImportRegister); err != nil {
		return 0, err
	}
	switch {
	case len(bytes.TrimSpace(file)) == 0:
		return 0, fault.Invalid("import.empty", nil)
	case len(file) > FileMax:
		return 0, fault.Invalid("desk.file_too_large", fault.Params{"n": FileMax >> 20})
	}
	d, hash := m.desk, sha256.Sum256(file)
	if err := d.db.QueryRow(ctx, sqlImportID).Scan(&id); err != nil {
		return 0, fmt.Errorf("hand in a file: %w", err)
	}
	sealed, err := d.keys.Seal("register_import", "file_sealed", id, file)
	if err != nil {
		return 0, fmt.Errorf("seal a file: %w", err)
	}
	_, err = d.book.Do(ctx, w.Command("register.hand_in", nonce), &id, func(ctx context.Context, tx *casework.Tx) error {
		tag, err := tx.Exec(ctx, sqlAddImport, id, house, hash[:], sealed, w.StaffID, w.Role, tx.Now())
		if err != nil {
			return fmt.Errorf("store a file: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return tx.QueryRow(ctx, sqlImportOfFile, house, hash[:]).Scan(&id)
		}
		tx.Audit(casework.Entry{Action: "register.hand_in", ObjectKind: "establishment", ObjectID: house, Detail: map[string]any{"import": id, "octets": len(file)}})
		return nil
	})
	if err != nil {
		return 0, err
	}
	select {
	case m.bell <- struct{}{}:
	default:
	}
	return id, nil
}

// Import gives one import of a house of the person's.
func (m *Imports) Import(ctx context.Context, w Who, id int64) (Import, error) {
	rows, err := m.desk.db.Query(ctx, sqlImport, id)
	if err != nil {
		return Import{}, fmt.Errorf("read import %d: %w", id, err)
	}
	one, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Import])
	if errors.Is(err, pgx.ErrNoRows) {
		return Import{}, fault.NotFound("desk.no_such_import", nil)
	}
	if err != nil {
		return Import{}, fmt.Errorf("read import %d: %w", id, err)
	}
	return one, w.House(one.EstablishmentID, ImportRegister)
}

// Of lists the last imports of a house, newest first.
func (m *Imports) Of(ctx context.Context, w Who, house int64) ([]Import, error) {
	if err := w.House(house, ImportRegister); err != nil {
		return nil, err
	}
	rows, err := m.desk.db.Query(ctx, sqlImportsOfHouse, house)
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Import])
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	return all, nil
}

// Run takes the files that were handed in until ctx ends.
func (m *Imports) Run(ctx context.Context) error {
	tick := time.NewTicker(importLook)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = m.next(ctx); err != nil && ctx.Err() == nil {
				m.onFault(err)
				more = false
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-m.bell:
		case <-tick.C:
		}
	}
}

// handed is one file that this process has claimed.
type handed struct {
	ID, House     int64
	Code, Country string
	Sealed        []byte
	StaffID       int64
	Role          Role
	Tries         int
}

// next takes one file, if any waits.
func (m *Imports) next(ctx context.Context) (more bool, err error) {
	d := m.desk
	rows, err := d.db.Query(ctx, sqlClaimImport, d.now(), d.now().Add(importLease))
	if err != nil {
		return false, fmt.Errorf("look for a file: %w", err)
	}
	h, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[handed])
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a file: %w", err)
	}
	report, err := m.take(ctx, h)
	if ctx.Err() != nil { // the next process goes on at once
		_, leave := d.db.Exec(context.WithoutCancel(ctx), sqlLeaveImport, h.ID)
		return false, errors.Join(err, leave)
	}
	if err != nil && fault.KindOf(err) != fault.KindInvalid && h.Tries < importTries {
		return false, fmt.Errorf("import %d: %w", h.ID, err)
	}
	return true, m.finish(ctx, h, report, err)
}

func (m *Imports) take(ctx context.Context, h handed) (establishment.Report, error) {
	d := m.desk
	file, err := d.keys.Open("register_import", "file_sealed", h.ID, h.Sealed)
	if err != nil {
		return establishment.Report{}, fmt.Errorf("open the file: %w", err)
	}
	cmd := casework.Command{
		Actor:   casework.Actor{Kind: casework.Staff, ID: h.StaffID, Role: string(h.Role)},
		Channel: Channel, Key: fmt.Sprintf("register.import/%d", h.ID), Verb: "register.import",
	}
	src := establishment.Source{Name: "desk/" + h.Code, Country: h.Country, Houses: []int64{h.House}}
	var slow error
	report, err := m.register.Import(ctx, cmd, src, bytes.NewReader(file), func(done, total int) {
		if _, err := d.db.Exec(ctx, sqlImportProgress, h.ID, done, total, d.now().Add(importLease)); err != nil {
			slow = err
		}
	})
	return report, errors.Join(err, slow)
}

func (m *Imports) finish(ctx context.Context, h handed, r establishment.Report, failed error) error {
	refusals := []Refusal{}
	for _, l := range r.Refused[:min(len(r.Refused), refusalsKept)] {
		refusals = append(refusals, Refusal{l.No, because(l.Why)})
	}
	var why *Because
	if failed != nil {
		b := because(fault.LineOf(failed))
		why = &b
		if fault.KindOf(failed) != fault.KindInvalid {
			m.onFault(fmt.Errorf("import %d given up: %w", h.ID, failed))
			why = &Because{Key: "desk.import_given_up"}
		}
	}
	_, err := m.desk.db.Exec(ctx, sqlFinishImport, h.ID, m.desk.now(), why, r.Accepted, r.Known, r.Old, len(r.Refused), refusals)
	if err != nil {
		return fmt.Errorf("finish import %d: %w", h.ID, err)
	}
	return nil
}
