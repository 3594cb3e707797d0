// Command smsc is the operator stand-in on its own: an SMPP server with
// handsets in the browser, for trying an application without an operator.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wasl-sms/wasl/internal/smsc"
)

type flags struct {
	Listen    string            `default:"127.0.0.1:2775" help:"Address for SMPP binds."`
	HTTP      string            `default:"127.0.0.1:8081" help:"Address for the browser phones. They have no login."`
	Account   map[string]string `default:"wasl=wasl" help:"Accounts that may bind, as system_id=password."`
	SIMs      int               `name:"sims" default:"3" help:"Handsets at the start."`
	AnyNumber bool              `help:"Give a handset to every number that is sent to; otherwise it is an unknown subscriber."`
	USSDCode  string            `name:"ussd-code" default:"*369#" help:"Code the phones suggest to dial."`
	ShortCode string            `default:"3690" help:"Number the phones send texts to."`
	Ledger    string            `type:"path" help:"File that gets a line for each accepted message, on disk before the response."`

	ReceiptDelay time.Duration `default:"2s" help:"Time until the delivery receipt."`
	ReceiptFirst bool          `help:"Send the receipt before the submit_sm_resp."`
	NoReceipts   bool          `help:"Send no receipts."`
	TPS          float64       `name:"tps" help:"Messages a second before ESME_RTHROTTLED; 0 for no limit."`
	QueueFull    bool          `help:"Answer every message with ESME_RMSGQFUL."`
	Verbose      bool          `short:"v" help:"Log more."`
}

func main() {
	var f flags
	kong.Parse(&f, kong.Name("smsc"), kong.Description("Operator stand-in: an SMPP 3.4 server with browser phones."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, f); err != nil {
		fmt.Fprintln(os.Stderr, "smsc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags) (err error) {
	level := slog.LevelInfo
	if f.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	s, err := smsc.New(smsc.Config{
		Accounts: f.Account, AnyNumber: f.AnyNumber,
		USSDCode: f.USSDCode, ShortCode: f.ShortCode, LedgerFile: f.Ledger, Log: log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for range f.SIMs {
		s.NewSIM()
	}
	s.SetFaults(smsc.Faults{
		ReceiptDelay: f.ReceiptDelay, ReceiptFirst: f.ReceiptFirst, NoReceipts: f.NoReceipts,
		TPS: f.TPS, Burst: int(f.TPS), QueueFull: f.QueueFull,
	})

	ln, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return fmt.Errorf("listen for binds: %w", err)
	}
	web := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second}
	pages, err := net.Listen("tcp", f.HTTP)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for the phones: %w", err), ln.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- web.Serve(pages)
		cancel()
	}()
	fmt.Printf("SMPP   %s  (system_id %s)\nPhones http://%s/\n",
		ln.Addr(), strings.Join(slices.Sorted(maps.Keys(f.Account)), ", "), pages.Addr())
	err = s.Serve(ctx, ln)
	// The phones' streams never end by themselves.
	s.EndStreams()
	err = errors.Join(err, web.Close())
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the phones: %w", e))
	}
	return err
}
