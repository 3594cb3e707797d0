package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/bench"
)

const asPeer = "WASL_TEST_AS_PEER"

// TestAsPeer is the other process of TestBenchSMPP.
func TestAsPeer(t *testing.T) {
	t.Parallel()
	if os.Getenv(asPeer) == "" {
		return
	}
	if err := (benchPeer{}).Run(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBenchSMPP(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestAsPeer$")
	cmd.Env = append(os.Environ(), asPeer+"=1")
	addr, stop, err := startPeer(cmd)
	if err != nil {
		t.Fatal(err)
	}
	b := benchSMPP{Windows: []int{1, 100}, For: 20 * time.Millisecond, Rounds: 2, Peer: addr}
	contenders := []contender{
		{"bare loop", bench.Bare}, {"by hand", bench.ByHand}, {"SubmitAsync", bench.Async}, {"Submit", bench.Waiting},
	}
	var turns, want []string
	for i, c := range contenders {
		contenders[i].client = func(ctx context.Context, addr string, window int, length time.Duration) (bench.Score, error) {
			turns = append(turns, fmt.Sprintf("%s at %d", c.name, window))
			return c.client(ctx, addr, window, length)
		}
	}
	for range b.Rounds {
		for _, window := range b.Windows {
			for _, c := range contenders {
				want = append(want, fmt.Sprintf("%s at %d", c.name, window))
			}
		}
	}
	report, err := b.measure(ctx, contenders)
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, turns); diff != "" {
		t.Errorf("who had a turn: %s", diff)
	}
	rows := regexp.MustCompile(`(?m)^  [A-Za-z ]+ +[1-9]\d*/s \([1-9]\d*–[1-9]\d*\) +(\d+\.\d+) µs$`).FindAllStringSubmatch(report, -1)
	for _, row := range rows {
		if row[1] == "0.00" {
			t.Errorf("costs nothing: %s", row[0])
		}
	}
	if len(rows) != 8 {
		t.Errorf("%d of 8 rows have figures:\n%s", len(rows), report)
	}
	if err := stop(); err != nil {
		t.Errorf("the peer ended with %v", err)
	}
}
