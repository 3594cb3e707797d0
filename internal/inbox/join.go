package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// piece is one stored part.
type piece struct {
	Part            int16
	Total           int16
	Operator        string
	ShortCode       string
	DataCoding      int16
	Locking, Single int16
	NumberSealed    []byte
	PayloadSealed   []byte
	ReceivedAt      time.Time
}

// keepPart stores one part and, when it is the last to come, the whole text in
// the same transaction. A part that says something else under a number that is
// taken, or comes after the others have waited too long, begins a new text: the
// sender has used the reference anew.
func (b *Inbox) keepPart(ctx context.Context, a Arrival, key []byte, now time.Time) (v Verdict, err error) {
	group := b.group(a)
	err = b.cfg.DB.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlSee, key, repeatWindow, now)
		if err != nil {
			return fmt.Errorf("inbox: look for a repeat: %w", err)
		}
		if tag.RowsAffected() == 0 {
			v = Repeated
			return nil
		}
		pieces, err := lockGroup(ctx, tx, group)
		if err != nil {
			return err
		}
		for _, p := range pieces {
			if p.Part == int16(a.Concat.Seq) || now.Sub(p.ReceivedAt) > joinWindow {
				if err := b.join(ctx, tx, group, pieces, now); err != nil {
					return err
				}
				pieces = nil
				break
			}
		}
		added, err := b.storePart(ctx, tx, group, a, now)
		if err != nil {
			return err
		}
		if v = Waiting; len(pieces)+1 == int(a.Concat.Total) {
			v = Stored
			return b.join(ctx, tx, group, append(pieces, added), now)
		}
		return nil
	})
	return v, err
}

func lockGroup(ctx context.Context, tx pgx.Tx, group []byte) ([]piece, error) {
	if _, err := tx.Exec(ctx, sqlLockGroup, lockOf(group)); err != nil {
		return nil, fmt.Errorf("inbox: lock the parts of a text: %w", err)
	}
	rows, err := tx.Query(ctx, sqlPieces, group)
	if err != nil {
		return nil, fmt.Errorf("inbox: parts of a text: %w", err)
	}
	pieces, err := pgx.CollectRows(rows, pgx.RowToStructByName[piece])
	if err != nil {
		return nil, fmt.Errorf("inbox: parts of a text: %w", err)
	}
	return pieces, nil
}

// A part is sealed to its place in its group.
func placeOf(group []byte, part int16) int64 { return lockOf(group) ^ int64(part) }

func (b *Inbox) storePart(ctx context.Context, tx pgx.Tx, group []byte, a Arrival, now time.Time) (piece, error) {
	p := piece{
		Part: int16(a.Concat.Seq), Total: int16(a.Concat.Total), Operator: a.Operator, ShortCode: a.To,
		DataCoding: int16(a.DataCoding), Locking: int16(a.Language.Locking), Single: int16(a.Language.Single), ReceivedAt: now,
	}
	var err error
	if p.NumberSealed, err = b.cfg.Vault.Seal("inbound_part", "number_sealed", placeOf(group, p.Part), []byte(a.From.Raw())); err != nil {
		return p, fmt.Errorf("inbox: seal number: %w", err)
	}
	if p.PayloadSealed, err = b.cfg.Vault.Seal("inbound_part", "payload_sealed", placeOf(group, p.Part), a.Payload); err != nil {
		return p, fmt.Errorf("inbox: seal part: %w", err)
	}
	_, err = tx.Exec(ctx, sqlStorePart, group, p.Part, p.Total, p.Operator, p.ShortCode, p.DataCoding, p.Locking, p.Single,
		p.NumberSealed, p.PayloadSealed, now)
	if err != nil {
		return p, fmt.Errorf("inbox: store a part: %w", err)
	}
	return p, nil
}

// join makes one text of the parts that are there and forgets them.
func (b *Inbox) join(ctx context.Context, tx pgx.Tx, group []byte, pieces []piece, now time.Time) error {
	if len(pieces) == 0 {
		return nil
	}
	var from []byte
	segments := make([]gsm.Segment, len(pieces))
	for i, p := range pieces {
		payload, err := b.cfg.Vault.Open("inbound_part", "payload_sealed", placeOf(group, p.Part), p.PayloadSealed)
		if err != nil {
			return fmt.Errorf("inbox: open a part: %w", err)
		}
		if from, err = b.cfg.Vault.Open("inbound_part", "number_sealed", placeOf(group, p.Part), p.NumberSealed); err != nil {
			return fmt.Errorf("inbox: open a part's number: %w", err)
		}
		segments[i] = gsm.Segment{
			Concat:     gsm.Concat{Total: uint8(p.Total), Seq: uint8(p.Part)},
			DataCoding: byte(p.DataCoding), Payload: payload,
			Language: gsm.Language{Locking: byte(p.Locking), Single: byte(p.Single)},
		}
	}
	body, complete, err := gsm.Join(segments)
	if err != nil {
		return fmt.Errorf("inbox: join a text: %w", err)
	}
	t := whole{
		operator: pieces[0].Operator, from: private.StoredMsisdn(string(from)), to: pieces[0].ShortCode,
		body: body, incomplete: !complete, state: "waiting",
	}
	if !b.flood.Allow(t.from, b.cfg.Flood.Burst, b.cfg.Flood.Every, now) {
		t.state = "flood"
	}
	ids, err := b.ids(ctx, tx, 1)
	if err != nil {
		return err
	}
	r := &rows{}
	if err := b.add(r, ids[0], t, nil, now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlStoreJoined, r.args()[1:]...); err != nil {
		return fmt.Errorf("inbox: store a joined text: %w", err)
	}
	if _, err := tx.Exec(ctx, sqlForgetParts, group); err != nil {
		return fmt.Errorf("inbox: forget joined parts: %w", err)
	}
	return nil
}

// joinLate hands on what there is of texts whose other parts have not come.
func (b *Inbox) joinLate(ctx context.Context) error {
	now := b.cfg.Now()
	rows, err := b.cfg.DB.Query(ctx, sqlLateGroups, now.Add(-joinWindow))
	if err != nil {
		return fmt.Errorf("inbox: texts with parts missing: %w", err)
	}
	groups, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("inbox: texts with parts missing: %w", err)
	}
	for _, group := range groups {
		err := b.cfg.DB.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			pieces, err := lockGroup(ctx, tx, group)
			if err != nil {
				return err
			}
			for _, p := range pieces {
				if now.Sub(p.ReceivedAt) <= joinWindow {
					return nil // one more has come meanwhile
				}
			}
			return b.join(ctx, tx, group, pieces, now)
		})
		if err != nil {
			return err
		}
		b.ring()
	}
	return nil
}
