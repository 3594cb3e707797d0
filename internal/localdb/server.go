package localdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	startLimit = 60 * time.Second // a recovery after a crash may take a while
	stopLimit  = 10 * time.Second // for each step from polite to rude
	poll       = 10 * time.Millisecond
)

// server is what PostgreSQL and Redis have in common: a foreground command,
// and a way to see whether one already runs in the directory.
type server struct {
	name    string
	dir     string
	socket  string // directory of the socket: dir, or a shorter name elsewhere
	command func() (*exec.Cmd, error)
	running func() int  // process id of the server in dir, 0 when there is none
	ready   func() bool // whether it answers
	stop    []syscall.Signal
	log     *slog.Logger
}

// process is one life of a server, ours or another process's.
type process struct {
	pid  int
	own  bool
	done chan struct{}
}

// ensure returns the running server, starting it when there is none.
func (s *server) ensure(ctx context.Context) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	unlock, err := lockFile(ctx, filepath.Join(s.dir, "start.lock"), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer unlock()

	// A server found here may be starting, or on its way out.
	for pid := s.running(); pid != 0; pid = s.running() {
		if s.ready() {
			return adopt(pid), nil
		}
		if err := pause(ctx, poll); err != nil {
			return nil, fmt.Errorf("%s with process id %d in %s does not answer: %w", s.name, pid, s.dir, err)
		}
	}
	cmd, err := s.command()
	if err != nil {
		return nil, err
	}
	p, err := spawn(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	for !s.ready() {
		select {
		case <-p.done:
			return nil, fmt.Errorf("%s stopped at once: %s", s.name, tail(s.logFile()))
		case <-ctx.Done():
			s.end(p)
			return nil, fmt.Errorf("%s did not become ready: %w: %s", s.name, ctx.Err(), tail(s.logFile()))
		case <-time.After(poll):
		}
	}
	return p, nil
}

// keep holds the server up until ctx ends, then stops it if it is ours.
func (s *server) keep(ctx context.Context, p *process) {
	for {
		select {
		case <-ctx.Done():
			s.end(p)
			return
		case <-p.done:
		}
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("private server gone, starting it again", "server", s.name)
		for {
			next, err := s.ensure(ctx)
			if err == nil {
				p = next
				break
			}
			if ctx.Err() != nil {
				return
			}
			s.log.Error("private server does not start", "server", s.name, "error", err)
			if pause(ctx, time.Second) != nil {
				return
			}
		}
	}
}

// end stops our own server, each signal ruder than the one before.
func (s *server) end(p *process) {
	if !p.own {
		return
	}
	for _, sig := range append(s.stop, syscall.SIGKILL) {
		_ = syscall.Kill(p.pid, sig)
		select {
		case <-p.done:
			if s.socket != s.dir {
				_ = os.Remove(s.socket)
			}
			return
		case <-time.After(stopLimit):
		}
	}
}

func (s *server) logFile() string { return filepath.Join(s.dir, "log") }

// spawn starts cmd so that it gets its first stop signal when this process
// dies, even by SIGKILL.
func spawn(cmd *exec.Cmd) (*process, error) {
	p := &process{own: true, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel sends the signal when the thread that forked ends
		// (prctl(2), PR_SET_PDEATHSIG), so this one stays.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		_ = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// adopt watches a server that another process started.
func adopt(pid int) *process {
	p := &process{pid: pid, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for alive(pid) {
			time.Sleep(200 * time.Millisecond)
		}
	}()
	return p
}

func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// lockFile takes an advisory lock that the kernel lets go when this process
// ends. how is syscall.LOCK_EX or LOCK_SH. It holds a bare descriptor: an
// os.File would be closed once nothing refers to it.
func lockFile(ctx context.Context, path string, how int) (unlock func(), err error) {
	fd, err := syscall.Open(path, syscall.O_CREAT|syscall.O_RDONLY|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	for {
		err = syscall.Flock(fd, how|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = syscall.Close(fd) }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = syscall.Close(fd)
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if err := pause(ctx, poll); err != nil {
			_ = syscall.Close(fd)
			return nil, fmt.Errorf("wait for %s: %w", path, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// tail returns the end of a log file for an error message.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "no log: " + err.Error()
	}
	if len(b) > 600 {
		b = b[len(b)-600:]
	}
	return string(b)
}
