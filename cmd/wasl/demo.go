package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/run"
	"github.com/wasl-sms/wasl/internal/seed"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/internal/web"
)

type demoCmd struct{}

// demoSIMs are the phones on the demo's page.
func demoSIMs() []string { return []string{"+212600000001", "+212600000002", "+212600000003"} }

func (demoCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	st, err := openStores(ctx, s, log)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.openSessions(ctx, s, log); err != nil {
		return err
	}
	d, err := newDemo(ctx, s, st, time.Now, log)
	if err != nil {
		return err
	}
	announce := run.Component{Name: "addresses", Start: func(context.Context) error { d.announce(); return nil }}
	return (&run.Group{Log: log, Patience: 20 * time.Second}).Run(ctx, append(d.components, announce)...)
}

// demo is a process that also plays the operator.
type demo struct {
	*process
	smsc *smsc.SMSC
}

// newDemo starts listening as an operator, and makes a process bound to it.
func newDemo(ctx context.Context, s *Settings, st *stores, now func() time.Time, log *slog.Logger) (*demo, error) {
	password := rand.Text()[:8] // SMPP 3.4 §5.2.2: at most eight characters
	op, err := smsc.New(smsc.Config{
		Accounts: map[string]string{"wasl": password}, SIMs: demoSIMs(), AnyNumber: true,
		USSDCode: dialCode, ShortCode: "3690", Log: log, Now: now,
	})
	if err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("operator stand-in: %w", err)
	}
	operators, err := gateway.ParseOperators(fmt.Sprintf(`
[[operator]]
name = "demo"
short_codes = ["3690"]
ussd_codes = [%q]
[[operator.bind]]
address = %q
mode = "transceiver"
system_id = "wasl"
password = %q
[operator.ussd]
dialect = "spec"

[[operator]] # for whoever wants to dial with curl
name = "aggregator"
ussd_codes = [%[1]q]
[operator.http]
format = "africastalking"
allow = ["127.0.0.0/8", "::1"]
`, dialCode, ln.Addr(), password), s.DataDir)
	if err != nil {
		return nil, err
	}
	p, err := newProcess(ctx, s, st, gateway.Fixed(operators), roles, func(ctx context.Context, a *app) ([]web.Sample, error) {
		return a.sample(ctx, st, now())
	}, now, log)
	if err != nil {
		return nil, err
	}
	p.mux.Handle("/phone/", http.StripPrefix("/phone", op.Handler()))
	p.mux.Handle("/phone", http.RedirectHandler("/phone/", http.StatusFound))
	p.web.onShutdown = op.EndStreams
	p.components = append([]run.Component{{
		Name: "operator",
		Run:  func(ctx context.Context) error { return op.Serve(ctx, ln) },
		Stop: func(context.Context) error { return op.Close() },
	}}, p.components...)
	return &demo{process: p, smsc: op}, nil
}

func (d *demo) announce() {
	at := d.web.url()
	fmt.Printf(`
Wasl is running. Everything is on this machine, and made up.

  Phones        %s/phone/
  Faults        %s/phone/faults   the operator's, on demand
  Back-office   %s/
  Ready?        %s/readyz

Sample logins, all with the password %s; the door of the
back-office shows each one's code of the moment:

`, at, at, at, at, seed.Password)
	for _, l := range d.samples {
		fmt.Printf("  %-8s %-14s %s\n", l.Login, l.Role, l.Where)
	}
	fmt.Printf("\nDial %s on a phone. End with Ctrl-C.\n\n", dialCode)
}
