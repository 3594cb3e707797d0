package outbox_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// ago stores a delivered text as it would lie there so many months later, and
// gives its id.
func (f *fixture) ago(t testing.TB, months int) (id int64) {
	t.Helper()
	err := f.db.QueryRow(t.Context(), `
		with i as (select message_floor(now() - make_interval(months => $1)) | nextval('message_serial') as id
		), told as (insert into message_told select id, null, 'o' || id, 'r', 'k' from i
		), m as (
			insert into message (id, created_at, occasion, text_key, lang, class, operator, recipient, number_sealed, body_sealed, form, parts)
			select id, now(), 'o' || id, 'k', 'fr', 4, 'north', 'r', '', '', 'udh8', 1 from i)
		insert into message_part (id, message_id, part, operator, class, state, due_at, expires_at, final_at)
		select id << 8 | 1, id, 1, 'north', 4, 'delivered', now(), now(), now() from i returning message_id`, months).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func column[T any](t testing.TB, f *fixture, sql string, args ...any) []T {
	t.Helper()
	rows, err := f.db.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOldMonthsAreDroppedWhole(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	var kept []int64
	for months := 17; months >= 0; months-- {
		f.exec(t, `select message_month(now() - make_interval(months => $1))`, months)
		if id := f.ago(t, months); months <= 13 {
			kept = append(kept, id)
		}
	}
	for range 2 { // a second time there is nothing to do
		if err := f.Forget(t.Context(), 13); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"message", "message_part", "message_told"} {
			col := map[bool]string{true: "id", false: "message_id"}[table == "message"]
			if diff := cmp.Diff(kept, column[int64](t, f, `select `+col+` from `+table+` order by 1`)); diff != "" {
				t.Errorf("%s: %s", table, diff)
			}
		}
	}
	for _, parent := range []string{"message", "message_part"} {
		left := column[string](t, f, `select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::text::regclass order by 1`, parent)
		if len(left) != 14+1+1 { // with the next month and the default
			t.Errorf("tables of %s: %v", parent, left)
		}
	}
}

func TestATextBeforeItsMonthIsMade(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	months := column[string](t, f, `select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = 'message'::regclass and c.relname <> 'message_default' order by 1`)
	for _, m := range months {
		f.exec(t, `drop table `+"message_part"+m[len("message"):]+`, `+m)
	}
	once := told(1, message.Decision)
	once.Dedupe = "x"
	f.enqueue(t, once, told(2, message.Decision))
	for range 2 {
		if err := f.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := column[int](t, f, `select (select count(*) from message_default)::int + (select count(*) from message_part_default)::int`); n[0] != 0 {
		t.Errorf("%d rows stay in no month", n[0])
	}
	if made := column[string](t, f, `select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = 'message'::regclass and c.relname <> 'message_default' order by 1`); !slices.Equal(made, months) {
		t.Errorf("months %v, want %v", made, months)
	}
	f.enqueue(t, once)
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Eventually(t, "both are accepted", func() bool { return f.states(t)["accepted"] == 2 })

	// A part without its text is refused wherever it lies.
	for _, sql := range []string{
		`delete from message`,
		`update message_part set message_id = message_id + 1, id = id + 256`,
		`insert into message_part (id, message_id, part, operator, class, state, due_at, expires_at) values (257, 1, 1, 'north', 4, 'queued', now(), now())`,
	} {
		if _, err := f.db.Exec(context.Background(), sql); err == nil {
			t.Errorf("accepted: %s", sql)
		}
	}
}

func TestPreparedByManyAtOnce(t *testing.T) {
	t.Parallel()
	f := setUp(t, nil)
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := f.db.Exec(context.Background(), `select message_month(now() + interval '5 months')`)
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
