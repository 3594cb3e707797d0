package acceptance

import (
	"regexp"
	"slices"
	"sync"

	"github.com/wasl-sms/wasl/smpp"
)

// point is a place on the way of a message at which the process is killed.
type point string

// random is no place: the kill comes when it comes.
const random point = "at random"

// points of the wire, with whether the PDU gets through.
var wirePoints = []struct { //nolint:gochecknoglobals // a table
	point
	sight
	about
	response bool
	command  smpp.Command // where it is about nothing of ours
	lost     bool
}{
	{point: "bind answered", sight: written, command: smpp.BindTransceiverResp},
	{point: "text written to us", sight: written, about: ofText},
	{point: "text acknowledged", sight: read, about: ofText, response: true},
	{point: "receipt written to us", sight: written, about: ofReceipt},
	{point: "receipt acknowledged", sight: read, about: ofReceipt, response: true},
	{point: "step of a dialogue written to us", sight: written, about: ofStep},
	{point: "page at the operator's", sight: read, about: ofPage},
	{point: "page answered", sight: written, about: ofPage, response: true},
	{point: "part lost on the way", sight: read, about: ofPart, lost: true},
	{point: "part at the operator's", sight: read, about: ofPart},
	{point: "part accepted, its answer lost", sight: unsent, about: ofPart, response: true, lost: true},
	{point: "part answered", sight: written, about: ofPart, response: true},
}

// jobs are what the process commits on a message's way. Each gives two points.
var jobs = []struct { //nolint:gochecknoglobals // a table
	name string
	sql  *regexp.Regexp
}{
	{"text kept", regexp.MustCompile(`insert into\s+(inbox|inbound_part)\b`)},
	{"text taken up", regexp.MustCompile(`(?s)update inbox .*'claimed'`)},
	{"text answered", regexp.MustCompile(`insert into\s+message\b`)},
	{"text done", regexp.MustCompile(`(?s)update inbox .*unnest`)},
	{"part in doubt", regexp.MustCompile(`update message_part p\s+set [^\n]*'in_doubt'`)},
	{"answer stored", regexp.MustCompile(`(?s)update message_part .*u\.to_state`)},
	{"receipt stored", regexp.MustCompile(`insert into\s+receipt\b`)},
}

func ofJob(m moment, name string) point {
	if m == before {
		return point(name + ": before the commit")
	}
	return point(name + ": committed, not known")
}

// allPoints lists them.
func allPoints() (all []point) {
	for _, p := range wirePoints {
		all = append(all, p.point)
	}
	for _, j := range jobs {
		all = append(all, ofJob(before, j.name), ofJob(committed, j.name))
	}
	return all
}

// killer ends the process that lives at one point, the n-th time that it is passed.
type killer struct {
	mu     sync.Mutex
	aim    point
	nth    int
	victim *process
	struck chan struct{} // closed with the kill
	hits   map[point]int
}

func newKiller() *killer { return &killer{hits: map[point]int{}} }

// take aims at the next life; release gives it the process.
func (k *killer) take(aim point, nth int) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.aim, k.nth, k.victim, k.struck = aim, nth, nil, make(chan struct{})
	return k.struck
}

func (k *killer) release(p *process) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.victim = p
}

// strike kills now, if that was not done before.
func (k *killer) strike(at point) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.strikeLocked(at)
}

func (k *killer) strikeLocked(at point) bool {
	if k.victim == nil {
		return false
	}
	k.victim.kill()
	k.victim = nil
	k.hits[at]++
	close(k.struck)
	return true
}

// pass tells that the process comes by a point, and whether it died there.
func (k *killer) pass(p point) (died bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.aim != p || k.victim == nil {
		return false
	}
	if k.nth--; k.nth > 0 {
		return false
	}
	return k.strikeLocked(p)
}

// onWire lets PDUs by.
func (k *killer) onWire(s sight, p pdu) bool {
	for _, w := range wirePoints {
		is := w.about == p.about && w.response == p.response
		if w.command != 0 {
			is = w.command == p.Command
		}
		if is && w.sight == s && k.pass(w.point) && w.lost {
			return false
		}
	}
	return true
}

// onCommit lets commits by: what dies before its commit is never done, what
// dies after it never knows.
func (k *killer) onCommit(m moment, w work) bool {
	for _, j := range jobs {
		if slices.ContainsFunc(w.sql, j.sql.MatchString) && k.pass(ofJob(m, j.name)) {
			return false
		}
	}
	return true
}
