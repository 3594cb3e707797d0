package main

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"
)

func parse(t *testing.T, args ...string) flags {
	t.Helper()
	var f flags
	p, err := kong.New(&f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStopsInOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, parse(t, "--listen=127.0.0.1:0", "--http=127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
}

func TestPortInUse(t *testing.T) {
	defer goleak.VerifyNone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = run(t.Context(), parse(t, "--listen=127.0.0.1:0", "--http="+taken.Addr().String()))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v", err)
	}
}
