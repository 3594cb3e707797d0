package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp"
)

type doctorCmd struct {
	Send   string   `placeholder:"+NUMBER" help:"Submit one text to this number, on the first bind of its operator that sends."`
	NoBind bool     `help:"Do not connect to the operators."`
	Again  bool     `help:"Try also binds whose login the operator refused in the last quarter of an hour. Each try may lock the account."`
	Text   []string `arg:"" optional:"" help:"The text for --send."`
}

func (c doctorCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	st, err := openStores(ctx, s, log)
	if err != nil {
		return errors.Join(err, c.checkOperators(ctx, os.Stdout, s.Operators, gateway.Trial{}, nil))
	}
	defer st.Close()
	return errors.Join(
		checkStores(ctx, os.Stdout, s, log, st),
		c.checkOperators(ctx, os.Stdout, s.Operators, gateway.Trial{}, links.New(st.db, time.Now)),
	)
}

func checkStores(ctx context.Context, w io.Writer, s *Settings, log *slog.Logger, st *stores) error {
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

// checkOperators reads the operators file and tries each bind once, but for
// those whose login was refused lately as far as known remembers.
func (c doctorCmd) checkOperators(ctx context.Context, w io.Writer, file string, trial gateway.Trial, known *links.Store) error {
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
	d := diagnosis{cmd: c, trial: trial, known: known, now: time.Now(), to: to, by: by}
	if err := d.recall(ctx); err != nil {
		return err
	}
	down, all := 0, 0
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
			f := d.examine(ctx, o, b)
			tell(w, f)
			all++
			if !f.OK() {
				down++
			}
		}
	}
	if down > 0 {
		err = fmt.Errorf("%d of %d binds do not come up: see above", down, all)
	}
	return errors.Join(err, d.remember(ctx))
}

// diagnosis is one round of trying binds.
type diagnosis struct {
	cmd   doctorCmd
	trial gateway.Trial
	known *links.Store // nil: the database can't be asked
	now   time.Time
	to    private.Msisdn // of a text that is still to be sent
	by    string         // the operator to send it by

	lately  map[links.Name]links.Failure
	refused []links.Failure
}

// recall reads which logins were refused lately.
func (d *diagnosis) recall(ctx context.Context) (err error) {
	if d.known != nil && !d.cmd.Again {
		d.lately, err = d.known.Refusals(ctx, d.now.Add(-gateway.RefusedFor))
	}
	return err
}

// remember stores the refusals of this round: whoever tries next is warned.
func (d *diagnosis) remember(ctx context.Context) error {
	if d.known == nil || len(d.refused) == 0 {
		return nil
	}
	_, err := d.known.Report(ctx, links.Report{Failures: d.refused})
	return err
}

// examine tries a bind, unless its login was refused lately.
func (d *diagnosis) examine(ctx context.Context, o gateway.Operator, b gateway.Bind) gateway.Finding {
	name := links.Name{Operator: o.Name, Bind: b.Name}
	if last, ok := d.lately[name]; ok {
		return gateway.Refused(o, b, last, d.now)
	}
	t := d.trial
	if o.Name == d.by && b.Mode != "receiver" {
		t.Send.To, t.Send.Text, d.by = d.to, d.cmd.text(), ""
	}
	f := t.Try(ctx, o, b)
	if f.Refused != smpp.StatusOK {
		d.refused = append(d.refused, links.Failure{
			Name: name, Cause: links.LoginFailed, Code: uint32(f.Refused), Count: 1, Last: d.now,
		})
	}
	return f
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
