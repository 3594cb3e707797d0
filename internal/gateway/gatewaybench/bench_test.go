package gatewaybench_test

import (
	"fmt"
	"testing"

	"github.com/wasl-sms/wasl/internal/gateway/gatewaybench"
	"github.com/wasl-sms/wasl/internal/localdb"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
)

func TestRunsMeasure(t *testing.T) {
	t.Parallel()
	out, err := gatewaybench.Outbox(t.Context(), dbtest.DB(t, postgres.Options{MaxConns: 16}), 500, 10)
	if err != nil || out.Messages != 500 {
		t.Errorf("outbox: %v, %v", out, err)
	}
	in, err := gatewaybench.Inbound(t.Context(), dbtest.DB(t, postgres.Options{MaxConns: 16}), 100, 10)
	if err != nil || in.Messages != 100 {
		t.Errorf("inbound: %v, %v", in, err)
	}
}

// durable is a server that flushes each commit to disk, unlike that of tests.
func durable(b *testing.B) *postgres.DB {
	b.Helper()
	pg, err := localdb.StartPostgres(b.Context(), b.TempDir(), localdb.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pg.Stop)
	if _, err := postgres.Migrate(b.Context(), pg.DSN); err != nil {
		b.Fatal(err)
	}
	db, err := postgres.Open(b.Context(), pg.DSN, postgres.Options{MaxConns: 16})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	return db
}

func BenchmarkOutbox(b *testing.B) {
	for _, window := range []int{10, 100} {
		b.Run(fmt.Sprint("window ", window), func(b *testing.B) {
			db := durable(b)
			b.ResetTimer()
			r, err := gatewaybench.Outbox(b.Context(), db, max(b.N, 100), window)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(r.PerSecond(), "msg/s")
		})
	}
}

func BenchmarkInbound(b *testing.B) {
	for _, window := range []int{10, 100} {
		b.Run(fmt.Sprint("window ", window), func(b *testing.B) {
			db := durable(b)
			b.ResetTimer()
			r, err := gatewaybench.Inbound(b.Context(), db, max(b.N, 100), window)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(r.PerSecond(), "msg/s")
		})
	}
}
