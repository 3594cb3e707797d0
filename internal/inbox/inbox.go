package inbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/internal/batch"
	"github.com/wasl-sms/wasl/internal/flood"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Texts takes whole texts. It is called again with the same ID when it fails,
// and when nobody knows whether it succeeded.
type Texts interface {
	Receive(ctx context.Context, in message.Inbound) error
}

// Vault seals what may not lie in the open, and gives a value an index that
// can be searched and not read.
type Vault interface {
	Seal(table, column string, row int64, plain []byte) ([]byte, error)
	Open(table, column string, row int64, sealed []byte) ([]byte, error)
	BlindIndex(kind, value string) []byte
}

// Config is what an Inbox stands on. Zero limits take the defaults named here.
type Config struct {
	DB      *postgres.DB
	Vault   Vault
	Texts   Texts
	Workers int           // texts handed on at once; 128
	Timeout time.Duration // for handing on one text; 30 s
	Flood   Flood
	Metrics *Metrics // may be nil
	Now     func() time.Time
}

const (
	repeatWindow = 10 * time.Minute // an operator repeats what it has no answer to
	echoWindow   = 3 * time.Second  // no person sends the same text twice so soon
	joinWindow   = time.Minute      // for the parts of one text to come together
)

// Inbox keeps and hands on texts. It is safe for concurrent use.
type Inbox struct {
	cfg    Config
	acked  *acked
	flood  flood.Buckets[private.Msisdn]
	wholes *batch.Group[keeping, bool]
	wake   chan struct{}

	places chan struct{} // one for each text that may be handed on now; none while nobody runs
	done   chan result   // of Run, for who holds a place
	leases *leases
	behind atomic.Bool // older texts may wait: those that come take no place before them
}

// New makes an Inbox.
func New(cfg Config) *Inbox {
	if cfg.Workers <= 0 {
		cfg.Workers = 128
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Flood = cfg.Flood.orDefault()
	b := &Inbox{
		cfg: cfg, acked: newAcked(), wake: make(chan struct{}, 1),
		places: make(chan struct{}, cfg.Workers), leases: newLeases(),
	}
	b.wholes = batch.New(batch.Config[keeping, bool]{Do: b.storeWholes, Apart: apart})
	return b
}

// apart: a text that the database does not take must not cost others theirs.
func apart(err error) bool { return !postgres.Away(err) }

// Arrival is one short message as it came from an operator.
type Arrival struct {
	Operator   string
	From       private.Msisdn
	To         string // short code
	Concat     gsm.Concat
	Language   gsm.Language
	DataCoding byte
	Payload    []byte // after the user data header
	// Mark tells two equal texts of one person apart, where the operator gives
	// something that does (user_message_reference of the handset).
	Mark string
	// Link names the session it came by. An operator that was told on a
	// session that a text is taken does not repeat it there, so the same words
	// on the same link are said anew.
	Link uint64
}

// Verdict is what became of an arrival.
type Verdict uint8

const (
	Stored   Verdict = iota + 1 // a whole text, committed
	Waiting                     // a part, committed; others are missing
	Repeated                    // known already; nothing was stored
	Flooded                     // stored, and not handed on: its sender sends too many
	NoText                      // binary: nobody could read it; nothing was stored
)

var verdictNames = [...]string{"", "stored", "waiting", "repeated", "flooded", "no_text"}

// String is the verdict's word in metrics.
func (v Verdict) String() string { return verdictNames[v] }

// Keep commits an arrival. Only when it returns without an error may the
// operator be told that the message is taken.
func (b *Inbox) Keep(ctx context.Context, a Arrival) (Verdict, error) {
	now := b.cfg.Now()
	if _, err := gsm.DecodeLanguage(a.DataCoding, a.Language, nil); errors.Is(err, gsm.ErrBinary) {
		b.cfg.Metrics.arrived(a.Operator, NoText)
		return NoText, nil
	}
	key := b.key(a)
	within := repeatWindow
	if a.Mark == "" && !a.Concat.Multipart() && b.acked.on(key, a.Link, now) {
		within = echoWindow
	}
	var v Verdict
	var err error
	if a.Concat.Multipart() {
		if v, err = b.keepPart(ctx, a, key, now); v == Stored {
			b.ring()
		}
	} else {
		v, err = b.keepWhole(ctx, a, key, now, within)
	}
	if err != nil {
		b.cfg.Metrics.failed(a.Operator)
		return 0, err
	}
	b.acked.add(key, a.Link, now)
	b.cfg.Metrics.arrived(a.Operator, v)
	return v, nil
}

func (b *Inbox) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// key recognises a repeat. It is keyed like every index: the words of a text
// can't be guessed from it.
func (b *Inbox) key(a Arrival) []byte {
	id := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%v\x00%d\x00%s",
		a.Operator, a.From.Raw(), a.To, a.Mark, a.Concat, a.DataCoding, a.Payload)
	return b.cfg.Vault.BlindIndex("inbound", id)
}

func (b *Inbox) sender(n private.Msisdn) []byte { return b.cfg.Vault.BlindIndex("msisdn", n.Raw()) }

func (b *Inbox) keepWhole(ctx context.Context, a Arrival, key []byte, now time.Time, within time.Duration) (Verdict, error) {
	body, err := gsm.DecodeLanguage(a.DataCoding, a.Language, a.Payload)
	if err != nil {
		return 0, fmt.Errorf("inbox: read a text: %w", err)
	}
	t := whole{operator: a.Operator, from: a.From, to: a.To, body: body, state: "waiting"}
	allowed := b.flood.Allow(a.From, b.cfg.Flood.Burst, b.cfg.Flood.Every, now)
	if !allowed {
		t.state = "flood"
	}
	stored, err := b.wholes.Do(ctx, keeping{whole: t, key: key, now: now, within: within})
	if allowed && !stored {
		b.flood.GiveBack(a.From, b.cfg.Flood.Every) // the operator's repeats are not the person's doing
	}
	switch {
	case err != nil:
		return 0, err
	case !stored:
		return Repeated, nil
	case !allowed:
		return Flooded, nil
	}
	return Stored, nil
}

// whole is a text about to be stored.
type whole struct {
	operator   string
	from       private.Msisdn
	to         string
	body       string
	incomplete bool
	state      string
}

// group names the text that parts belong to.
func (b *Inbox) group(a Arrival) []byte {
	id := fmt.Sprintf("%s\x00%s\x00%s\x00%t\x00%d\x00%d",
		a.Operator, a.From.Raw(), a.To, a.Concat.Wide, a.Concat.Ref, a.Concat.Total)
	return b.cfg.Vault.BlindIndex("inbound_group", id)
}

func lockOf(group []byte) int64 { return int64(binary.BigEndian.Uint64(group)) }
