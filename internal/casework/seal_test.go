package casework_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/wasl-sms/wasl/internal/casework"
)

// trail writes n events and seals them.
func (b *bench) trail(t *testing.T, n int) {
	t.Helper()
	_, err := b.book.Do(t.Context(), b.command(clerk()), nil, func(ctx context.Context, tx *casework.Tx) error {
		for i := range n {
			tx.Audit(casework.Entry{Action: "loan.read", ObjectKind: "loan", ObjectID: int64(i + 1), Detail: map[string]any{"page": i}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := casework.NewSealer(b.db).SealAll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// tamper does what only the owner of the database can: the triggers and
// foreign keys are off.
func (b *bench) tamper(t *testing.T, sql string, args ...any) {
	t.Helper()
	conn, err := b.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, s := range []string{"set session_replication_role = replica", "", "set session_replication_role = origin"} {
		if s == "" {
			tag, err := conn.Exec(t.Context(), sql, args...)
			if err != nil || tag.RowsAffected() == 0 {
				t.Fatalf("tampering failed: %v, %v", tag, err)
			}
			continue
		}
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) verify(t *testing.T, known ...casework.Head) casework.Report {
	t.Helper()
	r, err := casework.Verify(t.Context(), b.db, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWholeTrailVerifies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if r := b.verify(t); r.First != nil || r.Sealed != 0 {
		t.Errorf("an empty trail: %+v", r)
	}
	b.trail(t, 4500) // more than two batches
	b.ask(t)
	r := b.verify(t)
	if r.First != nil || r.Sealed != 4500 || r.Waiting != 1 || r.Head.Seq != 4500 {
		t.Errorf("report %+v", r)
	}
	b.trail(t, 10)
	if later := b.verify(t, r.Head); later.First != nil || later.Sealed != 4511 || later.Waiting != 0 {
		t.Errorf("report %+v, break %v", later, later.First)
	}
}

func TestSealersTakeTurns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				b.ask(t)
				if err := casework.NewSealer(b.db).SealAll(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r := b.verify(t); r.First != nil || r.Sealed != 40 {
		t.Errorf("report %+v, break %v", r, r.First)
	}
}

func TestTamperingIsFoundAndLocated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  []string
		want casework.Break
	}{
		"a word edited":   {[]string{`update audit_event set action = 'loan.print' where id = 40`}, casework.Break{Kind: casework.Edited, Seq: 40, EventID: 40}},
		"a person edited": {[]string{`update audit_event set actor_id = 9 where id = 1`}, casework.Break{Kind: casework.Edited, Seq: 1, EventID: 1}},
		"an hour edited":  {[]string{`update audit_event set at = at + interval '1 microsecond' where id = 99`}, casework.Break{Kind: casework.Edited, Seq: 99, EventID: 99}},
		"a null made an empty text": {
			[]string{`update audit_event set note = '' where id = 40`},
			casework.Break{Kind: casework.Edited, Seq: 40, EventID: 40},
		},
		"a detail edited": {
			[]string{`update audit_event set detail = '{"page": 7}' where id = 40`},
			casework.Break{Kind: casework.Edited, Seq: 40, EventID: 40},
		},
		"an event deleted": {[]string{`delete from audit_event where id = 40`}, casework.Break{Kind: casework.Missing, Seq: 40, EventID: 40}},
		"an event and its seal deleted": {
			[]string{`delete from audit_event where id = 40`, `delete from audit_seal where seq = 40`},
			casework.Break{Kind: casework.Gap, Seq: 40},
		},
		"the first deleted": {
			[]string{`delete from audit_event where id = 1`, `delete from audit_seal where seq = 1`},
			casework.Break{Kind: casework.Gap, Seq: 1},
		},
		"an event deleted and the chain closed up": {
			[]string{
				`delete from audit_event where id = 40`, `delete from audit_seal where seq = 40`,
				`update audit_seal set seq = seq + 1000000, prev_seq = prev_seq + 1000000 where seq > 40`,
				`update audit_seal set seq = seq - 1000001, prev_seq = prev_seq - 1000001 where seq > 1000000`,
			},
			casework.Break{Kind: casework.Gap, Seq: 40, EventID: 41},
		},
		"two events swapped": {[]string{
			`update audit_seal set event_id = case seq when 40 then -41 else -40 end where seq in (40, 41)`,
			`update audit_seal set event_id = -event_id where event_id < 0`,
		}, casework.Break{Kind: casework.Edited, Seq: 40, EventID: 41}},
		"a seal rewritten": {
			[]string{`update audit_seal set hash = sha256('planted') where seq = 40`},
			casework.Break{Kind: casework.Edited, Seq: 40, EventID: 40},
		},
		"the tail of the chain cut": {[]string{`delete from audit_seal where seq > 95`}, casework.Break{Kind: casework.Unsealed, EventID: 96}},
		"an event slipped past the sealer": {[]string{`insert into audit_event (at, actor_kind, actor_id, role, channel, action, object_kind, object_id)
			values (now(), 'staff', 7, 'clerk', 'desk', 'loan.read', 'loan', 1)`}, casework.Break{Kind: casework.Unsealed, EventID: 101}},
		"the sealer stands still": {[]string{
			`insert into audit_event (at, actor_kind, actor_id, role, channel, action, object_kind, object_id)
			values (now(), 'staff', 7, 'clerk', 'desk', 'loan.read', 'loan', 1)`,
			`insert into audit_pending values (101, clock_timestamp() - interval '2 minutes')`,
		}, casework.Break{Kind: casework.Unsealed, EventID: 101}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.trail(t, 100)
			for _, sql := range c.sql {
				b.tamper(t, sql)
			}
			r := b.verify(t)
			if r.First == nil || *r.First != c.want {
				t.Errorf("found %+v, want %+v", r.First, c.want)
			}
		})
	}
}

func TestRandomEditsAreAllLocated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trail(t, 300)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	columns := []string{"actor_id", "object_id", "rule_version"}
	for range 40 {
		column, id := columns[random.IntN(len(columns))], int64(random.IntN(300)+1)
		b.tamper(t, fmt.Sprintf("update audit_event set %[1]s = %[1]s + 1 where id = $1", column), id)
		if r := b.verify(t); r.First == nil || *r.First != (casework.Break{Kind: casework.Edited, Seq: id, EventID: id}) {
			t.Errorf("%s of event %d: found %+v", column, id, r.First)
		}
		b.tamper(t, fmt.Sprintf("update audit_event set %[1]s = %[1]s - 1 where id = $1", column), id)
	}
	if r := b.verify(t); r.First != nil {
		t.Errorf("restored, yet %+v", r.First)
	}
}

// A chain cut together with its events, or an old copy put back, looks whole
// from inside: the head kept elsewhere tells.
func TestAKnownHeadShowsACutChain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trail(t, 100)
	head := b.verify(t).Head
	b.tamper(t, `delete from audit_seal where seq > 90`)
	b.tamper(t, `delete from audit_event where id > 90`)
	if r := b.verify(t); r.First != nil {
		t.Fatalf("from inside: %+v", r.First)
	}
	if r := b.verify(t, head); r.First == nil || *r.First != (casework.Break{Kind: casework.Cut, Seq: 100}) {
		t.Errorf("with the known head: %+v", r.First)
	}
	b.trail(t, 10) // the chain grows to the known head's place, with another past
	if r := b.verify(t, head); r.First == nil || r.First.Kind != casework.Cut || r.First.Seq != 100 {
		t.Errorf("grown again: %+v", r.First)
	}
}
