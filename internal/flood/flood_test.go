package flood

import (
	"strconv"
	"testing"
	"time"
)

// However many are in a hurry at once, whoever is known for it stays refused,
// and those above what is remembered pass.
func TestBucketsWhenMemoryIsFull(t *testing.T) {
	t.Parallel()
	var b Buckets[string]
	now := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	ask := func(who string) bool { return b.Allow(who, 3, time.Minute, now) }
	for i := range most {
		if !ask(strconv.Itoa(i)) {
			t.Fatalf("the first of %d is refused", i)
		}
	}
	for range 2 {
		ask("7")
	}
	if ask("7") {
		t.Error("a flood passes while memory is full")
	}
	if !ask("another") || len(b.until) != most {
		t.Errorf("another is refused, or %d are remembered", len(b.until))
	}
	now = now.Add(time.Hour)
	if !ask("another") || len(b.until) != 1 {
		t.Errorf("%d are remembered an hour later", len(b.until))
	}
}
