// Wasl: families ask, book and hear by SMS and USSD; courts and other offices
// decide in a browser; operators connect it over SMPP.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	_ "time/tzdata" // slots are civil times: zones must not depend on the machine

	"github.com/alecthomas/kong"

	"github.com/wasl-sms/wasl/internal/run"
)

// cli is every command and setting; kong writes --help from it.
type cli struct {
	Settings

	Serve   serveCmd   `cmd:"" help:"Run the service."`
	Demo    demoCmd    `cmd:"" help:"Run the service with an operator stand-in, browser phones and sample data, all on this machine."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date."`
	Seed    seedCmd    `cmd:"" help:"Load sample data."`
	Import  importCmd  `cmd:"" help:"Take a CSV of the register; bad lines are listed, good ones kept."`
	Staff   staffCmd   `cmd:"" help:"Make a login of the back-office: the first administrator."`
	Verify  verifyCmd  `cmd:"" help:"Check the audit trail's chain and that every counter equals the rows it counts."`
	Doctor  doctorCmd  `cmd:"" help:"Say in words what is missing or wrong in settings, database, Redis and binds."`
	Bench   benchCmd   `cmd:"" help:"Measure this program on this machine, with servers and an operator of its own."`
}

func main() {
	ctx, stop := run.UntilSignal(context.Background())
	defer stop()
	if err := execute(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "wasl: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called just above
	}
}

func execute(ctx context.Context, args []string) error {
	var c cli
	parser, err := kong.New(&c, kong.Name("wasl"), kong.UsageOnError(), kong.Vars{"data": defaultDataDir()},
		kong.Description("Permits and visits by SMS and USSD. Every setting can be given as a flag or in the environment."))
	if err != nil {
		return err
	}
	k, err := parser.Parse(args)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.logLevel()}))
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run(&c.Settings, &c.Bench, log)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil //nolint:nilerr // the end was asked for
	}
	return err
}
