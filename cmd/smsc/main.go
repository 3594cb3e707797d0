// Command smsc is the operator stand-in on its own: an SMPP server with
// handsets in the browser, for trying an application without an operator.
package main

import (
	"context"
	"crypto/tls"
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

	Faults string `default:"receipt-delay=2s" placeholder:"FAULTS" help:"What it does badly from the start, as below: \"throttle=5/s lose=10%\"."`
	Script string `type:"existingfile" placeholder:"FILE" help:"Script of faults to play from the start, as below."`

	TLSCert string `type:"existingfile" placeholder:"FILE" help:"Certificate for the binds; they are plain TCP without."`
	TLSKey  string `type:"existingfile" placeholder:"FILE" help:"Its private key."`
	Verbose bool   `short:"v" help:"Log more."`
}

func main() {
	var f flags
	kong.Parse(&f, kong.Name("smsc"), kong.Description("Operator stand-in: an SMPP 3.4 server with browser phones, and faults on demand."), kong.Help(help))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, f); err != nil {
		fmt.Fprintln(os.Stderr, "smsc:", err)
		os.Exit(1)
	}
}

// help is kong's own, and what the operator can do badly.
func help(options kong.HelpOptions, k *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, k); err != nil {
		return err
	}
	_, err := fmt.Fprint(k.Stdout, `
Faults are separated by spaces. How often: 3 for the next three messages, 10% for
that chance, all. "off" takes one away. What can be set, with an example:
`)
	if err == nil {
		err = smsc.Describe(k.Stdout)
	}
	if err == nil {
		_, err = fmt.Fprint(k.Stdout, `
A script has a step a line, or between semicolons:

  throttle=5/s delay=200ms..1s
  at 10s lose=3 receipt-id=hex for 20s
  at 30s on wasl/2 cut
  at 40s flood 500
  at 50s outbind 192.0.2.7:2776
  at 60s behave

"on" means an account, or one bind of it. While it runs, the same is done on the
page /faults beside the phones, or by anything that posts a script:

  curl --data-binary 'throttle=5/s for 20s' http://127.0.0.1:8081/faults
`)
	}
	return err
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
	faults, err := smsc.ParseFaults(f.Faults)
	if err != nil {
		return fmt.Errorf("--faults: %w", err)
	}
	s.SetFaults(faults)
	script, err := f.script()
	if err != nil {
		return err
	}

	ln, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return fmt.Errorf("listen for binds: %w", err)
	}
	if ln, err = f.secured(ln); err != nil {
		return err
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
	fmt.Printf("SMPP   %s  (system_id %s)\nPhones http://%s/\nFaults http://%s/faults\n",
		ln.Addr(), strings.Join(slices.Sorted(maps.Keys(f.Account)), ", "), pages.Addr(), pages.Addr())
	if err := s.Start(script); err != nil {
		log.Warn("script", "err", err)
	}
	err = s.Serve(ctx, ln)
	// The phones' streams never end by themselves.
	s.EndStreams()
	err = errors.Join(err, web.Close())
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the phones: %w", e))
	}
	return err
}

// script reads the script, where there is one.
func (f flags) script() (smsc.Script, error) {
	if f.Script == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.Script)
	if err != nil {
		return nil, fmt.Errorf("--script: %w", err)
	}
	script, err := smsc.ParseScript(string(text))
	if err != nil {
		return nil, fmt.Errorf("--script %s: %w", f.Script, err)
	}
	return script, nil
}

// secured wraps the listener where there is a certificate; on an error it is closed.
func (f flags) secured(ln net.Listener) (net.Listener, error) {
	if f.TLSCert == "" && f.TLSKey == "" {
		return ln, nil
	}
	pair, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("certificate of the binds: %w", err), ln.Close())
	}
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}
