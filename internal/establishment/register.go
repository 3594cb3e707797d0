package establishment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

// Watcher acts on what happened to detainees, in the same transaction.
type Watcher interface {
	DetaineesChanged(ctx context.Context, tx *casework.Tx, changes []Change) error
}

// Commands runs a command once per key.
type Commands interface {
	Do(ctx context.Context, c casework.Command, result any, fn func(context.Context, *casework.Tx) error) (bool, error)
}

// Register writes what happens to detainees. It is safe for concurrent use.
type Register struct {
	dir      *Directory
	book     Commands
	watchers []Watcher
}

// NewRegister makes a Register; the watchers hear of every event that took
// effect, in order.
func NewRegister(dir *Directory, book Commands, watchers ...Watcher) *Register {
	return &Register{dir: dir, book: book, watchers: watchers}
}

// Source is where events come from: its name stands in each movement's row,
// its country gives the numbers, the places and the clock.
type Source struct {
	Name    string
	Country string
	Houses  []int64 // for which it may speak; nil: all of the country
}

// covers tells whether the source may report what happened to somebody held at
// from: of its own houses all, of others only that the person came to one of its own.
func (s Source) covers(kind Movement, from, to int64) bool {
	if s.Houses == nil || slices.Contains(s.Houses, from) {
		return true
	}
	return (kind == Admitted || kind == Transferred) && slices.Contains(s.Houses, to)
}

// Record takes one event keyed by hand.
func (r *Register) Record(ctx context.Context, cmd casework.Command, src Source, e Event) error {
	if err := e.check(); err != nil {
		return err
	}
	w, err := r.world(ctx, src)
	if err != nil {
		return err
	}
	out, err := r.take(ctx, cmd, w, []numbered{{1, e}})
	if err != nil {
		return err
	}
	if len(out.Refused) > 0 {
		return fault.Invalid(out.Refused[0].Why, nil)
	}
	return nil
}

// numbered is an event with the line it came from.
type numbered struct {
	no    int
	event Event
}

// taken is what became of a batch; it is kept with the command.
type taken struct {
	Accepted int       `json:"accepted"` // new events, those too old to matter among them
	Known    int       `json:"known"`
	Old      int       `json:"old"`
	Refused  []refusal `json:"refused,omitempty"`
}

type refusal struct {
	No  int      `json:"no"`
	Why text.Key `json:"why"`
}

// world is what a source's events refer to.
type world struct {
	src    Source
	loc    *time.Location
	places map[string]place
	adult  int
}

type place struct {
	id  int64
	loc *time.Location
}

func (r *Register) world(ctx context.Context, src Source) (world, error) {
	w := world{src: src, places: map[string]place{}}
	var tz string
	err := r.dir.db.QueryRow(ctx, sqlZone, src.Country).Scan(&tz)
	if errors.Is(err, pgx.ErrNoRows) {
		return w, fault.Invalid("import.country", nil)
	}
	if err == nil {
		w.loc, err = time.LoadLocation(tz)
	}
	if err != nil {
		return w, fmt.Errorf("clock of %s: %w", src.Country, err)
	}
	rules, err := r.dir.CountryRules(ctx, src.Country, r.dir.now())
	if err != nil {
		return w, err
	}
	w.adult = rules.AdultAge
	rows, err := r.dir.db.Query(ctx, sqlPlaces, src.Country)
	if err != nil {
		return w, fmt.Errorf("establishments of %s: %w", src.Country, err)
	}
	var id int64
	var code string
	_, err = pgx.ForEachRow(rows, []any{&id, &code, &tz}, func() error {
		loc, err := time.LoadLocation(tz)
		w.places[code] = place{id, loc}
		return err
	})
	if err != nil {
		return w, fmt.Errorf("establishments of %s: %w", src.Country, err)
	}
	return w, nil
}

// take runs one batch as one command: everything of it that can be taken is,
// and the rest is refused line by line.
func (r *Register) take(ctx context.Context, cmd casework.Command, w world, batch []numbered) (out taken, err error) {
	var fresh taken
	replayed, err := r.book.Do(ctx, cmd, &fresh, func(ctx context.Context, tx *casework.Tx) error {
		fresh = taken{}
		b := batchRun{Register: r, world: w, tx: tx, out: &fresh}
		return b.run(ctx, batch)
	})
	if replayed {
		fresh.Known, fresh.Accepted = fresh.Known+fresh.Accepted, 0
	}
	return fresh, err
}

// batchRun is the state of one batch inside its transaction.
type batchRun struct {
	*Register
	world
	tx    *casework.Tx
	out   *taken
	known map[string]bool
	held  map[string]*held // by index
	moves []moved
}

type moved struct {
	who     *held
	event   Event
	change  Change
	applied bool
}

func (b *batchRun) run(ctx context.Context, batch []numbered) error {
	if err := b.load(ctx, batch); err != nil {
		return err
	}
	for _, n := range batch {
		if b.known[n.event.SourceKey] {
			b.out.Known++
			continue
		}
		if why := b.one(n.event); why != "" {
			b.out.Refused = append(b.out.Refused, refusal{n.no, why})
			continue
		}
		b.known[n.event.SourceKey] = true
		b.out.Accepted++
	}
	if len(b.moves) == 0 {
		return nil
	}
	if err := b.save(ctx); err != nil {
		return err
	}
	var changes []Change
	for _, m := range b.moves {
		if m.applied {
			changes = append(changes, m.change)
		}
	}
	for _, w := range b.watchers {
		if err := w.DetaineesChanged(ctx, b.tx, changes); err != nil {
			return fmt.Errorf("act on movements: %w", err)
		}
	}
	b.tx.Audit(casework.Entry{
		Action: "detainee.import", ObjectKind: "detainee", ObjectID: b.moves[0].who.id,
		Detail: map[string]any{"source": b.src.Name, "accepted": b.out.Accepted, "old": b.out.Old, "refused": len(b.out.Refused)},
	})
	return nil
}

// load finds which events are known and locks the people the batch speaks of.
func (b *batchRun) load(ctx context.Context, batch []numbered) error {
	keys, indexes := make([]string, len(batch)), make([][]byte, len(batch))
	for i, n := range batch {
		keys[i], indexes[i] = n.event.SourceKey, b.index(n.event)
	}
	b.known, b.held = map[string]bool{}, map[string]*held{}
	if _, err := b.tx.Exec(ctx, sqlOneAtATime, b.src.Country); err != nil {
		return fmt.Errorf("wait for other imports: %w", err)
	}
	rows, err := b.tx.Query(ctx, sqlKnownEvents, keys)
	if err != nil {
		return fmt.Errorf("look for known events: %w", err)
	}
	var key string
	if _, err := pgx.ForEachRow(rows, []any{&key}, func() error { b.known[key] = true; return nil }); err != nil {
		return fmt.Errorf("look for known events: %w", err)
	}
	rows, err = b.tx.Query(ctx, sqlLockDetainees, b.src.Country, indexes)
	if err != nil {
		return fmt.Errorf("lock detainees: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*held, error) {
		var h held
		return &h, row.Scan(&h.id, &h.index, &h.birthDate, &h.establishmentID, &h.sector, &h.category, &h.status,
			&h.statusSince, &h.minor, &h.contactBanUntil, &h.separatedOnly, &h.sanctionUntil, &h.present, &h.awayFrom,
			&h.awayUntil, &h.stateAt)
	})
	if err != nil {
		return fmt.Errorf("lock detainees: %w", err)
	}
	for _, h := range all {
		b.held[string(h.index)] = h
	}
	return b.drawIDs(ctx, batch)
}

// drawIDs gives every person who may be new an id, since sealed values are
// bound to it.
func (b *batchRun) drawIDs(ctx context.Context, batch []numbered) error {
	var fresh []*held
	for _, n := range batch {
		index := b.index(n.event)
		if n.event.Kind != Admitted || b.known[n.event.SourceKey] || b.held[string(index)] != nil {
			continue
		}
		h := &held{index: index, isNew: true}
		b.held[string(index)] = h
		fresh = append(fresh, h)
	}
	if len(fresh) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, sqlDetaineeIDs, len(fresh))
	if err != nil {
		return fmt.Errorf("draw ids: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("draw ids: %w", err)
	}
	for i, h := range fresh {
		h.id = ids[i]
	}
	return nil
}

func (b *batchRun) index(e Event) []byte {
	return b.dir.keys.BlindIndex(indexDetention, b.src.Country+":"+normalNumber(e.DetentionNo.Raw()))
}

// one applies an event, or tells why it can't be.
func (b *batchRun) one(e Event) (why text.Key) {
	var at place
	if e.Establishment != "" {
		var ok bool
		if at, ok = b.places[e.Establishment]; !ok {
			return "import.establishment"
		}
	}
	loc := at.loc
	if loc == nil {
		loc = b.loc
	}
	h := b.held[string(b.index(e))]
	if h != nil && !b.src.covers(e.Kind, h.establishmentID, at.id) {
		return "import.other_house"
	}
	if h == nil || h.isNew && !h.changed && e.Kind != Admitted {
		return "import.detainee_unknown"
	}
	m := moved{who: h, event: e, change: Change{DetaineeID: h.id, From: h.establishmentID, To: at.id}}
	if e.At.Before(h.stateAt) {
		b.out.Old++
	} else {
		h.number = e.DetentionNo
		m.change, m.applied = h.apply(e, at.id, loc, b.adult), true
	}
	b.moves = append(b.moves, m)
	return ""
}

// save writes people and movements in one round trip.
func (b *batchRun) save(ctx context.Context) error {
	people := make([]*held, 0, len(b.moves))
	for _, m := range b.moves {
		if m.who.changed && !slices.Contains(people, m.who) {
			people = append(people, m.who)
		}
	}
	batch := &pgx.Batch{}
	for _, h := range people {
		number, err1 := b.seal(h.id, "detention_no_sealed", h.number.Raw())
		latin, err2 := b.seal(h.id, "name_latin_sealed", h.latin.Raw())
		arabic, err3 := b.seal(h.id, "name_ar_sealed", h.arabic.Raw())
		if err := errors.Join(err1, err2, err3); err != nil {
			return fmt.Errorf("seal detainee %d: %w", h.id, err)
		}
		batch.Queue(sqlSaveDetainee, h.id, b.src.Country, number, h.index, latin, arabic,
			b.dir.nameKeys(h.latin.Raw(), h.arabic.Raw()), h.birthDate, h.sex, h.establishmentID, h.sector, h.category,
			h.status, h.statusSince, h.minor, h.contactBanUntil, h.separatedOnly, h.sanctionUntil, h.present, h.awayFrom,
			h.awayUntil, h.stateAt)
	}
	for _, m := range b.moves {
		batch.Queue(sqlSaveMovement, m.who.id, m.event.Kind, m.event.At, instant(m.event.Until), some(m.change.From),
			some(m.change.To), m.event.Status, b.src.Name, m.event.SourceKey, m.applied, b.tx.Now())
	}
	if err := b.tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("save movements: %w", err)
	}
	return nil
}

func (b *batchRun) seal(id int64, column, plain string) ([]byte, error) {
	if plain == "" {
		return nil, nil
	}
	return b.dir.keys.Seal("detainee", column, id, []byte(plain))
}

func some(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}
