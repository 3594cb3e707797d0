package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/message"
)

// Tx is the transaction of one command. What is told and audited through it
// commits with the command or not at all.
type Tx struct {
	pgx.Tx
	cmd       Command
	commandID int64
	now       time.Time
	texts     []message.Outbound
	entries   []Entry
}

// Entry is an audit event that is no transition: a read, a login, a setting.
type Entry struct {
	Action     string
	ObjectKind string
	ObjectID   int64
	Reason     string
	Note       string
	Detail     map[string]any // ids and codes only
}

// File is a case as it stands.
type File struct {
	ID              int64
	Ref             string
	Machine         string
	MachineVersion  int
	AccountID       int64
	AuthorityID     *int64
	EstablishmentID *int64
	State           State
	Version         int
	CreatedAt       time.Time
	DueAt           *time.Time
	ClockLeft       *time.Duration
	Alarm           int16
}

// Opening says where a new case belongs.
type Opening struct {
	AccountID       int64
	AuthorityID     *int64
	EstablishmentID *int64
	DueAt           *time.Time
}

// Move is one event on a case the caller has read; the move is refused as a
// Conflict when the case has changed since.
type Move struct {
	Event  Event
	Reason string // reason code, where the rule needs one
	Note   string // for staff eyes only
	Detail map[string]any
	Rules  int    // version of the rule set that the move was measured by; 0: none
	By     *Actor // who acts, when not the command's own actor: a timer that ran out meanwhile
}

// Now is the instant of the command: one for all its rows.
func (t *Tx) Now() time.Time { return t.now }

// Command gives the command being run.
func (t *Tx) Command() Command { return t.cmd }

// Tell adds a text that is stored with the command.
func (t *Tx) Tell(m message.Outbound) { t.texts = append(t.texts, m) }

// Audit adds an event that is stored with the command.
func (t *Tx) Audit(e Entry) { t.entries = append(t.entries, e) }

// Begin opens a new case by a rule from "" and gives it a reference.
func (t *Tx) Begin(ctx context.Context, m Machine, o Opening, mv Move) (File, error) {
	rule, err := m.Next("", mv.Event, t.cmd.Actor)
	if err != nil {
		return File{}, err
	}
	detail, err := encode(mv.Detail)
	if err != nil {
		return File{}, err
	}
	for range 8 { // a reference taken by another case is drawn again
		ref, err := NewRef()
		if err != nil {
			return File{}, err
		}
		a := t.cmd.Actor
		rows, err := t.Query(ctx, sqlBegin, ref, m.Name, m.Version, o.AccountID, o.AuthorityID, o.EstablishmentID,
			rule.To, t.now, o.DueAt, rule.Event, rule.HumanOnly, rule.NeedsReason, a.Kind, a.ID, a.Role,
			zeroNil(a.OnBehalfOf), t.cmd.Channel, emptyNil(mv.Reason), emptyNil(mv.Note), detail, t.commandID, mv.Rules)
		if err != nil {
			return File{}, fmt.Errorf("begin %s: %w", m.Name, err)
		}
		f, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[File])
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return File{}, fmt.Errorf("begin %s: %w", m.Name, err)
		}
		return f, nil
	}
	return File{}, fmt.Errorf("begin %s: no free reference", m.Name)
}

// Move moves a case by one event and gives it as it stands then.
func (t *Tx) Move(ctx context.Context, m Machine, f File, mv Move) (File, error) {
	a := t.cmd.Actor
	if mv.By != nil {
		a = *mv.By
	}
	rule, err := m.Next(f.State, mv.Event, a)
	if err != nil {
		return File{}, err
	}
	detail, err := encode(mv.Detail)
	if err != nil {
		return File{}, err
	}
	rows, err := t.Query(ctx, sqlMove, f.ID, f.Version, f.State, rule.To, t.now, rule.Event, rule.HumanOnly,
		rule.NeedsReason, a.Kind, a.ID, a.Role, zeroNil(a.OnBehalfOf), t.cmd.Channel,
		emptyNil(mv.Reason), emptyNil(mv.Note), detail, t.commandID, mv.Rules)
	if err != nil {
		return File{}, fmt.Errorf("move case %d: %w", f.ID, err)
	}
	after, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[File])
	if errors.Is(err, pgx.ErrNoRows) {
		return File{}, fault.Conflict("case.changed", nil).With(
			fmt.Errorf("case %d is no longer at version %d", f.ID, f.Version))
	}
	if err != nil {
		return File{}, fmt.Errorf("move case %d: %w", f.ID, err)
	}
	return after, nil
}

// Read gives a case by id, locked against moves until the command ends.
func (t *Tx) Read(ctx context.Context, id int64) (File, error) {
	rows, err := t.Query(ctx, sqlReadForUpdate, id)
	if err != nil {
		return File{}, fmt.Errorf("read case %d: %w", id, err)
	}
	f, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[File])
	if errors.Is(err, pgx.ErrNoRows) {
		return File{}, fault.NotFound("case.unknown", nil)
	}
	return f, err
}

// Assign sets where a case lies and its clock, without moving it.
func (t *Tx) Assign(ctx context.Context, f File, authority, establishment *int64, due *time.Time, left *time.Duration) error {
	_, err := t.Exec(ctx, sqlAssign, f.ID, authority, establishment, due, left)
	if err != nil {
		return fmt.Errorf("assign case %d: %w", f.ID, err)
	}
	return nil
}

// finish stores the audit entries and the command's result in one round trip.
func (t *Tx) finish(ctx context.Context, result any) error {
	batch := &pgx.Batch{}
	a := t.cmd.Actor
	for _, e := range t.entries {
		detail, err := encode(e.Detail)
		if err != nil {
			return err
		}
		batch.Queue(sqlAudit, t.now, a.Kind, a.ID, a.Role, zeroNil(a.OnBehalfOf), t.cmd.Channel, e.Action,
			e.ObjectKind, e.ObjectID, emptyNil(e.Reason), emptyNil(e.Note), detail, t.commandID)
	}
	if result != nil {
		stored, err := json.Marshal(result)
		if err != nil {
			return fmt.Errorf("%s: encode result: %w", t.cmd.Verb, err)
		}
		batch.Queue(sqlCommandEnd, t.commandID, stored)
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("%s: finish command: %w", t.cmd.Verb, err)
	}
	return nil
}

func encode(detail map[string]any) ([]byte, error) {
	if detail == nil {
		return []byte("{}"), nil
	}
	b, err := json.Marshal(detail)
	if err != nil {
		return nil, fmt.Errorf("encode audit detail: %w", err)
	}
	return b, nil
}

func zeroNil(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func emptyNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
