package main

import (
	"context"
	"time"

	"github.com/wasl-sms/wasl/internal/seed"
	"github.com/wasl-sms/wasl/internal/web"
)

// sample loads the made-up places, people and staff of the demo, and gives the
// logins.
func (a *app) sample(ctx context.Context, st *stores, now time.Time) ([]web.Sample, error) {
	if err := seed.Sample(ctx, st.db, a.register, a.visits, now); err != nil {
		return nil, err
	}
	logins, err := seed.Staff(ctx, st.db, a.desk, st.keys, now)
	if err != nil {
		return nil, err
	}
	samples := make([]web.Sample, len(logins))
	for i, l := range logins {
		samples[i] = web.Sample{Login: l.Login, Password: seed.Password, Secret: l.Secret, Role: l.Role, Where: l.Where}
	}
	return samples, nil
}
