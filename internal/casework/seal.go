package casework

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/jackc/pgx/v5"
)

// Head names the newest seal. Kept elsewhere (a log, another machine), it
// shows later whether the chain was cut or an old copy was put back.
type Head struct {
	Seq  int64
	Hash []byte
}

// Sealer chains audit events behind their commits, so that no command waits
// for the chain. Any number may run; one works at a time.
type Sealer struct {
	db    Transactor
	batch int
}

// NewSealer makes a Sealer.
func NewSealer(db Transactor) *Sealer { return &Sealer{db: db, batch: 1000} }

// Seal seals the events that wait, oldest first, one batch at most, and tells
// how many; less than a full batch means that none is left.
func (s *Sealer) Seal(ctx context.Context) (n int, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		n = 0
		if _, err := tx.Exec(ctx, sqlSealLock); err != nil {
			return fmt.Errorf("take the seal: %w", err)
		}
		var head Head
		err := tx.QueryRow(ctx, sqlSealHead).Scan(&head.Seq, &head.Hash)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("read the newest seal: %w", err)
		}
		rows, err := tx.Query(ctx, sqlUnsealed, s.batch)
		if err != nil {
			return fmt.Errorf("read unsealed events: %w", err)
		}
		events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[event])
		if err != nil {
			return fmt.Errorf("read unsealed events: %w", err)
		}
		if len(events) == 0 {
			return nil
		}
		seqs, ids := make([]int64, len(events)), make([]int64, len(events))
		prevs, hashes := make([][]byte, len(events)), make([][]byte, len(events))
		for i, e := range events {
			next := Head{head.Seq + 1, e.seal(head.Seq+1, head.Hash)}
			seqs[i], ids[i], prevs[i], hashes[i] = next.Seq, e.ID, head.prev(), next.Hash
			head = next
		}
		if _, err := tx.Exec(ctx, sqlSeal, seqs, ids, prevs, hashes); err != nil {
			return fmt.Errorf("store seals: %w", err)
		}
		n = len(events)
		return nil
	})
	return n, err
}

// SealAll seals until no event waits. It fits a job that runs every few seconds.
func (s *Sealer) SealAll(ctx context.Context) error {
	for {
		n, err := s.Seal(ctx)
		if err != nil || n < s.batch {
			return err
		}
	}
}

func (h Head) prev() []byte {
	if h.Hash == nil {
		return []byte{}
	}
	return h.Hash
}

// event is an audit event as it is sealed.
type event struct {
	ID          int64
	At          time.Time
	ActorKind   string
	ActorID     int64
	Role        string
	OnBehalfOf  *int64
	Channel     string
	Action      string
	ObjectKind  string
	ObjectID    int64
	ReasonCode  *string
	Note        *string
	Detail      string
	RuleVersion int32
	CommandID   *int64
}

// sealForm begins every hashed text; it changes when the columns do.
const sealForm = "wasl audit 1"

// seal is SHA-256 over the form, the place in the chain, the seal before and
// every column, each with its length before it, so that no two events are
// written alike.
func (e event) seal(seq int64, prev []byte) []byte {
	w := canonical{sha256.New()}
	w.text(sealForm)
	w.number(seq)
	w.bytes(prev)
	w.number(e.ID)
	w.number(e.At.UnixMicro())
	w.text(e.ActorKind)
	w.number(e.ActorID)
	w.text(e.Role)
	w.maybeNumber(e.OnBehalfOf)
	w.text(e.Channel)
	w.text(e.Action)
	w.text(e.ObjectKind)
	w.number(e.ObjectID)
	w.maybeText(e.ReasonCode)
	w.maybeText(e.Note)
	w.text(e.Detail)
	w.number(int64(e.RuleVersion))
	w.maybeNumber(e.CommandID)
	return w.Sum(nil)
}

type canonical struct{ hash.Hash }

func (w canonical) bytes(b []byte) {
	w.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
	w.Write(b)
}

func (w canonical) text(s string) { w.bytes([]byte(s)) }

func (w canonical) number(n int64) { w.bytes(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func (w canonical) maybeText(s *string) {
	if s == nil {
		w.bytes(nil)
		return
	}
	w.bytes(append([]byte{1}, *s...))
}

func (w canonical) maybeNumber(n *int64) {
	if n == nil {
		w.bytes(nil)
		return
	}
	w.number(*n)
}

// BreakKind says what is wrong with the trail.
type BreakKind string

// Kinds of breaks.
const (
	Edited   BreakKind = "edited"   // the event or its seal says something else than was sealed
	Missing  BreakKind = "missing"  // a sealed event is gone
	Gap      BreakKind = "gap"      // seals are gone from the middle, or out of order
	Unsealed BreakKind = "unsealed" // an event has lost its seal, or the sealer stands still
	Cut      BreakKind = "cut"      // a head known from elsewhere is not in the chain
)

// Break is the first place where the trail does not hold.
type Break struct {
	Kind    BreakKind
	Seq     int64 // seal; 0 for an unsealed event
	EventID int64
}

// Report is what Verify found. A nil First means that every event stands as
// it was sealed.
type Report struct {
	Sealed  int64
	Waiting int64 // younger than a minute
	Head    Head
	First   *Break
}

// verifyBatch bounds memory, not the length of the trail.
const verifyBatch = 2000

// Reader reads rows: a pool, or a transaction.
type Reader interface {
	Querier
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Verify recomputes the whole chain and finds the first event that was
// edited, deleted, swapped or cut off. Heads kept elsewhere also show a chain
// that was cut together with its events, or rolled back.
func Verify(ctx context.Context, db Reader, known ...Head) (Report, error) {
	var r Report
	expected := map[int64][]byte{}
	for _, h := range known {
		expected[h.Seq] = h.Hash
	}
	for {
		n, err := r.verify(ctx, db, expected)
		if err != nil {
			return r, fmt.Errorf("verify the audit trail: %w", err)
		}
		if r.First != nil {
			return r, nil
		}
		if n < verifyBatch {
			break
		}
	}
	for seq := range expected {
		if r.First == nil || seq < r.First.Seq {
			r.First = &Break{Kind: Cut, Seq: seq}
		}
	}
	var id int64
	err := db.QueryRow(ctx, sqlLeftUnsealed).Scan(&id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return r, fmt.Errorf("look for unsealed events: %w", err)
	case r.First == nil:
		r.First = &Break{Kind: Unsealed, EventID: id}
	}
	if err := db.QueryRow(ctx, sqlCountWaiting).Scan(&r.Waiting); err != nil {
		return r, fmt.Errorf("count waiting events: %w", err)
	}
	return r, nil
}

// verify goes on by one batch and tells how many seals it held.
func (r *Report) verify(ctx context.Context, db Reader, expected map[int64][]byte) (n int, err error) {
	rows, err := db.Query(ctx, sqlSealed, r.Head.Seq, verifyBatch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
		var seq, eventID int64
		var prev, sum []byte
		var gone bool
		var e event
		if err := rows.Scan(&seq, &eventID, &prev, &sum, &gone, &e.ID, &e.At, &e.ActorKind, &e.ActorID, &e.Role,
			&e.OnBehalfOf, &e.Channel, &e.Action, &e.ObjectKind, &e.ObjectID, &e.ReasonCode, &e.Note, &e.Detail,
			&e.RuleVersion, &e.CommandID); err != nil {
			return n, err
		}
		broken := func(k BreakKind) { r.First = &Break{Kind: k, Seq: seq, EventID: eventID} }
		switch {
		case seq != r.Head.Seq+1:
			r.First = &Break{Kind: Gap, Seq: r.Head.Seq + 1}
		case gone:
			broken(Missing)
		case !bytes.Equal(prev, r.Head.prev()):
			broken(Gap)
		case !bytes.Equal(sum, e.seal(seq, r.Head.Hash)):
			broken(Edited)
		case expected[seq] != nil && !bytes.Equal(expected[seq], sum):
			broken(Cut)
		}
		if r.First != nil {
			return n, nil
		}
		delete(expected, seq)
		r.Sealed, r.Head = r.Sealed+1, Head{seq, sum}
	}
	return n, rows.Err()
}
