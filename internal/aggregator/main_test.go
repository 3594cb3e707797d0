package aggregator_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The server that dbtest shares serves the whole process.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"),
		goleak.IgnoreAnyFunction("github.com/wasl-sms/wasl/internal/localdb.spawn.func1"),
		goleak.IgnoreAnyFunction("github.com/wasl-sms/wasl/internal/localdb.adopt.func1"))
}
