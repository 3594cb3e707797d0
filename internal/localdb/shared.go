package localdb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// watcher runs the server ("$@") and stops it as soon as a look, one every
// $IDLE seconds, finds no process that holds a lock on the file $USED.
const watcher = `"$@" & pid=$!
while sleep "$IDLE"; do
	kill -0 $pid || exit
	exec 9<"$USED"
	if flock -n 9; then kill -INT $pid; wait $pid; exit; fi
	exec 9<&-
done`

// SharePostgres is StartPostgres for many short processes, the tests: the
// server outlives the process that started it, and ends when at a look every
// idle no process uses it. Stop only ends this process's use.
func SharePostgres(ctx context.Context, dir string, idle time.Duration, o Options) (*Postgres, error) {
	c, err := newCluster(dir, o)
	if err != nil {
		return nil, err
	}
	used := filepath.Join(c.dir, "used.lock")
	release, err := lockFile(ctx, used, syscall.LOCK_SH)
	if err != nil {
		return nil, err
	}
	s := c.server()
	s.command = func() (*exec.Cmd, error) {
		cmd, err := c.command()
		if err != nil {
			return nil, err
		}
		cmd.Args = append([]string{"sh", "-c", watcher, "sh"}, cmd.Args...)
		if cmd.Path, err = exec.LookPath("sh"); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "USED="+used, fmt.Sprintf("IDLE=%g", idle.Seconds()))
		cmd.SysProcAttr.Pdeathsig = 0
		return cmd, keepToOurselves()
	}
	if _, err := s.ensure(ctx); err != nil {
		release()
		return nil, err
	}
	return &Postgres{DSN: c.dsn("wasl"), stop: release}, nil
}

// keepToOurselves has no program that is started from now on get what this
// process was given open, such as the lock of a flock(1) around it: it would
// stay taken for as long as a server that outlives us.
func keepToOurselves() error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}
