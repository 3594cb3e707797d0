package links

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/postgres"
)

// Wish is what staff want of a bind.
type Wish string

// Wishes.
const (
	Run   Wish = "run"
	Pause Wish = "pause" // bound, and sends no texts
	Drain Wish = "drain" // finishes what is out, unbinds, stays away
)

// State is how a bind stands.
type State string

// States of a bind.
const (
	Bound      State = "bound"
	Paused     State = "paused"
	Draining   State = "draining"
	Drained    State = "drained"
	Connecting State = "connecting"
	Refused    State = "refused" // by the operator, at its login
	Down       State = "down"
)

// Cause is why something of a bind failed. The set is closed; words for it are
// the surface's.
type Cause string

// Causes.
const (
	Unreachable Cause = "unreachable" // no connection
	TLS         Cause = "tls"         // no agreement on it
	LoginFailed Cause = "refused"     // the bind, with the operator's status
	NoAnswer    Cause = "no_answer"   // to the bind
	Silent      Cause = "silent"      // enquire_link stayed without an answer
	Unbound     Cause = "unbound"     // by the operator
	Lost        Cause = "lost"        // the connection
	Inactive    Cause = "inactive"    // nothing to carry for as long as the settings say
	Throttled   Cause = "throttled"   // a part, with the operator's status; so the next two
	Temporary   Cause = "temporary"
	Rejected    Cause = "rejected"
	Unanswered  Cause = "unanswered" // a part
	Stopped     Cause = "stopped"    // its process ended in order
	Unrecorded  Cause = "unrecorded" // it was to be recorded, and that failed
)

// Tracing is what a process made of the wish to record a bind.
type Tracing string

// Ways a wish to record stands.
const (
	NotTraced    Tracing = ""        // there is none, or it is not known yet
	Traced       Tracing = "on"      // it is being recorded
	TraceFull    Tracing = "full"    // the file holds no more: it ended before its time
	TraceNoRoom  Tracing = "no_room" // the disk is full
	TraceDenied  Tracing = "denied"  // the process may not write there
	TraceLimit   Tracing = "limit"   // of open files, or of their size
	TraceNowhere Tracing = "nowhere" // the process has no folder for it
	TraceFailed  Tracing = "failed"  // anything else
)

// Over reports whether nothing is recorded though it was wished.
func (t Tracing) Over() bool { return t != NotTraced && t != Traced }

// Name is a bind of an operator.
type Name struct {
	Operator string `json:"operator"`
	Bind     string `json:"bind"`
}

// File is how the names of the bind's recordings begin.
func (n Name) File() string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, n.Operator+"-"+n.Bind)
}

// Standing is how a bind stands in one process.
type Standing struct {
	Name
	Process  string    `json:"-"`
	Address  string    `json:"address"`
	Mode     string    `json:"mode"`
	State    State     `json:"state"`
	Since    time.Time `json:"since"`
	Rebinds  int       `json:"rebinds"`
	Resting  bool      `json:"resting"` // bound, and the operator takes nothing just now
	Failed   *Failure  `json:"-"`       // the last time; nil: never
	InFlight int       `json:"in_flight"`
	Window   int       `json:"window_size"`
	TPS      float64   `json:"tps"` // 0: no limit
	Trace    Tracing   `json:"trace"`
	SeenAt   time.Time `json:"-"`
	Stale    bool      `json:"-"` // its process has said nothing for a while
}

// Failure is something that went wrong on a bind, once or several times in a
// minute.
type Failure struct {
	Name
	Cause Cause     `json:"cause"`
	Code  uint32    `json:"code"` // command_status; 0: none
	Count int       `json:"count"`
	Last  time.Time `json:"last_at"`
}

// Minute is what a bind did in a minute, in all processes.
type Minute struct {
	Name
	Minute      time.Time `json:"minute"`
	Submitted   int       `json:"submitted"` // parts written
	Sent        int       `json:"sent"`      // accepted
	Throttled   int       `json:"throttled"`
	Temporary   int       `json:"temporary"`
	Rejected    int       `json:"rejected"`
	Unknown     int       `json:"unknown"`
	Delivered   int       `json:"delivered"` // receipts, on the bind that brought them
	Undelivered int       `json:"undelivered"`
	Inbound     int       `json:"inbound"`     // texts from people
	USSD        int       `json:"ussd"`        // steps
	ResponseMS  int64     `json:"response_ms"` // of all that were answered, together
}

// Add adds what another count of the same minute has.
func (m *Minute) Add(o Minute) {
	m.Submitted += o.Submitted
	m.Sent += o.Sent
	m.Throttled += o.Throttled
	m.Temporary += o.Temporary
	m.Rejected += o.Rejected
	m.Unknown += o.Unknown
	m.Delivered += o.Delivered
	m.Undelivered += o.Undelivered
	m.Inbound += o.Inbound
	m.USSD += o.USSD
	m.ResponseMS += o.ResponseMS
}

// About is an operator as its file describes it.
type About struct {
	Operator   string   `json:"operator"`
	Prefixes   []string `json:"prefixes"`
	ShortCodes []string `json:"short_codes"`
	USSDCodes  []string `json:"ussd_codes"`
	Fallback   []string `json:"fallback"`
	HTTP       string   `json:"http"` // format of its HTTP side; "": none
}

// Store keeps wishes, states and counts. It is safe for concurrent use.
type Store struct {
	db      *postgres.DB
	now     func() time.Time
	process string

	mu    sync.Mutex
	bells map[chan struct{}]struct{}
}

// New makes a Store, which reports under a name of this process's own.
func New(db *postgres.DB, now func() time.Time) *Store {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Store{
		db: db, now: now, process: fmt.Sprintf("%s/%d/%.6s", host, os.Getpid(), rand.Text()),
		bells: map[chan struct{}]struct{}{},
	}
}

// Process is the name under which this process reports.
func (s *Store) Process() string { return s.process }

// Listen gives a channel that rings when staff have wished something, until
// leave is called. It needs Run; who must not miss a wish looks now and then
// too.
func (s *Store) Listen() (rung <-chan struct{}, leave func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bells[ch] = struct{}{}
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.bells, ch)
	}
}

func (s *Store) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.bells {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Run hears of wishes that any process commits, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
		_ = s.hear(ctx) // those who listen look for themselves meanwhile
		again.Reset(time.Second)
	}
}

func (s *Store) hear(ctx context.Context) error {
	c, err := s.db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("links: connect to listen: %w", err)
	}
	conn := c.Hijack() // LISTEN must not return to the pool
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, sqlListen, pgx.QueryExecModeExec); err != nil {
		return fmt.Errorf("links: listen: %w", err)
	}
	s.ring()
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("links: listen: %w", err)
		}
		s.ring()
	}
}
