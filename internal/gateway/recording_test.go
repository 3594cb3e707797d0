package gateway

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/pcap"
)

func TestATraceHoldsSoMuchAndNoMore(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	g := &Gateway{cfg: Config{TraceDir: t.TempDir(), Now: func() time.Time { return now }}}
	r, err := g.newRecording("north-1", now, now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 60<<10)
	h := smpp.Header{Length: uint32(16 + len(body)), Command: smpp.SubmitSM, Seq: 1}
	n := 0
	for ; !r.isFull() && n < 1000; n++ {
		r.frame(now, &smpp.Session{}, smpp.Out, h, body)
	}
	r.frame(now, &smpp.Session{}, smpp.Out, h, body)
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(r.path)
	if err != nil || info.Size() < traceLimit || info.Size() > traceLimit+int64(2*len(body)) {
		t.Errorf("%d frames of 60 KB, file %v, %v", n, info, err)
	}
	if late, err := g.newRecording("north-1", now.Add(time.Second), now.Add(time.Minute)); err != nil {
		t.Error(err)
	} else {
		late.frame(now.Add(time.Hour), &smpp.Session{}, smpp.Out, h, body)
		if late.pcap.Size() > 100 {
			t.Error("recorded beyond its time")
		}
		if err := late.close(); err != nil {
			t.Error(err)
		}
	}
}

// A recording ends when its disk is full, and says so.
func TestATraceOnAFullDisk(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{until: now.Add(time.Minute), file: full, buf: bufio.NewWriterSize(full, 64<<10)}
	r.pcap = pcap.NewWriter(r.buf)
	body := make([]byte, 60<<10)
	for range 4 {
		r.frame(now, &smpp.Session{}, smpp.Out, smpp.Header{Length: uint32(16 + len(body)), Command: smpp.SubmitSM, Seq: 1}, body)
	}
	if !r.isFull() {
		t.Error("it goes on")
	}
	if err := r.close(); tracingOf(err) != links.TraceNoRoom {
		t.Errorf("%v is told as %q", err, tracingOf(err))
	}
}

func TestWhyThereIsNoTrace(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]links.Tracing{
		syscall.EDQUOT: links.TraceNoRoom, syscall.EACCES: links.TraceDenied, syscall.EPERM: links.TraceDenied,
		syscall.EROFS: links.TraceDenied, syscall.EMFILE: links.TraceLimit, syscall.EFBIG: links.TraceLimit, syscall.EIO: links.TraceFailed,
	} {
		if got := tracingOf(fmt.Errorf("trace: %w", &fs.PathError{Op: "open", Path: "x", Err: err})); got != want {
			t.Errorf("%v is told as %q", err, got)
		}
	}
}
