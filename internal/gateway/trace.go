package gateway

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/pcap"
)

const (
	traceLimit = 16 << 20           // octets of one trace; it ends there
	tracesKept = 20                 // files
	tracesFor  = 7 * 24 * time.Hour // then they are removed
)

// trace records a bind in a capture, masked, while staff want it.
type trace struct {
	open atomic.Pointer[recording]

	mu    sync.Mutex
	done  time.Time // the wish that has ended before its time, or could not begin
	state links.Tracing
}

// tracing tells what became of the wish to record.
func (t *trace) tracing() links.Tracing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// recording is one file.
type recording struct {
	until time.Time
	path  string

	mu   sync.Mutex
	file *os.File
	buf  *bufio.Writer
	pcap *pcap.Writer
	over bool  // it holds no more
	err  error // why it is over before its time, if not for its size
}

// record begins, goes on with or ends the trace of a bind as staff wish.
func (b *bind) record(ctx context.Context, until time.Time) {
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	now := b.g.cfg.Now()
	if r := b.trace.open.Load(); r != nil {
		full := r.isFull()
		if !full && until.Equal(r.until) && until.After(now) {
			return
		}
		b.trace.open.Store(nil)
		b.trace.done = r.until
		err := r.close()
		state := links.NotTraced
		switch {
		case err != nil:
			state = tracingOf(err)
		case full:
			state = links.TraceFull
		}
		b.traced(ctx, "ended", state, r.path, err)
	}
	switch {
	case !until.After(now):
		b.trace.state = links.NotTraced
	case until.Equal(b.trace.done): // told already
	case b.g.cfg.TraceDir == "":
		b.trace.done = until
		b.traced(ctx, "not begun", links.TraceNowhere, "", errNoFolder)
	default:
		r, err := b.g.newRecording(b.id().File(), now, until)
		if err != nil {
			b.trace.done = until
			b.traced(ctx, "not begun", tracingOf(err), "", err)
			return
		}
		b.trace.open.Store(r)
		b.traced(ctx, "begun", links.Traced, r.path, nil)
	}
}

var errNoFolder = errors.New("no folder for traces")

// traced tells staff, and the log, how the recording stands; mu is held.
func (b *bind) traced(ctx context.Context, state string, is links.Tracing, path string, err error) {
	b.trace.state = is
	attrs := []slog.Attr{slog.String("operator", b.op.name), slog.String("bind", b.Name), slog.String("state", state), slog.String("file", path)}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.Any("error", err))
		b.tally.failed(b.g.cfg.Now(), links.Unrecorded, 0)
	}
	b.g.cfg.Log.LogAttrs(ctx, level, "trace", attrs...)
	b.g.ring()
}

// tracingOf names what keeps a file from being written, for those who can put
// it right.
func tracingOf(err error) links.Tracing {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return links.TraceNoRoom
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return links.TraceDenied
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EFBIG):
		return links.TraceLimit
	}
	return links.TraceFailed
}

// newRecording opens a file that nobody else can read, and removes old ones.
func (g *Gateway) newRecording(name string, now, until time.Time) (*recording, error) {
	if err := os.MkdirAll(g.cfg.TraceDir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of traces: %w", err)
	}
	if err := sweepTraces(g.cfg.TraceDir, now); err != nil {
		return nil, err
	}
	r := &recording{until: until}
	r.path = filepath.Join(g.cfg.TraceDir, name+"-"+now.UTC().Format("20060102T150405.000")+".pcap")
	var err error
	if r.file, err = os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	r.buf = bufio.NewWriterSize(r.file, 64<<10)
	r.pcap = pcap.NewWriter(r.buf)
	return r, nil
}

// sweepTraces removes traces that are old or too many.
func sweepTraces(dir string, now time.Time) error {
	type old struct {
		path string
		at   time.Time
	}
	var files []old
	list, err := filepath.Glob(filepath.Join(dir, "*.pcap"))
	if err != nil {
		return fmt.Errorf("old traces: %w", err)
	}
	for _, path := range list {
		info, err := os.Stat(path)
		if err != nil {
			continue // another process was quicker
		}
		files = append(files, old{path, info.ModTime()})
	}
	slices.SortFunc(files, func(a, b old) int { return cmp.Compare(b.at.UnixNano(), a.at.UnixNano()) })
	for i, f := range files {
		if i < tracesKept-1 && now.Sub(f.at) < tracesFor {
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("old traces: %w", err)
		}
	}
	return nil
}

func (r *recording) isFull() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// frame writes one PDU. An error ends the recording, never the session.
func (r *recording) frame(at time.Time, s *smpp.Session, dir smpp.Direction, h smpp.Header, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || at.After(r.until) {
		return
	}
	if r.err = r.pcap.Frame(at, s, dir, h, body); r.err != nil || r.pcap.Size() >= traceLimit {
		r.over = true
	}
}

// close ends the file, and tells what went wrong with it at any time.
func (r *recording) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return errors.Join(r.err, r.buf.Flush(), r.file.Close())
}

// tracer counts what a session survived, and records it while that is wanted.
type tracer struct{ b *bind }

var _ smpp.FrameTracer = tracer{}

func (t tracer) PDU(*smpp.Session, smpp.Direction, smpp.Header) {}

// Frame implements smpp.FrameTracer.
func (t tracer) Frame(s *smpp.Session, dir smpp.Direction, h smpp.Header, body []byte) {
	if r := t.b.trace.open.Load(); r != nil {
		r.frame(t.b.g.cfg.Now(), s, dir, h, body)
	}
}

func (t tracer) Problem(_ *smpp.Session, err error) {
	t.b.g.cfg.Metrics.problem(t.b)
	t.b.g.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "session problem",
		slog.String("operator", t.b.op.name), slog.String("bind", t.b.Name), slog.Any("error", err))
}
