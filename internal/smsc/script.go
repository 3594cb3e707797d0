package smsc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Script is what an operator does badly, and when. As text, its steps stand
// on lines of their own or between semicolons:
//
//	throttle=5/s delay=200ms..1s      # at once, and from then on
//	at 10s lose=3 receipt-id=hex for 20s
//	at 30s on wasl/2 cut
//	at 40s flood 500; outbind 192.0.2.7:2776
//	at 60s behave
//
// A step without "at" happens with the one before it. "on" means an account,
// or one bind of it; "for" takes the faults of the step away again.
type Script []Step

// Step is one moment of a script.
type Step struct {
	At     time.Duration // from the start
	On     string        // scope: "", "wasl", "wasl/2"
	Set    []Assignment
	For    time.Duration // then each is off again; 0: it stays
	Act    string
	N      int
	Behave bool

	Outbind string // address of an application that waits for it
}

// ParseScript reads a script; an error says in which step.
func ParseScript(text string) (Script, error) {
	var script Script
	var at time.Duration
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		for part := range strings.SplitSeq(line, ";") {
			words := strings.Fields(part)
			if len(words) == 0 {
				continue
			}
			step, err := parseStep(words, at)
			if err != nil {
				return nil, fmt.Errorf("line %d, %q: %w", n+1, strings.TrimSpace(part), err)
			}
			at = step.At
			script = append(script, step)
		}
	}
	return script, nil
}

func parseStep(words []string, at time.Duration) (Step, error) {
	step := Step{At: at}
	known := Acts()
	var f Faults // to try the values on
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		argument := func() (string, error) {
			if len(words) == 0 {
				return "", fmt.Errorf("%s what?", word)
			}
			a := words[0]
			words = words[1:]
			return a, nil
		}
		var err error
		switch {
		case word == "at", word == "for":
			var a string
			if a, err = argument(); err != nil {
				return step, err
			}
			d, err := time.ParseDuration(a)
			if err != nil || d < 0 {
				return step, fmt.Errorf("%q is no time: write 10s or 1m30s", a)
			}
			if word == "at" {
				step.At = d
			} else {
				step.For = d
			}
		case word == "on":
			if step.On, err = argument(); err != nil {
				return step, err
			}
		case word == "outbind":
			if step.Outbind, err = argument(); err != nil {
				return step, err
			}
		case word == "behave":
			step.Behave = true
		case slices.Contains(known, word):
			if step.Act != "" {
				return step, fmt.Errorf("%s and %s: one act a step", step.Act, word)
			}
			step.Act = word
			if len(words) > 0 {
				if n, err := strconv.Atoi(words[0]); err == nil {
					step.N, words = n, words[1:]
				}
			}
		default:
			a := assignmentOf(word)
			if err := f.Set(a.Name, a.Value); err != nil {
				return step, fmt.Errorf("%w; acts are %s", err, strings.Join(known, ", "))
			}
			step.Set = append(step.Set, a)
		}
	}
	if step.For > 0 && len(step.Set) == 0 {
		return step, errors.New("for: there is no fault to take away")
	}
	return step, nil
}

type moment struct {
	at time.Duration
	do func() error
}

// moments are the script in order of time, the ends of what lasts included.
func (s *SMSC) moments(script Script) []moment {
	var all []moment
	for _, step := range script {
		all = append(all, moment{step.At, func() error { return s.apply(step) }})
		if step.For > 0 {
			off := Step{On: step.On}
			for _, a := range step.Set {
				off.Set = append(off.Set, Assignment{a.Name, "off"})
			}
			all = append(all, moment{step.At + step.For, func() error { return s.apply(off) }})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return all
}

// apply does one step now. What it sets joins the faults that are there.
func (s *SMSC) apply(step Step) error {
	switch {
	case step.Behave && step.On == "":
		s.SetFaults(Faults{})
	case step.Behave:
		s.SetFaultsOn(step.On, Faults{})
	}
	if len(step.Set) > 0 {
		s.mu.Lock()
		var f Faults
		if c := s.conducts[step.On]; c != nil {
			f = c.faults
		}
		for _, a := range step.Set {
			if err := f.Set(a.Name, a.Value); err != nil {
				s.mu.Unlock()
				return err
			}
		}
		s.setOn(step.On, f)
		s.mu.Unlock()
	}
	if step.Outbind != "" {
		if err := s.Outbind(s.ctx, step.Outbind); err != nil {
			return err
		}
	}
	if step.Act != "" {
		return s.Do(step.Act, step.On, step.N)
	}
	return nil
}

// Play runs a script from now and returns after its last step, or when ctx
// ends. A step that can't be done, for want of a bind, is passed over.
func (s *SMSC) Play(ctx context.Context, script Script) error {
	return s.play(ctx, s.moments(script))
}

func (s *SMSC) play(ctx context.Context, moments []moment) error {
	start := time.Now()
	for _, m := range moments {
		pause(ctx, m.at-time.Since(start))
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("smsc: play the script: %w", err)
		}
		if err := m.do(); err != nil {
			s.cfg.Log.Info("smsc: script", "at", m.at, "err", err)
		}
	}
	return nil
}

// Start plays a script beside what runs already, until Behave or Close. What
// is due at once has happened when it returns, and its error is told.
func (s *SMSC) Start(script Script) error {
	s.mu.Lock()
	ctx := s.scripted
	s.mu.Unlock()
	moments := s.moments(script)
	var failed error
	for len(moments) > 0 && moments[0].at == 0 {
		failed = errors.Join(failed, moments[0].do())
		moments = moments[1:]
	}
	if len(moments) > 0 {
		s.spawn(func(context.Context) { _ = s.play(ctx, moments) }) // ends with ctx
	}
	return failed
}

func (s *SMSC) stopScripts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts()
	s.scripted, s.scripts = context.WithCancel(s.ctx)
}
