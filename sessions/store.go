package sessions

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// KeptReplies is how many replies a state remembers.
const KeptReplies = 3

var (
	// ErrNone is returned by Load when nothing lives under the key.
	ErrNone = errors.New("sessions: no such session")
	// ErrTTL is returned for a time to live that is not positive: a session that
	// never ends is never wanted.
	ErrTTL = errors.New("sessions: time to live must be positive")
	// ErrRequestKey is returned for an empty request key.
	ErrRequestKey = errors.New("sessions: request key is empty")
	// ErrTooLong is returned for a reply above 65,535 octets.
	ErrTooLong = errors.New("sessions: reply too long to keep")
	// ErrConflict is returned by Delete when the version has moved on.
	ErrConflict = errors.New("sessions: version has moved on")
	// ErrCorrupt is returned for a stored value that can't be read.
	ErrCorrupt = errors.New("sessions: stored value is damaged")
)

// State is what Load found. Version counts the steps since the session began
// and is never 0 for one that lives.
type State struct {
	Version uint64
	Blob    []byte
	Kept    []Kept // newest first, at most KeptReplies
}

// Kept is a reply with the mark of the request it answered.
type Kept struct {
	Mark  Mark
	Reply []byte
}

// Mark stands for a request key: 8 octets of its SHA-256. It only has to tell
// the last three requests of one person apart.
type Mark [8]byte

// MarkOf returns the mark of a request key.
func MarkOf(requestKey string) (m Mark) {
	sum := sha256.Sum256([]byte(requestKey))
	copy(m[:], sum[:])
	return m
}

// Replay returns the kept reply to a request, if this state answered it.
func (s State) Replay(requestKey string) (reply []byte, ok bool) {
	return replay(s.Kept, MarkOf(requestKey))
}

func replay(kept []Kept, m Mark) ([]byte, bool) {
	for _, k := range kept {
		if k.Mark == m {
			return k.Reply, true
		}
	}
	return nil, false
}

// remember puts a reply in front and drops what is beyond KeptReplies.
func remember(kept []Kept, m Mark, reply []byte) []Kept {
	out := append(make([]Kept, 0, KeptReplies), Kept{Mark: m, Reply: reply})
	return append(out, kept[:min(len(kept), KeptReplies-1)]...)
}

// Kind says what Commit did.
type Kind uint8

const (
	// Applied: the new value is in place under Outcome.Version.
	Applied Kind = iota + 1
	// Replayed: this request was committed before; Outcome.Reply is its reply.
	Replayed
	// Conflict: the version is not the one that was read; nothing changed.
	Conflict
)

func (k Kind) String() string {
	switch k {
	case Applied:
		return "applied"
	case Replayed:
		return "replayed"
	case Conflict:
		return "conflict"
	}
	return "none"
}

// Outcome is the result of Commit.
type Outcome struct {
	Kind    Kind
	Version uint64 // what the key holds now; 0 when nothing
	Reply   []byte // Applied: the reply given; Replayed: the one kept
}

// Store keeps states. Safe for concurrent use; every method returns when ctx
// ends.
type Store interface {
	// Load returns the state under key, or ErrNone.
	Load(ctx context.Context, key string) (State, error)
	// Commit replaces the state that has version prev (0: there must be none) by
	// next under version prev+1, to live for ttl, and keeps reply under
	// requestKey. An error leaves open whether it took place: the same call may
	// be made again and is then Replayed if it did.
	Commit(ctx context.Context, key string, prev uint64, next []byte, ttl time.Duration,
		requestKey string, reply []byte) (Outcome, error)
	// Delete removes the state if it has version prev; ErrConflict if it has
	// another, nil if there is none. To answer repeats of the last request, end
	// a dialogue by committing an ended state with a short ttl instead.
	Delete(ctx context.Context, key string, prev uint64) error
}

// Tier is a store that can take over from another one.
type Tier interface {
	Store
	// Install puts s in place as it is, for ttl, where the key holds nothing or
	// an older version, and reports whether it did.
	Install(ctx context.Context, key string, s State, ttl time.Duration) (bool, error)
}

func checkCommit(ttl time.Duration, requestKey string, reply []byte) error {
	switch {
	case ttl < time.Millisecond:
		return ErrTTL
	case requestKey == "":
		return ErrRequestKey
	case len(reply) > 0xFFFF:
		return ErrTooLong
	}
	return nil
}
