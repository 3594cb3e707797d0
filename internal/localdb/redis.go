package localdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrNoRedis says that there is no redis-server on this machine.
var ErrNoRedis = errors.New("no redis-server on this machine: install the package redis-server, or set the address of one")

// Redis is a private server. It keeps nothing on disk: what lives in it may
// be lost.
type Redis struct {
	URL string // unix:// address, as redis.ParseURL reads it

	stop func()
}

// Stop ends the server, if this process started it, and waits for it.
func (r *Redis) Stop() { r.stop() }

// StartRedis makes sure that a private redis-server runs in dir, on a Unix
// socket that only this user (and root) can reach. It is stopped when ctx
// ends; Stop also waits for that. If it dies before, it is started again,
// empty. The error is ErrNoRedis where none is installed.
func StartRedis(ctx context.Context, dir string, log *slog.Logger) (*Redis, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoRedis
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	socket := filepath.Join(socketDir(dir), "redis.sock")
	if err := as.makeDir(dir); err != nil {
		return nil, fmt.Errorf("directory for redis-server: %w", err)
	}
	s := &server{name: "redis-server", dir: dir, socket: filepath.Dir(socket), stop: []syscall.Signal{syscall.SIGTERM}, log: log}
	s.ready = func() bool { return pong(socket) }
	s.running = func() int { return redisIn(dir, bin, socket) }
	s.command = func() (*exec.Cmd, error) {
		if err := as.makeDir(s.socket); err != nil {
			return nil, fmt.Errorf("directory for redis-server's socket: %w", err)
		}
		cmd := exec.Command(bin, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
			"--pidfile", filepath.Join(dir, "redis.pid"), "--logfile", s.logFile(), "--dir", dir,
			"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--loglevel", "warning")
		as.prepare(cmd, dir)
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
		return cmd, nil
	}
	p, err := s.ensure(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.keep(ctx, p) })
	return &Redis{URL: "unix://" + socket, stop: func() { cancel(); wg.Wait() }}, nil
}

// redisIn returns the process id of the redis-server in dir, 0 for none.
func redisIn(dir, bin, socket string) int {
	b, err := os.ReadFile(filepath.Join(dir, "redis.pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	// redis-server rewrites its command line: "redis-server unixsocket:PATH".
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !slices.ContainsFunc([]string{bin, socket}, func(s string) bool { return strings.Contains(string(cmdline), s) }) {
		return 0
	}
	return pid
}

// pong asks the server for a sign of life in its own protocol.
func pong(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	var b [5]byte
	_, err = conn.Read(b[:])
	return err == nil && string(b[:]) == "+PONG"
}
