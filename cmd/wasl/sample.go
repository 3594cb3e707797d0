package main

import (
	"context"
	"time"

	"github.com/wasl-sms/wasl/internal/seed"
)

// sample loads the made-up places, people and staff of the demo.
func (a *app) sample(ctx context.Context, st *stores, now time.Time) error {
	return seed.Sample(ctx, st.db, a.register, a.visits, now)
}
