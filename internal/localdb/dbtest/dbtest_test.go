package dbtest_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
)

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	t.Parallel()
	one, two := dbtest.New(t), dbtest.New(t)
	if _, err := one.Exec(t.Context(), "create table mine (n int)"); err != nil {
		t.Fatal(err)
	}
	var seen bool
	if err := two.QueryRow(t.Context(), "select to_regclass('mine') is not null").Scan(&seen); err != nil {
		t.Fatal(err)
	}
	if seen {
		t.Error("two tests share a database")
	}
	var version int64
	if err := two.QueryRow(t.Context(), "select max(version_id) from goose_db_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	if version < 1 {
		t.Errorf("the database is at migration %d", version)
	}
}

func TestDatabaseIsDroppedWithTheTest(t *testing.T) { //nolint:tparallel // the inner test has to end before the look below
	t.Parallel()
	var name string
	t.Run("owner", func(t *testing.T) {
		if err := dbtest.New(t).QueryRow(t.Context(), "select current_database()").Scan(&name); err != nil {
			t.Fatal(err)
		}
	})
	var there bool
	if err := dbtest.New(t).QueryRow(t.Context(), "select exists (select from pg_database where datname = $1)", name).Scan(&there); err != nil {
		t.Fatal(err)
	}
	if there {
		t.Errorf("database %s outlived its test", name)
	}
}

func TestRedisIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	for range 2 {
		opts, err := redis.ParseURL(dbtest.Redis(t))
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(opts)
		n, err := client.Incr(t.Context(), "n").Result()
		if err != nil || n != 1 {
			t.Errorf("counter is %d (%v)", n, err)
		}
		_ = client.Close()
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		dbtest.DSN(b)
	}
}
