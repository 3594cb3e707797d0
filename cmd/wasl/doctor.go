package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/private"
)

type doctorCmd struct {
	Send   string   `placeholder:"+NUMBER" help:"Submit one text to this number, on the first bind of its operator that sends."`
	NoBind bool     `help:"Do not connect to the operators."`
	Text   []string `arg:"" optional:"" help:"The text for --send."`
}

func (c doctorCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	return errors.Join(checkStores(ctx, os.Stdout, s, log), c.checkOperators(ctx, os.Stdout, s.Operators, gateway.Trial{}))
}

func checkStores(ctx context.Context, w io.Writer, s *Settings, log *slog.Logger) error {
	st, err := openStores(ctx, s, log)
	if err != nil {
		return err
	}
	defer st.Close()
	say(w, "database: answers, schema up to date")
	if err := st.openSessions(ctx, s, log); err != nil {
		return err
	}
	if st.redis == nil {
		say(w, "redis: none; dialogues are kept in memory and end with the process")
	} else if err := st.redis.Ping(ctx).Err(); err != nil {
		say(w, "redis: does not answer (%v); dialogues would carry on in the database, more slowly", err)
	} else {
		say(w, "redis: answers")
	}
	return nil
}

// say writes a line to a terminal, which may have gone.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

// checkOperators reads the operators file and tries each bind once.
func (c doctorCmd) checkOperators(ctx context.Context, w io.Writer, file string, trial gateway.Trial) error {
	if file == "" {
		say(w, "operators: no file named; set WASL_OPERATORS before `wasl serve` with the gateway role")
		return nil
	}
	operators, err := gateway.LoadOperators(file)
	if err != nil {
		return err
	}
	to, by, err := c.recipient(operators)
	if err != nil {
		return err
	}
	down, tried := 0, 0
	for _, o := range operators {
		say(w, "operator %s: %d binds, short codes %v, USSD codes %v", o.Name, len(o.Binds), o.ShortCodes, o.USSDCodes)
		if o.HTTP != nil {
			for _, line := range o.HTTP.Door("https://YOUR-HOST") {
				say(w, "  aggregator: %s", line)
			}
		}
		for _, b := range o.Binds {
			if c.NoBind {
				continue
			}
			t := trial
			if o.Name == by && b.Mode != "receiver" {
				t.Send.To, t.Send.Text, by = to, c.text(), ""
			}
			f := t.Try(ctx, o, b)
			tell(w, f)
			tried++
			if !f.OK() {
				down++
			}
		}
	}
	if down > 0 {
		return fmt.Errorf("%d of %d binds do not come up: see above", down, tried)
	}
	return nil
}

// recipient reads the number to send to, and names the operator that serves it.
func (c doctorCmd) recipient(operators gateway.Operators) (to private.Msisdn, by string, err error) {
	if c.Send == "" {
		return to, "", nil
	}
	if to, err = private.ParseMsisdn(c.Send, "MA"); err != nil {
		return to, "", fmt.Errorf("--send: write the number like +212600000001: %w", err)
	}
	if by = operators.Route(to); by == "" {
		return to, "", errors.New("--send: no operator of the file serves that number")
	}
	return to, by, nil
}

func (c doctorCmd) text() string {
	if len(c.Text) == 0 {
		return "Wasl"
	}
	return strings.Join(c.Text, " ")
}

// tell writes what a try of a bind found.
func tell(w io.Writer, f gateway.Finding) {
	say(w, "  bind %s, %s:", f.Bind, f.About)
	for _, d := range f.Done {
		say(w, "    ok    %s", d)
	}
	for _, n := range f.Notes {
		say(w, "    note  %s", n)
	}
	if f.Wrong == "" {
		return
	}
	mark := "WRONG"
	if f.Held {
		mark = "held "
	}
	say(w, "    %s %s", mark, f.Wrong)
	for _, d := range f.Do {
		say(w, "          - %s", d)
	}
}
