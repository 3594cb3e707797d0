package dbtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wasl-sms/wasl/internal/localdb"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// Server is a PostgreSQL of the test's own, which the test may kill: it is
// started again by itself.
type Server struct {
	DSN string // of an empty migrated database
	dir string
}

// StartServer starts one, which ends with the test.
func StartServer(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	dir, err := os.MkdirTemp("", "wasl-server-") //nolint:usetesting // the parent of TempDir is closed to the server's account
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	server, err := localdb.StartPostgres(context.Background(), dir, localdb.Options{
		NoSync: true, Settings: settings, Log: slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Stop)
	if _, err := postgres.Migrate(tb.Context(), server.DSN); err != nil {
		tb.Fatal(err)
	}
	return &Server{DSN: server.DSN, dir: dir}
}

// PID is the server's process, 0 while there is none.
func (s *Server) PID() int {
	b, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return pid
}
