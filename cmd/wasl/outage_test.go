package main

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// ask takes one step of a dialogue, which must be answered in time.
func (w *site) ask(t *testing.T, number, input string) page {
	t.Helper()
	m := w.step(number, ussd.OpUSSRConfirm, input)
	if strings.HasPrefix(input, "*") {
		m = w.dial(number, input)
	}
	before := len(w.seen(number))
	w.write(t, m, w.next())
	runtest.Within(t, w.patience, fmt.Sprintf("%q is answered", input), func() bool { return len(w.seen(number)) > before })
	w.clock.forward(time.Second)
	return w.seen(number)[before]
}

// asks takes several steps and gives the last page.
func (w *site) asks(t *testing.T, number string, inputs ...string) (last page) {
	t.Helper()
	for _, in := range inputs {
		last = w.ask(t, number, in)
	}
	return last
}

var reference = regexp.MustCompile(`\b[0-9]{8}\b`)

// TestRedisGoneInMidDialogue: it is killed, or hangs, between two answers of
// several people. Each gets the pages of someone who noticed nothing, in time;
// when it is back they go on, and find what they had answered.
func TestRedisGoneInMidDialogue(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name      string
		lose, get func(*sessionstest.Redis)
	}{
		{"killed", (*sessionstest.Redis).Kill, (*sessionstest.Redis).Start},
		{"hangs", (*sessionstest.Redis).Freeze, (*sessionstest.Redis).Thaw},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			redis := sessionstest.StartRedis(t)
			w := newSite(t, "unix://"+redis.Socket, nil)
			w.patience = 2 * time.Second // what a network waits for a page, and no more
			var numbers []string
			for i := range 5 {
				n := fmt.Sprintf("21260000000%d", i)
				w.world().family(t, "+"+n, text.French, fmt.Sprintf("AB12345%d", i))
				numbers = append(numbers, n)
			}
			errand := []string{dialCode, pin, "3", "41207", "1", "1", "9", "2", "9"}
			var want []string
			for _, in := range errand {
				want = append(want, reference.ReplaceAllString(w.ask(t, numbers[0], in).text, "#"))
			}
			// Each of the others is somewhere else in the errand when Redis goes, and comes back.
			got := make([][]string, len(numbers))
			walk := func(i, from, to int) {
				for _, in := range errand[from:to] {
					got[i] = append(got[i], reference.ReplaceAllString(w.ask(t, numbers[i], in).text, "#"))
				}
			}
			for i := 1; i < len(numbers); i++ {
				walk(i, 0, 1+i)
			}
			way.lose(redis)
			for i := 1; i < len(numbers); i++ {
				walk(i, 1+i, 3+i)
			}
			way.get(redis)
			for i := 1; i < len(numbers); i++ {
				walk(i, 3+i, len(errand))
				if d := cmp.Diff(want, got[i]); d != "" {
					t.Errorf("person %d saw something else:\n%s", i, d)
				}
			}
			w.settled(t)
			w.holds(t, map[string]int{"account": 5, "permit": 0, "permit_request": 5, "sms permit.received": 5})

			// A dialogue begun while it is gone and broken off is found again afterwards.
			way.lose(redis)
			w.asks(t, numbers[0], dialCode, pin, "3", "41533")
			way.get(redis)
			resume := w.asks(t, numbers[0], dialCode, pin)
			if want := w.app.texts.Write(text.French, text.L("dialog.resume", nil)); !strings.HasPrefix(resume.text, want) {
				t.Errorf("after Redis came back the person sees %q", resume.text)
			}
			sound(t, w.st.db)
		})
	}
}

// TestPostgresRestarts while texts come in: none that was acknowledged is lost
// or answered twice, and dialogues are answered in time meanwhile.
func TestPostgresRestarts(t *testing.T) {
	t.Parallel()
	server := dbtest.StartServer(t)
	db, err := postgres.Open(t.Context(), server.DSN, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w := newSite(t, "", db)
	const people = 40
	load := w.everybodyWrites(t, people)
	for round := range 2 {
		until(t, "some texts are acknowledged", func() bool { return load.acked.Load() >= int64(people/4*(round+1)) })
		pid := 0 // which would be ourselves
		until(t, "PostgreSQL has a process", func() bool { pid = server.PID(); return pid > 1 })
		if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil { // as a crash: nothing is written down first
			t.Fatal(err)
		}
		w.ask(t, "212699999999", dialCode)
	}
	load.wait()
	// A crash may hide whether a claim was committed. It waits for its time to
	// run out, here no longer than it must.
	pauseFor(t, 2*time.Second)
	w.clock.forward(5 * time.Minute)
	if _, err := db.Exec(t.Context(), "update inbox set lease_until = now() where state = 'claimed'"); err != nil {
		t.Fatal(err)
	}
	load.answeredOnce(t)
	sound(t, w.st.db)
}

// TestStopsUnderLoad: the process is told to stop while texts come in and
// answers go out, and another begins on the same database. Every text that was
// acknowledged is answered, once; nothing is left in doubt.
func TestStopsUnderLoad(t *testing.T) {
	t.Parallel()
	w := newSite(t, "", nil)
	const people = 90
	load := w.everybodyWrites(t, people)
	for round := range 3 {
		until(t, "some texts are acknowledged", func() bool { return load.acked.Load() >= int64(people/5*(round+1)) })
		w.stop()
		if n := w.count(t, `select (select count(*) from message_part where state = 'in_doubt') +
			(select count(*) from inbox where state = 'claimed')`); n != 0 {
			t.Errorf("%d texts are left half way, %d of them coming in", n, w.count(t, `select count(*) from inbox where state = 'claimed'`))
		}
		if stored := w.count(t, `select count(*) from inbox`); stored < int(load.acked.Load()) {
			t.Errorf("%d texts were acknowledged, %d are stored", load.acked.Load(), stored)
		}
		w.start(t, nil)
	}
	load.wait()
	load.answeredOnce(t)
	w.holds(t, map[string]int{"account": 0, "permit": 0, "permit_request": 0})
	sound(t, w.st.db)
}

// load is many people, each of whom sends one text until it is acknowledged.
type load struct {
	w     *site
	n     int
	acked atomic.Int64
	wg    sync.WaitGroup
}

func (w *site) everybodyWrites(t *testing.T, n int) *load {
	t.Helper()
	l := &load{w: w, n: n}
	people := make(chan string, n)
	for i := range n {
		people <- fmt.Sprintf("2126100%05d", i)
	}
	close(people)
	for range 4 {
		l.wg.Go(func() {
			for number := range people {
				l.insist(t, number)
			}
		})
	}
	return l
}

// insist sends a text again, as operators do, until it is taken.
func (l *load) insist(t *testing.T, number string) {
	for t.Context().Err() == nil {
		seq := l.w.next()
		link, err := l.w.send(sms(number, "AIDE"), seq)
		if err != nil {
			pauseFor(t, 20*time.Millisecond)
			continue
		}
		deadline := time.Now().Add(5 * time.Second)
		for len(l.w.acked(seq)) == 0 && time.Now().Before(deadline) && l.w.link() == link {
			pauseFor(t, 2*time.Millisecond)
		}
		if got := l.w.acked(seq); len(got) > 0 && got[0] == smpp.StatusOK {
			l.acked.Add(1)
			return
		}
		pauseFor(t, 20*time.Millisecond)
	}
}

func pauseFor(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func (l *load) wait() { l.wg.Wait() }

// answeredOnce waits for everybody's answer and checks that nobody got two.
func (l *load) answeredOnce(t *testing.T) {
	t.Helper()
	until(t, "everybody is answered", func() bool {
		for i := range l.n {
			if len(l.w.heard(fmt.Sprintf("2126100%05d", i))) == 0 {
				return false
			}
		}
		return true
	})
	l.w.settled(t)
	for i := range l.n {
		if got := l.w.heard(fmt.Sprintf("2126100%05d", i)); len(got) != 1 {
			t.Errorf("one person was answered %d times", len(got))
		}
	}
	if n := l.w.count(t, `select count(*) from inbox where state = 'done'`); n != l.n {
		t.Errorf("%d texts are done of %d sent", n, l.n)
	}
}
