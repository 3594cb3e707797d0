package migrations_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"testing"

	"github.com/wasl-sms/wasl/migrations"
)

func TestNumberedWithoutGapsAndExplained(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, file := range files {
		if want := fmt.Sprintf("%05d_", i+1); file[:min(len(want), len(file))] != want {
			t.Errorf("%s: expected number %s", file, want)
		}
		body, err := fs.ReadFile(migrations.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		why, _, found := bytes.Cut(body, []byte("-- +goose Up\n"))
		if !found || !bytes.HasPrefix(why, []byte("-- ")) {
			t.Errorf("%s does not begin with a comment that says why, then -- +goose Up", file)
		}
		if bytes.Contains(body, []byte("-- +goose Down")) {
			t.Errorf("%s has a way down: the schema goes forward only", file)
		}
	}
}
