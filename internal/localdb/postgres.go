package localdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ErrNoPostgres says that no PostgreSQL server binaries were found.
var ErrNoPostgres = errors.New("no PostgreSQL server on this machine: install the package postgresql, or set the address of a database")

// Options of a private PostgreSQL. The zero value is right for the demo.
type Options struct {
	Settings []string     // "name=value", as after postgres -c
	NoSync   bool         // a cluster that may be lost with the machine
	Log      *slog.Logger // restarts of the server; nil: silent
}

// Postgres is a private server.
type Postgres struct {
	DSN string // postgres:// address of an empty database made for us

	stop func()
}

// Stop ends the server, if this process started it, and waits for it.
func (p *Postgres) Stop() { p.stop() }

// StartPostgres makes sure that a private PostgreSQL runs in dir, making the
// cluster on the first call. The server listens on a Unix socket only, and
// only this user (and root) can reach it. It is stopped when ctx ends; Stop
// also waits for that. If it dies before, it is started again.
func StartPostgres(ctx context.Context, dir string, o Options) (*Postgres, error) {
	c, err := newCluster(dir, o)
	if err != nil {
		return nil, err
	}
	s := c.server()
	p, err := s.ensure(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.keep(ctx, p) })
	return &Postgres{DSN: c.dsn("wasl"), stop: func() { cancel(); wg.Wait() }}, nil
}

// cluster is a PostgreSQL data directory and how to run it:
// dir/data, dir/log, dir/start.lock and the socket.
type cluster struct {
	dir, socket string
	as          account
	opts        Options
}

func newCluster(dir string, o Options) (*cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &cluster{dir: dir, socket: socketDir(dir), as: as, opts: o}
	if err := as.makeDir(c.dir); err != nil {
		return nil, fmt.Errorf("directory for PostgreSQL: %w", err)
	}
	return c, nil
}

// socketDir returns dir, or a short name for it: a socket's path is limited
// to 107 bytes (unix(7)).
func socketDir(dir string) string {
	if len(dir) < 80 {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), "wasl-"+hex.EncodeToString(sum[:6]))
}

func (c *cluster) dsn(database string) string {
	q := url.Values{"host": {c.socket}, "user": {"wasl"}}
	return "postgres:///" + database + "?" + q.Encode()
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) server() *server {
	return &server{
		name:    "PostgreSQL",
		dir:     c.dir,
		socket:  c.socket,
		command: c.command,
		running: c.running,
		ready:   func() bool { return c.pidFile(7) == "ready" },
		stop:    []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}, // fast, then immediate
		log:     c.opts.Log,
	}
}

// command makes the cluster if there is none, and returns the server's
// command, which runs in the foreground.
func (c *cluster) command() (*exec.Cmd, error) {
	bin, err := c.binaries()
	if err != nil {
		return nil, err
	}
	if err := c.as.makeDir(c.socket); err != nil {
		return nil, fmt.Errorf("directory for PostgreSQL's socket: %w", err)
	}
	if _, err := os.Stat(c.data()); errors.Is(err, os.ErrNotExist) {
		if err := c.create(bin); err != nil {
			return nil, err
		}
	}
	if err := c.clear(); err != nil {
		return nil, err
	}
	// The server did not remove this file if it was killed, and its process
	// id may be another program's by now.
	if err := os.Remove(filepath.Join(c.data(), "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	settings := append([]string{
		"listen_addresses=",
		"unix_socket_directories=" + c.socket,
		"timezone=UTC",
		"log_timezone=UTC",
		// Texts of failed statements could hold a citizen's data.
		"log_min_messages=log",
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
	}, c.opts.Settings...)
	args := []string{"-D", c.data()}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	c.as.prepare(cmd, c.dir)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	cmd.Stdout, cmd.Stderr = log, log
	return cmd, nil
}

// clear ends what a killed server has left. Its processes end by themselves
// when they next look for it, and a stuck one never looks: until then it holds
// the shared memory, for which no server starts, and its clients wait.
func (c *cluster) clear() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	for {
		left, err := c.left()
		if err != nil || len(left) == 0 {
			return err
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if pause(ctx, poll) != nil {
			return fmt.Errorf("processes %v of a killed PostgreSQL in %s do not end", left, c.dir)
		}
	}
}

// left lists the processes at work in the cluster, which all have its
// directory as their own.
func (c *cluster) left() (pids []int, err error) {
	data, err := os.Stat(c.data())
	if err != nil {
		return nil, err
	}
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		place := filepath.Join("/proc", p.Name())
		name, err := os.ReadFile(filepath.Join(place, "comm"))
		if err != nil || strings.TrimSpace(string(name)) != "postgres" {
			continue
		}
		if at, err := os.Stat(filepath.Join(place, "cwd")); err == nil && os.SameFile(at, data) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// create makes the cluster beside its place and moves it there when it is
// whole, so that a crash on the way leaves nothing half made.
func (c *cluster) create(bin string) error {
	fresh := c.data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	args := []string{
		"--pgdata=" + fresh, "--username=wasl", "--encoding=UTF8", "--locale=C.UTF-8",
		"--auth=trust", // whoever can reach the socket's directory is this user
	}
	single := exec.Command(filepath.Join(bin, "postgres"), "--single", "-D", fresh)
	if c.opts.NoSync {
		args = append(args, "--no-sync")
		single.Args = append(single.Args, "-F")
	}
	single.Args = append(single.Args, "postgres")
	initdb := exec.Command(filepath.Join(bin, "initdb"), args...)
	single.Stdin = strings.NewReader("create database wasl\n")
	for _, cmd := range []*exec.Cmd{initdb, single} {
		c.as.prepare(cmd, c.dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make a PostgreSQL cluster in %s: %w: %s", c.dir, err, out)
		}
	}
	return os.Rename(fresh, c.data())
}

// binaries finds the server programs: those that made the cluster, or for a
// new cluster the newest.
func (c *cluster) binaries() (string, error) {
	var majors []int
	dirs := map[int]string{}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	for _, f := range found {
		bin := filepath.Dir(f)
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin))); err == nil {
			majors = append(majors, n)
			dirs[n] = bin
		}
	}
	slices.Sort(majors)

	made, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	switch {
	case err == nil:
		n, err := strconv.Atoi(strings.TrimSpace(string(made)))
		if err != nil {
			return "", fmt.Errorf("PG_VERSION in %s: %w", c.data(), err)
		}
		if bin, ok := dirs[n]; ok {
			return bin, nil
		}
		if len(majors) > 0 {
			return "", fmt.Errorf("the database in %s was made by PostgreSQL %d, which is not installed: install postgresql-%d, or move the directory away to begin a new one", c.dir, n, n)
		}
	case !errors.Is(err, os.ErrNotExist):
		return "", err
	case len(majors) > 0:
		return dirs[majors[len(majors)-1]], nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	return "", ErrNoPostgres
}

// running reads the lock file of the server, and makes sure that the process
// it names is that server.
func (c *cluster) running() int {
	pid, err := strconv.Atoi(c.pidFile(0))
	if err != nil {
		return 0
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !slices.Contains(strings.Split(string(cmdline), "\x00"), c.data()) {
		return 0
	}
	return pid
}

// pidFile returns a line of postmaster.pid: 0 the process id, 7 the state
// ("starting", "ready", "stopping").
func (c *cluster) pidFile(line int) string {
	b, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return ""
	}
	lines := strings.Split(string(b), "\n")
	if line >= len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[line])
}
