package postgres_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/postgres/postgrestest"
)

func TestEveryStatementPrepares(t *testing.T) {
	t.Parallel()
	if n := postgrestest.PrepareAll(t, os.DirFS("..")); n < 5 {
		t.Errorf("only %d statements found", n)
	}
}

func TestStatementsAreFound(t *testing.T) {
	t.Parallel()
	got, err := postgrestest.Find(fstest.MapFS{
		"a/store.go":      {Data: []byte("package a\nconst sqlOne = `select ` + (columns) + \"\\n from t\"\nconst other = `x`")},
		"a/store_more.go": {Data: []byte("package a\nconst (\n\tsqlTwo = sqlOne + ` limit 1`\n)")},
		"a/a.go":          {Data: []byte("package a\nconst columns = `n, m`\nconst sqlNot = `not in a store`")},
		"a/store_test.go": {Data: []byte("package a\nconst sqlTest = `not ours`")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []postgrestest.Statement{
		{Where: "a/store.go: sqlOne", SQL: "select n, m\n from t"},
		{Where: "a/store_more.go: sqlTwo", SQL: "select n, m\n from t limit 1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := postgrestest.Find(fstest.MapFS{
		"b/store.go": {Data: []byte("package b\nconst sqlOne = `select ` + text.Columns")},
	}); err == nil {
		t.Error("a statement that can't be worked out was passed over")
	}
}
