package gateway

import (
	"os"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/smpp"
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
