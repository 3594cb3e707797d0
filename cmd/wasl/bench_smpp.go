package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/bench"
)

// benchSMPP measures the session alone: no database, no Redis, no gateway.
type benchSMPP struct {
	Windows []int         `default:"1,10,100,1000" help:"Texts unanswered at once, one row each."`
	For     time.Duration `default:"2s" help:"How long each measurement lasts."`
	Rounds  int           `default:"5" help:"How often each is repeated, in turn with the others."`
	Rivals  string        `placeholder:"FOLDER" help:"Measure fiorix's Transceiver and gosmpp as well: internal/bench/rivals in a copy of the source. Needs go."`
	Peer    string        `placeholder:"HOST:PORT" help:"Submit to this peer instead of one in a process of its own."`
}

type contender struct {
	name   string
	client bench.WireClient
}

func (b benchSMPP) Run(ctx context.Context, c *benchCmd) (err error) {
	contenders := []contender{{"bare loop", bench.Bare}, {"by hand", bench.ByHand}, {"SubmitAsync", bench.Async}, {"Submit", bench.Waiting}}
	if b.Rivals != "" {
		rivals, remove, err := buildRivals(ctx, b.Rivals)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
		contenders = append(contenders, rivals...)
	}
	if b.Peer == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		addr, stop, err := startPeer(exec.CommandContext(ctx, self, "bench", "peer"))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		b.Peer = addr
	}
	var report string
	err = c.profiled(func() error {
		report, err = b.measure(ctx, contenders)
		return err
	})
	fmt.Print(report)
	return err
}

// measure has each contender take its turn in each round, so that what else
// the machine does falls on all of them.
func (b benchSMPP) measure(ctx context.Context, contenders []contender) (string, error) {
	scores := make([][]bench.Score, len(b.Windows)*len(contenders))
	for range b.Rounds {
		for i := range scores {
			window, who := b.Windows[i/len(contenders)], contenders[i%len(contenders)]
			s, err := who.client(ctx, b.Peer, window, b.For)
			if err != nil {
				return "", fmt.Errorf("%s at window %d: %w", who.name, window, err)
			}
			scores[i] = append(scores[i], s)
		}
	}
	var report strings.Builder
	fmt.Fprintf(&report, "smpp: %d rounds of %v each; submits per second, median (least–most), and CPU time of the client for each\n", b.Rounds, b.For)
	for i, all := range scores {
		if i%len(contenders) == 0 {
			fmt.Fprintf(&report, "window %d\n", b.Windows[i/len(contenders)])
		}
		fmt.Fprintf(&report, "  %-12s %s\n", contenders[i%len(contenders)].name, summary(all))
	}
	return report.String(), nil
}

func summary(scores []bench.Score) string {
	slices.SortFunc(scores, func(a, b bench.Score) int { return cmp.Compare(a.Rate(), b.Rate()) })
	middle := scores[len(scores)/2]
	return fmt.Sprintf("%8.0f/s (%.0f–%.0f) %6.2f µs", middle.Rate(), scores[0].Rate(), scores[len(scores)-1].Rate(), middle.Each())
}

// benchPeer is the other end of the link, apart so that its CPU time is not
// taken for the client's.
type benchPeer struct{}

func (benchPeer) Run(ctx context.Context) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process: whoever started it closes its input
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return bench.Echo(ctx, ln)
}

// startPeer runs a command that is the peer.
func startPeer(cmd *exec.Cmd) (addr string, stop func() error, err error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start the peer: %w", err)
	}
	stop = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("the peer gave no address: %w", err), stop())
	}
	return strings.TrimSpace(line), stop, nil
}

// buildRivals compiles the other libraries' client, which then runs as a
// process of its own for each measurement.
func buildRivals(ctx context.Context, folder string) (rivals []contender, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "wasl-rivals-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	program := filepath.Join(dir, "rivals")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir, build.Stderr = folder, os.Stderr
	if err := build.Run(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("build the rivals in %s: %w", folder, err), remove())
	}
	for _, name := range []string{"fiorix", "gosmpp"} {
		rivals = append(rivals, contender{name, func(ctx context.Context, addr string, window int, length time.Duration) (s bench.Score, err error) {
			cmd := exec.CommandContext(ctx, program, "-as", name, "-addr", addr, "-window", strconv.Itoa(window), "-for", length.String())
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				return s, err
			}
			return s, json.Unmarshal(out, &s)
		}})
	}
	return rivals, remove, nil
}
