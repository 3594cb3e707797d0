package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

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
	report, err := b.measure(ctx, []contender{
		{"bare loop", bench.Bare}, {"by hand", bench.ByHand}, {"SubmitAsync", bench.Async}, {"Submit", bench.Waiting},
	})
	if err != nil {
		t.Error(err)
	}
	if rows := regexp.MustCompile(`(?m)^  [A-Za-z ]+ +[1-9]\d*/s \([1-9]\d*–[1-9]\d*\) +\d+\.\d+ µs$`).FindAllString(report, -1); len(rows) != 8 {
		t.Errorf("%d of 8 rows have figures:\n%s", len(rows), report)
	}
	if err := stop(); err != nil {
		t.Errorf("the peer ended with %v", err)
	}
}
