package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// wishTrace has bind 1 of operator north recorded until then.
func (f *fixture) wishTrace(t *testing.T, until time.Time) {
	t.Helper()
	all, err := f.wishes.Wishes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return f.wishes.Trace(ctx, tx, "north", "1", until, all[links.Name{Operator: "north", Bind: "1"}].Version, 7)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestABindIsRecordedWhileStaffWantIt(t *testing.T) {
	t.Parallel()
	f := prepare(t, oneBind)
	f.traces = filepath.Join(t.TempDir(), "traces")
	if err := os.MkdirAll(f.traces, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range 25 { // of long ago, and too many
		path := filepath.Join(f.traces, fmt.Sprintf("north-1-%d.pcap", n))
		at := time.Now().Add(-time.Duration(n) * 12 * time.Hour)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	f.start(t)
	f.allUp(t)
	f.stands(t, "1", links.Bound)
	f.wishTrace(t, time.Now().Add(time.Minute))
	runtest.Eventually(t, "the trace has begun", func() bool { return f.logs.count("msg=trace operator=north bind=1 state=begun") == 1 })
	f.tell(t, told(1, "Bonjour Fatima"))
	_ = f.deliver(t, says(2, "SUIVI 48213377"))
	runtest.Eventually(t, "it is accepted", func() bool { return f.states(t, "message_part")["accepted"] == 1 })
	f.wishTrace(t, time.Time{})
	runtest.Eventually(t, "the trace has ended", func() bool { return f.logs.count("msg=trace operator=north bind=1 state=ended") == 1 })

	files, err := filepath.Glob(filepath.Join(f.traces, "north-1-2*T*.pcap"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	got, err := os.ReadFile(files[0])
	if err != nil || !bytes.HasPrefix(got, []byte{0xa1, 0xb2, 0x3c, 0x4d}) || !bytes.Contains(got, []byte("21261")) {
		t.Errorf("%d octets, %v", len(got), err)
	}
	for _, leak := range []string{"Fatima", "48213377", "212612000001", "212612000002", "secret"} {
		if strings.Contains(string(got), leak) {
			t.Errorf("the trace holds %q", leak)
		}
	}
	if left, err := filepath.Glob(filepath.Join(f.traces, "*.pcap")); err != nil || len(left) != 15 { // a week's, and the new one
		t.Errorf("%d traces left, %v", len(left), err)
	}
}

// A trace ends at its time though nobody says so, and begins with the bind of
// a process that starts meanwhile.
func TestATraceEndsAtItsTime(t *testing.T) {
	t.Parallel()
	f := prepare(t, oneBind)
	f.traces = t.TempDir()
	f.start(t)
	f.allUp(t)
	f.stands(t, "1", links.Bound)
	f.stop()
	f.wishTrace(t, time.Now().Add(4*time.Second))
	f.start(t)
	f.allUp(t)
	runtest.Eventually(t, "the trace has ended", func() bool { return f.logs.count("msg=trace operator=north bind=1 state=ended") == 1 })
	files, err := filepath.Glob(filepath.Join(f.traces, "*.pcap"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	got, err := os.ReadFile(files[0])
	if err != nil || !bytes.Contains(got, []byte("wasl")) { // the system_id of its bind
		t.Errorf("%d octets, %v", len(got), err)
	}
}

// Staff who wished a recording that can't be made see that, and why, and may
// wish it again once the cause is gone.
func TestATraceThatCannotBeginIsTold(t *testing.T) {
	t.Parallel()
	f := prepare(t, oneBind)
	f.traces = filepath.Join(t.TempDir(), "traces")
	if err := os.WriteFile(f.traces, nil, 0o600); err != nil { // where the folder should be
		t.Fatal(err)
	}
	f.start(t)
	f.allUp(t)
	f.stands(t, "1", links.Bound)
	tracing := func(want links.Tracing) {
		t.Helper()
		runtest.Eventually(t, fmt.Sprintf("the trace is told as %q", want), func() bool {
			list, err := f.wishes.Operators(t.Context())
			return err == nil && len(list) == 1 && list[0].Binds[0].At[0].Trace == want
		})
	}
	f.wishTrace(t, time.Now().Add(time.Minute))
	tracing(links.TraceFailed)
	errs, err := f.wishes.Errors(t.Context(), "north", 5)
	if err != nil || len(errs) != 1 || errs[0].Cause != links.Unrecorded || errs[0].Count != 1 {
		t.Errorf("errors are %+v, %v", errs, err)
	}
	if err := os.Remove(f.traces); err != nil {
		t.Fatal(err)
	}
	f.wishTrace(t, time.Now().Add(time.Minute))
	tracing(links.Traced)
	f.wishTrace(t, time.Time{})
	tracing(links.NotTraced)

	f.stop()
	f.traces = ""
	f.start(t)
	f.allUp(t)
	f.wishTrace(t, time.Now().Add(time.Minute))
	tracing(links.TraceNowhere)
}
