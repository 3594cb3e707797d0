package acceptance

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestMain removes the binary at the end.
func TestMain(m *testing.M) {
	code := m.Run()
	if dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

var dir string //nolint:gochecknoglobals // of the one binary of this run

// built builds the program once for each run of the tests.
var built = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // the same
	var err error
	if dir, err = os.MkdirTemp("", "wasl-binary-"); err != nil {
		return "", err
	}
	if err := lookAtSources("../.."); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "wasl")
	if out, err := exec.Command("go", "build", "-o", file, "../../cmd/wasl").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cmd/wasl: %w: %s", err, out)
	}
	return file, nil
})

// lookAtSources has go test see what the binary is made of, or it would give
// a stored result for another program.
func lookAtSources(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.Type().IsRegular():
			_, err = os.Stat(path)
		}
		return err
	})
}

// program starts the binary again and again.
type program struct {
	file   string
	env    []string
	log    string // what all of them wrote
	starts chan *process
}

// process is one life of the program.
type process struct {
	cmd     *exec.Cmd
	started chan error
	ended   chan struct{}
}

func newProgram(t *testing.T, env ...string) *program {
	t.Helper()
	file, err := built()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{file: file, env: append(os.Environ(), env...), log: filepath.Join(t.TempDir(), "log"), starts: make(chan *process)}
	// A child gets its death signal when the thread that made it ends, so one
	// thread makes them all (prctl(2), PR_SET_PDEATHSIG).
	go func() {
		runtime.LockOSThread()
		for c := range p.starts {
			c.started <- c.cmd.Start()
		}
	}()
	t.Cleanup(func() {
		close(p.starts)
		if t.Failed() {
			t.Log(p.tail())
		}
	})
	return p
}

// run runs a command of the program to its end.
func (p *program) run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.file, args...)
	cmd.Env = p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("wasl %v: %v: %s", args, err, out)
	}
}

// serve starts `wasl serve`.
func (p *program) serve(t *testing.T) *process {
	t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	c := &process{cmd: exec.Command(p.file, "serve"), started: make(chan error), ended: make(chan struct{})}
	c.cmd.Env, c.cmd.Stderr = p.env, log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.starts <- c
	err = <-c.started
	_ = log.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait() // how it ended is asked of the ProcessState
		close(c.ended)
	}()
	return c
}

// kill is kill -9.
func (c *process) kill() { _ = c.cmd.Process.Kill() }

// killed waits for the end and checks that nothing else ended it.
func (c *process) killed(t *testing.T) {
	t.Helper()
	<-c.ended
	if s, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !s.Signaled() || s.Signal() != syscall.SIGKILL {
		t.Errorf("the process ended by itself: %v", c.cmd.ProcessState)
	}
}

// stop ends it in order.
func (c *process) stop(t *testing.T) {
	t.Helper()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	<-c.ended
	if !c.cmd.ProcessState.Success() {
		t.Errorf("the process did not end in order: %v", c.cmd.ProcessState)
	}
}

// tail is the end of the log.
func (p *program) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if len(b) > 8000 {
		b = b[bytes.IndexByte(b[len(b)-8000:], '\n')+len(b)-8000:]
	}
	return string(b)
}
