package dialog_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
	"github.com/wasl-sms/wasl/ussd"
)

// onRedis keeps live sessions in a redis-server, with PostgreSQL behind it.
func onRedis(r *sessionstest.Redis) func(*world) sessions.Store {
	return func(w *world) sessions.Store {
		client := r.Client()
		w.t.Cleanup(func() { client.Close() })
		return sessions.NewFailover(sessions.NewRedisStore(client), dialog.NewSessionTable(w.db, w.Now),
			sessions.FailoverConfig{Now: w.Now, Applied: w.keeper.Applied})
	}
}

// script is a whole booking; each line is one step.
var script = []string{"*369#", pin, "1", "12345", "98", "9", "9"}

// TestEveryStepTwice sends each step of a booking several times: with the same
// request key at once, a second later, and without any key within two seconds.
func TestEveryStepTwice(t *testing.T) {
	t.Parallel()
	for _, keyed := range []bool{true, false} {
		t.Run(fmt.Sprintf("keyed=%v", keyed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dialog.Limits{}, onRedis(sessionstest.StartRedis(t)))
			others := make([]*dialog.Dialog, 2) // other processes on the same stores
			for i := range others {
				d, err := dialog.New(w.config)
				if err != nil {
					t.Fatal(err)
				}
				others[i] = d
			}
			for i, input := range script {
				w.pass(5 * time.Second)
				r := ussd.Request{Kind: ussd.Answer, Msisdn: known, SessionID: "s1", Input: input}
				if i == 0 {
					r.Kind = ussd.Begin
				}
				if keyed {
					r.RequestKey = fmt.Sprintf("bind/%d", i)
				}
				replies := make([]ussd.Reply, 6)
				var wg sync.WaitGroup
				for n := range replies {
					d := append(others, w.dialog)[n%3]
					wg.Go(func() { replies[n] = d.Step(context.Background(), "demo", ussd.DefaultBudget(), r) })
				}
				wg.Wait()
				w.pass(time.Second)
				replies = append(replies, w.dialog.Step(t.Context(), "demo", ussd.DefaultBudget(), r))
				for _, got := range replies[1:] {
					if d := cmp.Diff(replies[0], got); d != "" {
						t.Fatalf("step %q: replies differ: %s", input, d)
					}
				}
				if last := i == len(script)-1; replies[0].End != last {
					t.Fatalf("step %q: %q, end %v", input, replies[0].Text, replies[0].End)
				}
			}
			if n := w.effects(); n != 1 {
				t.Errorf("%d effects, want 1", n)
			}
			if len(w.faults.all) > 0 {
				t.Errorf("faults: %v", w.faults.all)
			}
		})
	}
}

// TestRedisDiesMidDialogue kills redis-server between any two steps; the
// dialogue carries on from PostgreSQL, and on Redis again once it is back.
func TestRedisDiesMidDialogue(t *testing.T) {
	t.Parallel()
	for killAt := 1; killAt < len(script); killAt++ {
		t.Run(fmt.Sprint("before step ", killAt), func(t *testing.T) {
			t.Parallel()
			redis := sessionstest.StartRedis(t)
			w := newWorld(t, dialog.Limits{}, onRedis(redis))
			p := w.phone(known)
			var s string
			for i, input := range script {
				if i == killAt {
					if err := w.keeper.Flush(t.Context()); err != nil { // 250 ms pass
						t.Fatal(err)
					}
					redis.Kill()
				}
				if i == killAt+2 {
					redis.Start()
				}
				s = p.keys(input).Text
			}
			if !strings.HasPrefix(s, "C'est fait") || w.effects() != 1 {
				t.Errorf("the end: %q, %d effects", s, w.effects())
			}
		})
	}
}

// TestNothingWorks: with the stores gone every step still gets an apology, and
// in time.
func TestNothingWorks(t *testing.T) {
	t.Parallel()
	redis := sessionstest.StartRedis(t)
	w := newWorld(t, dialog.Limits{Deadline: time.Second}, onRedis(redis))
	p := w.phone(known)
	p.keys("*369#", pin)
	redis.Kill()
	w.db.Close()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		w.pass(3 * time.Second)
		r := w.dialog.Step(ctx, "demo", ussd.DefaultBudget(), ussd.Request{Kind: ussd.Answer, Msisdn: known, SessionID: p.session, Input: "1", RequestKey: fmt.Sprint(w.Now())})
		if ctx.Err() != nil {
			t.Error("answered after the network's patience")
		}
		cancel()
		if want := w.cat.Write(text.Arabic, text.L("dialog.unavailable", nil)); r.Text != want || !r.End {
			t.Errorf("got %q, end %v", r.Text, r.End)
		}
	}
}

func TestAnotherDialReplacesTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(known)
	p.keys("*369#", pin, "1", "12345", "2")
	old := p.session
	p.keys("*369#")
	fresh := p.session
	p.session = old
	late := p.keys("9")
	if !late.End || w.effects() != 0 {
		t.Errorf("late answer to the old session: %q, end %v, %d effects", late.Text, late.End, w.effects())
	}
	p.session = fresh
	if got := p.keys(pin).Text; !strings.Contains(got, "1 Continuer") {
		t.Errorf("after the PIN: %q", got)
	}
	if got := p.keys("1").Text; !strings.HasPrefix(got, "Dossier 12345, mercredi") {
		t.Errorf("continued at %q", got)
	}
	if p.keys("9"); w.effects() != 1 {
		t.Errorf("%d effects", w.effects())
	}
}

// TestEffectIsNotRepeatedAfterADrop: the effect is committed, the session is
// not, the call drops, and the person confirms once more.
func TestEffectIsNotRepeatedAfterADrop(t *testing.T) {
	t.Parallel()
	var lossy *losing
	w := newWorld(t, dialog.Limits{}, func(w *world) sessions.Store {
		lossy = &losing{Store: sessions.NewMemoryStore(w.Now)}
		return lossy
	})
	p := w.phone(known)
	p.keys("*369#", pin, "1", "12345", "2")
	if err := w.keeper.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	lossy.on = true
	p.keys("9")
	lossy.on = false
	if w.effects() != 1 {
		t.Fatalf("%d effects before the drop", w.effects())
	}
	w.pass(10 * time.Minute)
	if s := p.keys("*369#", pin, "1", "9"); !s.End || w.effects() != 1 {
		t.Errorf("after the drop: %q, %d effects", s.Text, w.effects())
	}
}

// losing loses every commit.
type losing struct {
	sessions.Store
	on bool
}

func (l *losing) Commit(ctx context.Context, key string, prev uint64, next []byte, ttl time.Duration, requestKey string, reply []byte) (sessions.Outcome, error) {
	if l.on {
		return sessions.Outcome{}, context.DeadlineExceeded
	}
	return l.Store.Commit(ctx, key, prev, next, ttl, requestKey, reply)
}

func TestDraftsLapse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after time.Duration
		kept  bool
	}{{29 * time.Minute, true}, {31 * time.Minute, false}} { // it holds a number
		w := newWorld(t, dialog.Limits{}, nil)
		p := w.phone(known)
		p.keys("*369#", pin, "1", "12345")
		if err := w.keeper.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pass(c.after)
		if got := strings.Contains(p.keys("*369#", pin).Text, "Continuer"); got != c.kept {
			t.Errorf("after %v: offered to continue %v, want %v", c.after, got, c.kept)
		}
	}
}

// TestSecretsAreNotKept: once a PIN is among the answers the draft stays as it
// was before it, so that the PIN is asked for again.
func TestSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(unknown)
	p.keys("*369#", "2", "1", "05031985", "0", "05031985") // joined as soon as the PIN is there, so drop before it
	if err := w.keeper.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	if got := p.keys("*369#").Text; !strings.Contains(got, "Continuer") || strings.Contains(got, "1985") {
		t.Errorf("redial: %q", got)
	}
	if got := p.keys("1").Text; !strings.HasPrefix(got, "Choisissez un code secret") {
		t.Errorf("continued at %q", got)
	}
}

func TestWrongAnswersEndInHelp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(known)
	if s := p.keys("*369#", pin, "1", "12345", "77", "x", "😀"); !s.End || !strings.Contains(s.Text, "SMS d'aide") {
		t.Errorf("after three: %q", s.Text)
	}
	if n := w.count("select count(*) from told where number = $1 and text_key = 'dialog.help_sms'", known); n != 1 {
		t.Errorf("%d help texts", n)
	}
	if s := p.keys("*369#", pin, "1"); !strings.HasPrefix(s.Text, "Quel jour") {
		t.Errorf("what was answered is lost: %q", s.Text)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	t.Run("PIN locked", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, dialog.Limits{}, nil)
		if s := w.phone(known).keys("*369#", "1111", "2222", "3333"); !s.End || !strings.HasPrefix(s.Text, "Pour vous protéger") {
			t.Errorf("got %q", s.Text)
		}
	})
	t.Run("steps", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, dialog.Limits{Steps: 5}, nil)
		if s := w.phone(known).keys("*369#", pin, "1", "0", "1", "0"); !s.End {
			t.Errorf("goes on: %q", s.Text)
		}
	})
	t.Run("sessions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, dialog.Limits{PerHour: 3}, nil)
		p := w.phone(known)
		for range 3 {
			if s := p.keys("*369#"); s.End {
				t.Fatalf("refused early: %q", s.Text)
			}
		}
		if s := p.keys("*369#"); !s.End {
			t.Errorf("goes on: %q", s.Text)
		}
		w.pass(time.Hour)
		if s := p.keys("*369#"); s.End {
			t.Errorf("an hour later: %q", s.Text)
		}
	})
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, dialog.Limits{}, nil)
		p := w.phone(known)
		p.keys("*369#", pin, "1", "12345")
		w.pass(100 * time.Second)
		p.keys("0")
		w.pass(100 * time.Second)
		if s := p.keys("12345"); !s.End || !strings.Contains(s.Text, "gardées") {
			t.Errorf("got %q", s.Text)
		}
	})
}

// TestNothingBeforeThePIN: whoever holds the phone learns nothing of a person,
// on any way in.
func TestNothingBeforeThePIN(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(known)
	p.keys("*369#", pin, "1", "12345", "2")
	neutral := w.cat.Write(text.French, text.L("dialog.pin", nil))
	for _, dial := range []string{"*369#", "*369*1#", "*369*48213978#", "*369*1*2*3#"} {
		if got := p.keys(dial).Text; got != neutral {
			t.Errorf("%s shows %q", dial, got)
		}
		for _, key := range []string{"0", "00", "98", "1", "9"} {
			if got := p.keys(key).Text; !strings.HasSuffix(got, neutral) && !strings.Contains(got, "aide") {
				t.Errorf("%s then %s shows %q", dial, key, got)
			}
		}
	}
}

// TestWhatIsStoredIsSealed looks for answers in what the stores hold.
func TestWhatIsStoredIsSealed(t *testing.T) {
	t.Parallel()
	redis := sessionstest.StartRedis(t)
	w := newWorld(t, dialog.Limits{}, onRedis(redis))
	p := w.phone(known)
	p.keys("*369#", pin, "1", "98765")
	if err := w.keeper.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := redis.Client()
	defer client.Close()
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var held strings.Builder
	for _, k := range keys {
		v := client.Get(t.Context(), k).Val()
		held.WriteString(k + v)
		if ttl := client.PTTL(t.Context(), k).Val(); ttl <= 0 {
			t.Errorf("a key without an end")
		}
		t.Logf("%d octets under one key", len(v))
	}
	var rows string
	err = w.db.QueryRow(t.Context(), `select coalesce((select string_agg(h || encode(value, 'escape'), '') from ussd_session), '') ||
		coalesce((select string_agg(h || encode(sealed, 'escape'), '') from dialogue_draft), '')`).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	held.WriteString(rows)
	if w.count("select count(*) from dialogue_draft") != 1 || len(keys) != 2 {
		t.Fatalf("%d keys in Redis", len(keys))
	}
	for _, secret := range []string{"98765", "600000001", pin, "dossier", "Dossier", "sample"} {
		if strings.Contains(held.String(), secret) {
			t.Errorf("%q can be read in the stores", secret)
		}
	}
}

func TestMeterSeesTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	p := w.phone(known)
	p.keys("*369#", pin, "1", "x", "12345", "98", "*369#")
	w.step(ussd.Request{Kind: ussd.Timeout, Msisdn: known, SessionID: p.session})
	want := []string{
		"> pin", "pin answered 5s", "> menu", "menu answered 5s", "> sample.book/number", "sample.book/number refused 5s", "> sample.book/number",
		"sample.book/number answered 5s", "> sample.book/day", "sample.book/day turned 5s", "> sample.book/day", "sample.book/day replaced 5s",
		"> pin", "pin dropped 0s",
	}
	if d := cmp.Diff(want, w.faults.trail); d != "" {
		t.Error(d)
	}
}
