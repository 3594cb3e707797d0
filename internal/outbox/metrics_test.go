package outbox_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// gathered gives each series of reg by name and labels: its value, or for a
// histogram how often something was observed.
func gathered(t testing.TB, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	f := setUp(t, nil)
	f.metrics = outbox.NewMetrics(reg)
	f.Outbox = f.another(nil)
	f.enqueue(t, told(1, message.Code), told(2, message.Decision), told(3, message.Decision))
	stop := runtest.Start(t, f.Run)
	runtest.Eventually(t, "the queues are counted", func() bool { return gathered(t, reg)["msg_queue_parts 3 north"] == 2 })
	if age, ok := gathered(t, reg)["msg_queue_age_seconds 1 north"]; ok && (age < 0 || age > 600) {
		t.Errorf("the code has waited for %v s", age)
	}
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Eventually(t, "all are accepted", func() bool { return f.states(t)["accepted"] == 3 })
	f.receive(t, reached("m1"), reached("m2"), reached("nobody's"), failed("m3"))
	stop()
	got := gathered(t, reg)
	maps.DeleteFunc(got, func(name string, _ float64) bool { return name[:9] == "msg_queue" })
	want := map[string]float64{
		"msg_submit_total north/1 1 north sent": 1, "msg_submit_total north/1 3 north sent": 2,
		"msg_accepted_seconds 1 north": 1, "msg_accepted_seconds 3 north": 2, "msg_response_seconds north": 3, "dlr_seconds north": 2, "dlr_orphans_total": 1,
		"dlr_total north delivered": 3, "dlr_total north undelivered": 1,
		"msg_store_errors_total": 0, "msg_unreadable_total": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a handset did not take is sent again: how long the first acceptance
// took is counted, and not how long the handset was off.
func TestAcceptanceIsCountedOnce(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	f := setUp(t, nil)
	f.metrics = outbox.NewMetrics(reg)
	f.Outbox = f.another(nil)
	op := &operator{answer: accept}
	f.serve(t, north, op)
	runtest.Start(t, f.Run)
	f.enqueue(t, told(1, message.Decision))
	for n := 1; n <= 2; n++ {
		runtest.Eventually(t, fmt.Sprint("write ", n), func() bool {
			f.clock.Advance(time.Minute)
			return op.count() >= n
		})
		runtest.Eventually(t, "its answer is stored", func() bool { return f.states(t)["accepted"] == 1 })
		f.receive(t, failed(fmt.Sprint("m", n)))
	}
	got := gathered(t, reg)
	if got["msg_accepted_seconds 3 north"] != 1 || got["msg_submit_total north/1 3 north sent"] != 2 {
		t.Errorf("counted %v", got)
	}
}
