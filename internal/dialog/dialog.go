// Package dialog talks with a person: it runs the forms of the services over
// USSD and over SMS, asks for language and PIN, finds the errand a text asks
// for, and keeps what was answered when a call drops. It knows no operator and
// no wire, and no service by name.
//
// One machine (turn.go) serves both channels. USSD (step.go) draws what it
// gives as screens and keeps its state in a session store; SMS (sms.go) writes
// it out as texts and keeps its state in PostgreSQL.
package dialog

import (
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/batch"
	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/sessions"
)

//go:embed texts/*.toml
var texts embed.FS

// Texts gives the catalogue files of this package.
func Texts() fs.FS { return texts }

// Account is what a dialogue knows of the person on a number.
type Account struct {
	ID   int64     // 0: only the language is known
	Lang text.Lang // "": not chosen yet
}

// Accounts knows people by their number.
type Accounts interface {
	// Lookup gives a fault of kind NotFound for a number without an account.
	Lookup(ctx context.Context, n private.Msisdn) (Account, error)
	// CheckPIN gives a fault "pin.wrong" for a wrong PIN, and another one with a
	// text when no further try is allowed now. try, where not empty, names the
	// text that is answered: it may be answered again, and is one try.
	CheckPIN(ctx context.Context, account int64, pin, try string) error
	SetLang(ctx context.Context, n private.Msisdn, l text.Lang) error
	SetOptOut(ctx context.Context, account int64, out bool) error
}

// Contacts tells how accounts are reached; those without a number are left out.
type Contacts interface {
	Contacts(ctx context.Context, tx pgx.Tx, accounts []int64) (map[int64]message.Contact, error)
}

// Status is a service that can say how a case stands. It answers for the
// person's own cases only; ok is false when the reference is none of them.
type Status interface {
	Status(ctx context.Context, w form.Who, ref string) (line text.Line, ok bool, err error)
}

// Sealer encrypts what is kept of a dialogue, bound to its owner and version.
type Sealer interface {
	Seal(key string, version uint64, plain []byte) []byte
	Open(key string, version uint64, sealed []byte) ([]byte, error)
}

// Commands runs a command once per key, or several in one transaction.
type Commands interface {
	Do(ctx context.Context, c casework.Command, result any, fn func(context.Context, *casework.Tx) error) (bool, error)
	Together(ctx context.Context, cs []casework.Command, fn func(context.Context, *casework.Joint) error) error
}

// Meter is told what people see and where they leave. It must not block.
type Meter interface {
	Enter(ch form.Channel, operator, screen string, l text.Lang)
	// Leave tells how a screen ended and after how long.
	Leave(ch form.Channel, operator, screen string, l text.Lang, why Why, after time.Duration)
	// Repeat is told of each request that was answered before: it runs nothing.
	Repeat(ch form.Channel, operator string)
	// Fault is told of each step that had to be answered with an apology.
	Fault(err error)
}

// Why is how a screen ended.
type Why string

// How a screen ends.
const (
	Answered Why = "answered"
	Refused  Why = "refused" // the answer could not be taken
	Turned   Why = "turned"  // back, home or the next page
	Dropped  Why = "dropped" // the network or the person hung up
	Expired  Why = "expired" // too long, too many steps or too many wrong answers
	Replaced Why = "replaced"
)

// Config is what a Dialog is made of. Fields without a note are required.
type Config struct {
	Catalogue *text.Catalogue
	Services  []form.Definition
	Statuses  []Status
	Accounts  Accounts
	Contacts  Contacts
	Commands  Commands
	DB        DB
	Store     sessions.Store // live USSD sessions
	Keeper    *Keeper        // drafts
	Seal      Sealer
	Hash      func(msisdn string) string // names a person without the number
	Now       func() time.Time
	Meter     Meter     // nil: nobody
	Lang      text.Lang // before the person's is known; Arabic
	Code      string    // the code to dial, in texts; *369#
	Limits    Limits    // zero fields take their default
}

// DB runs the statements of this package.
type DB interface {
	casework.Transactor
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Limits bound one person's dialogues.
type Limits struct {
	Deadline   time.Duration // to answer one USSD step; 1.8 s
	Session    time.Duration // of a USSD session in the network; 240 s
	Steps      int           // of a session; 60
	PerHour    int           // sessions of a number; 10
	Wrong      int           // answers in a row that can't be taken; 3
	HelpPerDay int           // help texts to a number; 30
}

func (l Limits) orDefault() Limits {
	l.Deadline = cmp.Or(l.Deadline, 1800*time.Millisecond)
	l.Session = cmp.Or(l.Session, 240*time.Second)
	l.Steps = cmp.Or(l.Steps, 60)
	l.PerHour = cmp.Or(l.PerHour, 10)
	l.Wrong = cmp.Or(l.Wrong, 3)
	l.HelpPerDay = cmp.Or(l.HelpPerDay, 30)
	return l
}

// Dialog talks with everyone. It is safe for concurrent use.
type Dialog struct {
	Config
	menu     []form.Entry          // by place, the newest version of each
	entries  map[pinned]form.Entry // every version
	keywords map[string]keyword    // by folded word
	lanes    lanes
	talks    *batch.Group[talkKey, kept]
	answers  *batch.Group[answer, struct{}]
}

// pinned names an entry as a dialogue in progress knows it.
type pinned struct {
	name    string
	version int
}

// New makes a Dialog. It refuses a Config that is not whole, services whose names, menu places or keywords
// collide, and texts that are missing.
func New(c Config) (*Dialog, error) {
	if c.Catalogue == nil || c.Accounts == nil || c.Contacts == nil || c.Commands == nil || c.DB == nil || c.Store == nil ||
		c.Keeper == nil || c.Seal == nil || c.Hash == nil || c.Now == nil {
		return nil, errors.New("dialog: a required field of Config is not set")
	}
	if c.Meter == nil {
		c.Meter = deaf{}
	}
	c.Lang = cmp.Or(c.Lang, text.Arabic)
	c.Code = cmp.Or(c.Code, "*369#")
	c.Limits = c.Limits.orDefault()
	d := &Dialog{Config: c, entries: map[pinned]form.Entry{}, keywords: map[string]keyword{}, lanes: newLanes()}
	d.talks = batch.New(batch.Config[talkKey, kept]{Do: d.loadTalks})
	d.answers = batch.New(batch.Config[answer, struct{}]{Do: d.commit, Apart: apart, AtOnce: 2})
	newest := map[string]form.Entry{}
	for _, s := range c.Services {
		for _, e := range s.Entries {
			at := pinned{e.Name, e.Version}
			if _, twice := d.entries[at]; twice || e.Name == "" || e.Flow == nil {
				return nil, fmt.Errorf("service %s: entry %q version %d: want a name and version of its own, and a form", s.Name, e.Name, e.Version)
			}
			if e.Menu > 0 && !c.Catalogue.Has(e.Label) {
				return nil, fmt.Errorf("service %s: entry %s: no text %q", s.Name, e.Name, e.Label)
			}
			d.entries[at] = e
			if n, ok := newest[e.Name]; !ok || n.Version < e.Version {
				newest[e.Name] = e
			}
		}
	}
	if err := d.learn(newest); err != nil {
		return nil, err
	}
	for _, e := range newest {
		if e.Menu > 0 {
			d.menu = append(d.menu, e)
		}
	}
	slices.SortFunc(d.menu, func(a, b form.Entry) int { return cmp.Compare(a.Menu, b.Menu) })
	for i := range d.menu {
		if i > 0 && d.menu[i].Menu == d.menu[i-1].Menu {
			return nil, fmt.Errorf("entries %s and %s want the same place %d in the menu", d.menu[i-1].Name, d.menu[i].Name, d.menu[i].Menu)
		}
	}
	return d, nil
}

// newest finds the entry as it is offered today.
func (d *Dialog) newest(name string) (form.Entry, bool) {
	var found form.Entry
	ok := false
	for at, e := range d.entries {
		if at.name == name && (!ok || e.Version > found.Version) {
			found, ok = e, true
		}
	}
	return found, ok
}

// account looks a number up; no account is no error.
func (d *Dialog) account(ctx context.Context, n private.Msisdn) (Account, error) {
	a, err := d.Accounts.Lookup(ctx, n)
	if err != nil && fault.KindOf(err) == fault.KindNotFound {
		return Account{Lang: a.Lang}, nil
	}
	if err != nil {
		return Account{}, fmt.Errorf("look up the number: %w", err)
	}
	return a, nil
}

// citizenFault tells whether err carries a text for the person.
func citizenFault(err error) (text.Line, bool) {
	if again, ok := errors.AsType[*form.Retry](err); ok {
		return again.Why, true
	}
	switch fault.KindOf(err) {
	case fault.KindInvalid, fault.KindNotFound, fault.KindConflict, fault.KindForbidden:
		line := fault.LineOf(err)
		return line, line.Key != ""
	default: // not for the person
		return text.Line{}, false
	}
}

func newID() string {
	var b [9]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

type deaf struct{}

func (deaf) Enter(form.Channel, string, string, text.Lang)                     {}
func (deaf) Leave(form.Channel, string, string, text.Lang, Why, time.Duration) {}
func (deaf) Repeat(form.Channel, string)                                       {}
func (deaf) Fault(error)                                                       {}
