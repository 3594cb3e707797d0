package sessionstest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wasl-sms/wasl/sessions"
)

// Redis is a real redis-server of the test's own, without persistence, on a
// socket in a directory of the test.
type Redis struct {
	Socket string

	t   testing.TB
	dir string
	cmd *exec.Cmd
	log bytes.Buffer
}

// StartRedis starts one and stops it with the test.
func StartRedis(t testing.TB) *Redis {
	t.Helper()
	// A socket's path must stay below 108 octets, which t.TempDir may not.
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // for this reason
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{t: t, dir: dir, Socket: filepath.Join(dir, "s")}
	t.Cleanup(func() {
		r.Kill()
		os.RemoveAll(dir)
	})
	r.Start()
	return r
}

// Start starts the server, again after Kill, and waits until it answers.
func (r *Redis) Start() {
	r.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		r.t.Fatal("redis-server is needed for this test: install Debian's redis-server package")
	}
	r.cmd = exec.Command(path, "--port", "0", "--unixsocket", r.Socket, "--dir", r.dir,
		"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("start redis-server: %v", err)
	}
	client := r.Client()
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if _, err := os.Stat(r.Socket); err == nil && client.Ping(ctx).Err() == nil {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.Kill()
			r.t.Fatalf("redis-server does not answer:\n%s", r.log.String())
		}
	}
}

// Kill ends the server at once and waits until it is gone.
func (r *Redis) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
	os.Remove(r.Socket)
}

// Freeze stops the server from answering while its connections stay open, until
// Thaw; then it does what it was asked meanwhile.
func (r *Redis) Freeze() { r.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (r *Redis) Thaw() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("signal redis-server: %v", err)
	}
}

// Client returns a client with the settings of production; the caller closes it.
func (r *Redis) Client() redis.UniversalClient {
	return redis.NewUniversalClient(sessions.RedisOptions(r.Socket))
}
