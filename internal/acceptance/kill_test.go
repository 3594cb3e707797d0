package acceptance

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/smsc"
)

var seedFlag = flag.Uint64("seed", 0, "seed of what is killed where; 0 draws one") //nolint:gochecknoglobals // a flag

// kills is how often the process is killed: WASL_KILLS, for longer runs.
func kills(t *testing.T, usual int) int {
	s := os.Getenv("WASL_KILLS")
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("WASL_KILLS is %q: give a number", s)
	}
	return n
}

// TestKilledAtAnyMoment: `wasl serve` is killed with SIGKILL again and again
// while people write, dial and are written to: at each point between a text's
// receipt and its acknowledgement, between the outbox's commit, the write and
// the response, and whenever else. No text that was acknowledged is lost or
// has its effect twice; every part ends in a state that has a name; what may
// be sent twice is sent so only because a kill left it in doubt, at most a
// window for each bind and kill; the rest never.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	seed := cmp.Or(*seedFlag, rand.Uint64())
	t.Logf("again with: go test ./internal/acceptance -run %s -v -args -seed %d", t.Name(), seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	w := newWorld(t, settings{stepLimit: 2 * time.Second})
	k := newKiller()
	onWire, onCommit := k.onWire, k.onCommit
	w.onWire.Store(&onWire)
	w.onCommit.Store(&onCommit)
	j := newJudge(w)
	l := begin(w, 4, 2)
	total := kills(t, 200)
	aims := plan(rng, total)
	missed := map[point]int{}
	began := time.Now()
	w.manners(seed, false)
	old := false // doubt is decided in the next life, and what is sent again has its chance of being struck
	for life := 0; life < total || len(aims) > 0; life++ {
		if life == total/2 {
			w.manners(seed, true)
		}
		aim := random
		if len(aims) > 0 {
			aim, aims = aims[0], aims[1:]
		}
		struck := k.take(aim, 1+rng.IntN(4))
		p := w.program.serve(t)
		if old {
			w.decided()
			old = false
		}
		k.release(p)
		patience := 3 * time.Second
		if aim == random {
			patience = time.Duration(rng.IntN(500)) * time.Millisecond
		}
		select {
		case <-struck:
		case <-time.After(patience):
			if k.strike(random) && aim != random {
				if missed[aim]++; missed[aim] < 5 {
					aims = append(aims, aim)
				}
			}
		}
		p.killed(t)
		j.died()
		if testing.Verbose() {
			t.Logf("%v: life %d, aimed at %q", time.Since(began).Round(time.Millisecond), life+1, aim)
		}
		if t.Failed() {
			return
		}
		switch rng.IntN(20) {
		case 0:
			w.outage()
		case 1:
			w.decide()
			old = true
		}
	}
	t.Logf("%d kills in %v", len(j.doubts), time.Since(began).Round(time.Second))
	l.stop()
	w.outage()
	p := w.program.serve(t)
	l.wg.Wait()
	w.quiet()
	p.stop(t)
	for _, at := range allPoints() {
		if k.hits[at] == 0 {
			t.Errorf("never killed at: %s", at)
		}
	}
	t.Log(inWords(k.hits))
	j.judge(l)
}

// manners are the operators': answers take a moment, some receipts come twice;
// echo: receipts say which part they are about even where its answer was lost.
func (w *world) manners(seed uint64, echo bool) {
	f := smsc.Faults{
		Seed: seed, ResponseJitter: 10 * time.Millisecond, ReceiptJitter: 100 * time.Millisecond, ReceiptTwice: 0.1, EchoReference: echo,
	}
	w.north.SetFaults(f)
	w.hold.SetFaults(f)
}

// plan is an order of aims: each point so often, and the rest at random.
func plan(rng *rand.Rand, total int) []point {
	all := allPoints()
	var aims []point
	for range max(1, total*6/10/len(all)) {
		aims = append(aims, all...)
	}
	for len(aims) < total {
		aims = append(aims, random)
	}
	rng.Shuffle(len(aims), func(i, j int) { aims[i], aims[j] = aims[j], aims[i] })
	return aims
}

func inWords(hits map[point]int) string {
	var b strings.Builder
	b.WriteString("killed:")
	for _, p := range append(allPoints(), random) {
		fmt.Fprintf(&b, "\n%5d %s", hits[p], p)
	}
	return b.String()
}

// outage lets ten minutes pass for what the dead process left: leases and waits
// run out, and doubt becomes old enough to be decided.
func (w *world) outage() {
	w.t.Helper()
	w.decide()
	w.exec("update inbox set lease_until = lease_until - interval '10 minutes' where state = 'claimed'")
	w.exec("update inbox set due_at = due_at - interval '10 minutes' where state = 'waiting'")
}

// decide makes doubt old enough to be decided.
func (w *world) decide() {
	w.t.Helper()
	w.exec("update message_part set sent_at = sent_at - interval '10 minutes' where state = 'in_doubt'")
}

// decided waits until the operators have been bound again for long enough.
func (w *world) decided() {
	w.t.Helper()
	w.until("old doubt is decided", func() bool {
		return w.count(`select count(*) from message_part where state = 'in_doubt' and sent_at < now() - interval '10 minutes'`) == 0
	})
}

func (w *world) exec(sql string) {
	w.t.Helper()
	if _, err := w.db.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// quiet waits until nothing is on its way in or out.
func (w *world) quiet() {
	w.t.Helper()
	w.until("nothing is on its way", func() bool { return w.open() == 0 })
}

// stand counts texts and parts by state.
func (w *world) stand() (all string) {
	w.t.Helper()
	const states = `select string_agg(line, ', ' order by line) from (
		select 'inbox ' || state || ' ' || count(*) as line from inbox group by state
		union all
		select operator || ' ' || class || ' ' || state || ' ' || count(*) from message_part group by operator, class, state
		union all
		select operator || ' receipts of no part ' || count(*) from receipt group by operator) s`
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
	defer cancel()
	if err := w.db.QueryRow(ctx, states).Scan(&all); err != nil {
		w.t.Error(err)
	}
	return all
}

// open counts what is on its way.
func (w *world) open() int {
	w.t.Helper()
	return w.count(`select (select count(*) from inbox where state in ('waiting', 'claimed'))
		+ (select count(*) from message_part where state in ('later', 'queued', 'in_doubt', 'accepted'))`)
}

// windows sorts the sizes of what a death left in doubt.
func windows(doubts []doubt) string {
	sizes := map[int]int{}
	for _, d := range doubts {
		sizes[len(d.parts)]++
	}
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(sizes)) {
		fmt.Fprintf(&b, " %d×%d", sizes[n], n)
	}
	return b.String()
}
