package gsm

import (
	"bytes"
	"sort"
	"strings"
	"sync"
	"time"
)

// Segment is a part as it came in.
type Segment struct {
	Concat     Concat
	DataCoding byte
	Language   Language
	Payload    []byte
}

// missing stands in a joined text for parts that never came.
const missing = "…"

// Join puts the parts of one message together, in any order and with any
// repeated: the first copy of a part counts. Neighbours in one alphabet are
// joined before they are decoded, so that a pair cut by the sender is whole
// again. complete is false where parts are missing; an ellipsis marks the
// places. It is the whole rule, so a store that keeps segments elsewhere joins
// the same way.
func Join(segments []Segment) (text string, complete bool, err error) {
	sorted := append([]Segment(nil), segments...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Concat.Seq < sorted[j].Concat.Seq })

	var out strings.Builder
	var run Segment
	flush := func() {
		decoded, decodeErr := DecodeLanguage(run.DataCoding, run.Language, run.Payload)
		if decodeErr != nil {
			err = decodeErr
		}
		out.WriteString(decoded)
		run.Payload = nil
	}
	complete = true
	gap := func(from, to int) {
		if to > from {
			flush()
			out.WriteString(missing)
			complete = false
		}
	}
	next, total := 1, 1
	for _, s := range sorted {
		seq := int(s.Concat.Seq)
		if s.Concat == (Concat{}) {
			seq = 1
		}
		if seq < next {
			continue
		}
		gap(next, seq)
		if s.DataCoding != run.DataCoding || s.Language != run.Language {
			flush()
			run.DataCoding, run.Language = s.DataCoding, s.Language
		}
		run.Payload = append(run.Payload, s.Payload...)
		next, total = seq+1, max(total, int(s.Concat.Total))
	}
	gap(next, total+1)
	flush()
	return out.String(), complete, err
}

// Key tells messages apart. Source and destination belong to it: references
// are small and every phone counts its own.
type Key struct {
	Source, Dest string
	Wide         bool
	Ref          uint16
	Total        uint8
}

// KeyOf is the key of one part.
func KeyOf(source, dest string, c Concat) Key {
	return Key{Source: source, Dest: dest, Wide: c.Wide, Ref: c.Ref, Total: c.Total}
}

// Joined is a message that left the joiner.
type Joined struct {
	Key      Key
	Segments []Segment
	Complete bool
}

// JoinerConfig bounds what a joiner keeps.
type JoinerConfig struct {
	Window    time.Duration // how long parts wait for the others; 60 s
	PerSource int           // unfinished messages of one sender; 8
	Total     int           // unfinished messages in all; 10,000
	Now       func() time.Time
}

// Joiner collects parts in memory. It holds no timer: the caller asks for
// Expired as often as it likes. Safe for concurrent use.
type Joiner struct {
	cfg JoinerConfig

	mu      sync.Mutex
	sets    map[Key]*set
	sources map[string]int
}

type set struct {
	segments []Segment
	have     [256]bool
	distinct int
	began    time.Time
	done     bool // kept until the window ends, to know late copies again
}

// NewJoiner returns an empty joiner; zero fields of cfg take their defaults.
func NewJoiner(cfg JoinerConfig) *Joiner {
	if cfg.Window <= 0 {
		cfg.Window = time.Minute
	}
	if cfg.PerSource <= 0 {
		cfg.PerSource = 8
	}
	if cfg.Total <= 0 {
		cfg.Total = 10_000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Joiner{cfg: cfg, sets: map[Key]*set{}, sources: map[string]int{}}
}

// Add takes one part and returns the messages it finishes: its own, when this
// was the last part, and before it any incomplete one that it pushed out,
// because its sender used the reference anew or too many lie unfinished. A copy
// of a part that is already there changes nothing. A part whose number can't be
// is a message of its own.
func (j *Joiner) Add(source, dest string, s Segment) []Joined {
	if s.Concat.impossible() {
		s.Concat = Concat{}
	}
	if !s.Concat.Multipart() {
		return []Joined{{Key: KeyOf(source, dest, s.Concat), Segments: []Segment{s}, Complete: true}}
	}
	j.mu.Lock()
	defer j.mu.Unlock()

	var out []Joined
	key := KeyOf(source, dest, s.Concat)
	current := j.sets[key]
	if current != nil && current.have[s.Concat.Seq] {
		if current.holds(s) && j.cfg.Now().Sub(current.began) < j.cfg.Window {
			return nil
		}
		out = j.release(out, key)
		current = nil
	}
	if current == nil || current.done {
		delete(j.sets, key)
		out = j.makeRoom(out, source)
		current = &set{began: j.cfg.Now()}
		j.sets[key] = current
		j.sources[source]++
	}
	s.Payload = bytes.Clone(s.Payload)
	current.segments = append(current.segments, s)
	current.have[s.Concat.Seq] = true
	current.distinct++
	if current.distinct == int(s.Concat.Total) {
		current.done = true
		j.forget(source)
		out = append(out, Joined{Key: key, Segments: current.segments, Complete: true})
	}
	return out
}

func (s *set) holds(part Segment) bool {
	for _, have := range s.segments {
		if have.Concat.Seq == part.Concat.Seq {
			return have.DataCoding == part.DataCoding && bytes.Equal(have.Payload, part.Payload)
		}
	}
	return false
}

// Expired removes and returns the messages whose window is over, oldest first,
// with whatever parts came.
func (j *Joiner) Expired() []Joined {
	j.mu.Lock()
	defer j.mu.Unlock()
	var due []Key
	for key, s := range j.sets {
		if j.cfg.Now().Sub(s.began) >= j.cfg.Window {
			due = append(due, key)
		}
	}
	sort.Slice(due, func(a, b int) bool { return j.sets[due[a]].began.Before(j.sets[due[b]].began) })
	var out []Joined
	for _, key := range due {
		out = j.release(out, key)
	}
	return out
}

// Len is the number of messages that wait for parts.
func (j *Joiner) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, count := range j.sources {
		n += count
	}
	return n
}

// release takes a set out and appends it when it was never finished.
func (j *Joiner) release(out []Joined, key Key) []Joined {
	s := j.sets[key]
	delete(j.sets, key)
	if s.done {
		return out
	}
	j.forget(key.Source)
	return append(out, Joined{Key: key, Segments: s.segments})
}

func (j *Joiner) forget(source string) {
	if j.sources[source]--; j.sources[source] <= 0 {
		delete(j.sources, source)
	}
}

// makeRoom pushes out the oldest message of a sender with too many, and the
// oldest of all when memory is full, so that a flood costs its sender first.
func (j *Joiner) makeRoom(out []Joined, source string) []Joined {
	if j.sources[source] >= j.cfg.PerSource {
		out = j.releaseOldest(out, func(k Key, s *set) bool { return k.Source == source && !s.done })
	}
	if len(j.sets) >= j.cfg.Total {
		out = j.releaseOldest(out, func(Key, *set) bool { return true })
	}
	return out
}

func (j *Joiner) releaseOldest(out []Joined, match func(Key, *set) bool) []Joined {
	var oldest Key
	var began time.Time
	found := false
	for key, s := range j.sets {
		if match(key, s) && (!found || s.began.Before(began)) {
			oldest, began, found = key, s.began, true
		}
	}
	if found {
		out = j.release(out, oldest)
	}
	return out
}
