package outbox

import (
	"testing"
	"time"
)

// What is said while the database is away is not heard; what was heard before
// counts.
func TestListeningNeedsTheDatabase(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	e := newEar()
	e.open("north", clock)
	bound := now
	now = now.Add(90 * time.Second)
	e.well(now)
	now = now.Add(10 * time.Minute)
	e.deaf(now)
	now = now.Add(29 * time.Second)
	if at, ok := e.heard(2*time.Minute, now)["north"]; ok {
		t.Errorf("heard for two minutes since %v, bound at %v", at, bound)
	}
	now = now.Add(2 * time.Second)
	if at := e.heard(2*time.Minute, now)["north"]; !at.Equal(bound.Add(time.Second)) {
		t.Errorf("heard for two minutes since %v, bound at %v", at, bound)
	}
}
