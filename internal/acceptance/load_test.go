package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/person"
)

// load is people who write, dial and are written to while the process dies
// under them. Each of them has a number of their own.
type load struct {
	*world

	ctx  context.Context
	stop context.CancelFunc // no more people; those who have begun go on to the end
	wg   sync.WaitGroup
	hash person.PINHash
	next atomic.Int64

	mu       sync.Mutex
	texters  []texter
	tellings []telling
	callers  []caller
}

// texter has sent texts, and the operator was told of each that it is taken.
type texter struct {
	number string
	texts  int
	family bool // the texts were one errand
}

// telling is one text that was put into the outbox; maybe: its commit was not
// confirmed.
type telling struct {
	number string
	class  message.Class
	parts  int
	maybe  bool
}

// caller dialled to register. done: the last page was seen; lost: why a page
// never came.
type caller struct {
	number string
	done   bool
	lost   error
}

// begin starts so many who write and dial at once, and one who writes to people.
func begin(w *world, texters, callers int) *load {
	w.t.Helper()
	l := &load{world: w}
	hash, err := person.New(w.db, w.keys, time.Now).HashPIN(w.t.Context(), pin)
	if err != nil {
		w.t.Fatal(err)
	}
	l.hash = hash
	l.ctx, l.stop = context.WithCancel(w.t.Context())
	w.t.Cleanup(l.stop)
	for range texters {
		l.wg.Go(func() {
			for l.ctx.Err() == nil {
				l.write()
			}
		})
	}
	for range callers {
		l.wg.Go(func() {
			for l.ctx.Err() == nil {
				l.dial()
			}
		})
	}
	l.wg.Go(l.announce)
	return l
}

// underWay waits until more than so many have written, and one has come to
// the end of a dialogue.
func (l *load) underWay(texters int) {
	l.t.Helper()
	l.until("somebody has come to the end of a dialogue", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.texters) > texters && slices.ContainsFunc(l.callers, func(c caller) bool { return c.done })
	})
}

// write is one person's texts: an errand of seven, a long text or a short one.
func (l *load) write() {
	n := l.next.Add(1)
	p := texter{number: fmt.Sprintf("%s1%07d", north, n), family: n%9 == 0}
	// No such reference: the answer repeats it.
	texts := []string{"SUIVI " + wrongRef(n)}
	switch {
	case p.family:
		// A commit that was not confirmed may still have been one: whoever has an account goes on.
		for l.family(p.number, fmt.Sprintf("AB%06d", n), l.hash) != nil {
			if l.ctx.Err() != nil {
				return
			}
			l.pause(20 * time.Millisecond)
		}
		texts = []string{"PERMIS 41207", pin, "1", "2", "9", "2", "9"}
	case n%5 == 0:
		texts[0] += strings.Repeat(fmt.Sprintf(" et je voudrais bien savoir %07d", n), 12)
	}
	for _, body := range texts {
		// To the end: what was begun must be taken.
		if l.north.Insist(l.t.Context(), p.number, shortCode, body) != nil {
			return
		}
		p.texts++
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texters = append(l.texters, p)
}

// wrongRef is a reference whose check digit does not fit.
func wrongRef(n int64) string {
	right := casework.WithCheck(fmt.Sprintf("%07d", n))
	return right[:7] + string('0'+(right[7]-'0'+1)%10)
}

// dial is one person who registers by USSD. A page that does not come ends
// the call.
func (l *load) dial() {
	n := l.next.Add(1)
	c := caller{number: fmt.Sprintf("%s2%07d", north, n)}
	s, err := l.north.Dial(l.t.Context(), c.number, dialCode)
	for _, key := range []string{"2", "1", "1", "1", fmt.Sprintf("CD%06d", n), "05031985", pin, pin} {
		if err != nil || s.End {
			break
		}
		s, err = l.north.Answer(l.t.Context(), c.number, key)
	}
	c.done, c.lost = err == nil && strings.HasPrefix(s.Text, "C'est fait"), err
	l.mu.Lock()
	l.callers = append(l.callers, c)
	l.mu.Unlock()
	l.pause(30 * time.Millisecond)
}

// announce keeps the outbox filled with texts of all classes, within what the
// operators can give receipts for.
func (l *load) announce() {
	const batchOf, enough = 20, 120
	classes := []message.Class{message.Code, message.Gate, message.Decision, message.Information, message.Campaign, message.Campaign}
	for ; l.ctx.Err() == nil; l.pause(30 * time.Millisecond) {
		var waiting int
		err := l.db.QueryRow(l.ctx, `select count(*) from message_part where state in ('queued', 'in_doubt', 'accepted')`).Scan(&waiting)
		if err != nil || waiting > enough {
			continue
		}
		var batch []message.Outbound
		var tellings []telling
		for range batchOf {
			n := l.next.Add(1)
			told := telling{number: fmt.Sprintf("%s3%07d", north, n), class: classes[n%int64(len(classes))], parts: 1}
			if n%4 == 0 {
				told.number = fmt.Sprintf("%s0%07d", hold, n)
			}
			body := fmt.Sprintf("Dossier %d", n)
			if n%7 == 0 && told.class != message.Code {
				told.parts, body = 2, body+strings.Repeat(fmt.Sprintf(", suite %07d", n), 12)
			}
			batch, tellings = append(batch, one(told.number, told.class, body)), append(tellings, told)
		}
		if l.tell(l.ctx, batch...) != nil {
			for i := range tellings {
				tellings[i].maybe = true
			}
		}
		l.mu.Lock()
		l.tellings = append(l.tellings, tellings...)
		l.mu.Unlock()
	}
}

func (l *load) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.ctx.Done():
	}
}
