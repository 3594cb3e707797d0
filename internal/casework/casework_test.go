package casework_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

// life is a small request: only a person may refuse it, and must say why.
func life() casework.Machine {
	return casework.Machine{Name: "loan", Version: 1, Rules: []casework.Rule{
		{Event: "ask", To: "ASKED", By: []string{"citizen"}},
		{From: "ASKED", Event: "take", To: "IN_HAND", By: []string{"clerk", "job"}},
		{From: "IN_HAND", Event: "grant", To: "GRANTED", By: []string{"authority"}},
		{From: "IN_HAND", Event: "refuse", To: "REFUSED", By: []string{"authority"}, HumanOnly: true, NeedsReason: true},
		{From: "ASKED", Event: "withdraw", To: "WITHDRAWN", By: []string{"citizen"}},
		{From: "IN_HAND", Event: "withdraw", To: "WITHDRAWN", By: []string{"citizen"}},
	}}
}

// paper stands where the outbox will: it keeps a text in the same transaction.
type paper struct{ texts atomic.Int64 }

func (p *paper) Enqueue(ctx context.Context, tx pgx.Tx, texts []message.Outbound) error {
	for _, m := range texts {
		if m.Line.Key == "planted.failure" {
			return errors.New("no room for the text")
		}
	}
	p.texts.Add(int64(len(texts)))
	return nil
}

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

type bench struct {
	db      *postgres.DB
	book    *casework.Book
	account int64
	keys    atomic.Int64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db := dbtest.DB(t, postgres.Options{MaxConns: 20})
	if err := casework.Sync(t.Context(), db, life()); err != nil {
		t.Fatal(err)
	}
	b := &bench{db: db, book: casework.NewBook(db, &paper{}, func() time.Time { return at })}
	err := db.QueryRow(t.Context(), `insert into account (country, lang, quality, identity_level, pin_hash, consent_version,
		consent_at, created_channel, created_at) values ('MA', 'fr', 'family', 1, 'x', 1, $1, 'ussd', $1) returning id`, at).Scan(&b.account)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) citizen() casework.Actor {
	return casework.Actor{Kind: casework.Citizen, ID: b.account}
}

func judge() casework.Actor { return casework.Actor{Kind: casework.Staff, ID: 7, Role: "authority"} }
func clerk() casework.Actor { return casework.Actor{Kind: casework.Staff, ID: 8, Role: "clerk"} }

func (b *bench) command(a casework.Actor) casework.Command {
	return casework.Command{Actor: a, Channel: "desk", Key: fmt.Sprint("k", b.keys.Add(1)), Verb: "loan.test"}
}

func (b *bench) ask(t *testing.T) casework.File {
	t.Helper()
	var f casework.File
	_, err := b.book.Do(t.Context(), b.command(b.citizen()), nil, func(ctx context.Context, tx *casework.Tx) (err error) {
		f, err = tx.Begin(ctx, life(), casework.Opening{AccountID: b.account}, casework.Move{Event: "ask"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (b *bench) move(ctx context.Context, a casework.Actor, f casework.File, mv casework.Move) (casework.File, error) {
	var after casework.File
	_, err := b.book.Do(ctx, b.command(a), nil, func(ctx context.Context, tx *casework.Tx) (err error) {
		after, err = tx.Move(ctx, life(), f, mv)
		return err
	})
	return after, err
}

func (b *bench) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := b.db.QueryRow(t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOneKeyFiftyTimesAtOnceIsOneEffect(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	type result struct{ Ref string }
	cmd := casework.Command{Actor: b.citizen(), Channel: "ussd", Key: "212600000001/4", Verb: "loan.ask"}
	results := make([]result, 50)
	var first atomic.Int64
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			replayed, err := b.book.Do(t.Context(), cmd, &results[i], func(ctx context.Context, tx *casework.Tx) error {
				f, err := tx.Begin(ctx, life(), casework.Opening{AccountID: b.account}, casework.Move{Event: "ask"})
				if err != nil {
					return err
				}
				results[i].Ref = f.Ref
				return nil
			})
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			if !replayed {
				first.Add(1)
			}
		})
	}
	wg.Wait()
	if first.Load() != 1 {
		t.Errorf("%d calls took effect", first.Load())
	}
	for i, r := range results {
		if r != results[0] || !casework.ValidRef(r.Ref) {
			t.Errorf("call %d was answered %q, call 0 %q", i, r.Ref, results[0].Ref)
		}
	}
	for table, want := range map[string]int{"case_file": 1, "transition": 1, "audit_event": 1, "command": 1} {
		if n := b.count(t, table); n != want {
			t.Errorf("%d rows in %s, want %d", n, table, want)
		}
	}
	other := cmd
	other.Actor.ID++
	if _, err := b.book.Do(t.Context(), other, &result{}, nil); err == nil {
		t.Error("another person's key was replayed to a stranger")
	}
}

func TestFailureUndoesEverythingAndFreesTheKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cmd := b.command(b.citizen())
	fails := func(key text.Key, result error) error {
		_, err := b.book.Do(t.Context(), cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
			if _, err := tx.Begin(ctx, life(), casework.Opening{AccountID: b.account}, casework.Move{Event: "ask"}); err != nil {
				return err
			}
			tx.Tell(message.Outbound{Account: b.account, Line: text.L(key, nil)})
			tx.Audit(casework.Entry{Action: "loan.seen", ObjectKind: "loan"})
			return result
		})
		return err
	}
	if err := fails("loan.asked", errors.New("changed my mind")); err == nil {
		t.Fatal("the error was lost")
	}
	if err := fails("planted.failure", nil); err == nil {
		t.Fatal("a text that could not be kept was let go")
	}
	for _, table := range []string{"case_file", "transition", "audit_event", "command", "audit_pending"} {
		if n := b.count(t, table); n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
	}
	if err := fails("loan.asked", nil); err != nil {
		t.Errorf("the key was not free again: %v", err)
	}
}

func TestTwoDecisionsOneWins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f, err := b.move(t.Context(), clerk(), b.ask(t), casework.Move{Event: "take"})
	if err != nil {
		t.Fatal(err)
	}
	moves := []casework.Move{{Event: "grant"}, {Event: "refuse", Reason: "not_kin"}}
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = b.move(t.Context(), judge(), f, moves[i%2]) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case fault.KindOf(err) != fault.KindConflict:
			t.Errorf("the loser was told %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d decisions took effect", won)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f, err := b.move(t.Context(), clerk(), b.ask(t), casework.Move{Event: "take"})
	if err != nil {
		t.Fatal(err)
	}
	job := casework.Actor{Kind: casework.Job, Role: "authority"}
	for name, c := range map[string]struct {
		actor casework.Actor
		event casework.Event
		want  fault.Kind
	}{
		"a clerk does not decide":       {clerk(), "grant", fault.KindForbidden},
		"a family does not decide":      {b.citizen(), "grant", fault.KindForbidden},
		"a machine refuses nobody":      {job, "refuse", fault.KindForbidden},
		"no event that is not listed":   {judge(), "forget", fault.KindConflict},
		"no event from the wrong state": {b.citizen(), "ask", fault.KindConflict},
	} {
		if _, err := b.move(t.Context(), c.actor, f, casework.Move{Event: c.event}); fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.move(t.Context(), judge(), f, casework.Move{Event: "refuse"}); err == nil {
		t.Error("refused without a reason")
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f := b.ask(t)
	if _, err := b.book.Do(t.Context(), b.command(clerk()), nil, func(ctx context.Context, tx *casework.Tx) error {
		tx.Audit(casework.Entry{Action: "loan.read", ObjectKind: "loan", ObjectID: f.ID})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.move(t.Context(), clerk(), f, casework.Move{Event: "take", Note: "in the blue folder"}); err != nil {
		t.Fatal(err)
	}
	b.ask(t) // another's, of which nothing may come

	h, err := casework.History(t.Context(), b.db, f.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range h {
		got = append(got, fmt.Sprint(line.Action, ":", line.From, ">", line.To, ":", line.Actor.Role, ":", line.Note))
	}
	want := []string{"loan.ask:>ASKED::", "loan.read:>:clerk:", "loan.take:ASKED>IN_HAND:clerk:in the blue folder"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("history is %q, want %q", got, want)
	}
}

func TestSyncRefusesAChangedRuleOfTheSameVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := casework.Sync(t.Context(), b.db, life()); err != nil {
		t.Fatalf("the same machine again: %v", err)
	}
	m := life()
	m.Rules[3].HumanOnly = false
	if err := casework.Sync(t.Context(), b.db, m); err == nil {
		t.Error("a right may now be refused by a machine, under the same version")
	}
	m.Version = 2
	if err := casework.Sync(t.Context(), b.db, m); err != nil {
		t.Errorf("a new version: %v", err)
	}
}
