// Package casework holds what every case shares: the table of allowed moves,
// commands that take effect once, transitions, the audit trail and references.
//
// A command is the only way to change state. Book.Do runs it in one
// transaction that also holds its transitions, its audit events and the texts
// it causes; a repeated key gives the first result and changes nothing.
package casework

import (
	"fmt"
	"slices"

	"github.com/wasl-sms/wasl/internal/fault"
)

// State is where a case stands; Event is what moves it. Both are stored words.
type (
	State string
	Event string
)

// Rule is one allowed move. From "" begins a case.
type Rule struct {
	From  State
	Event Event
	To    State
	// By lists who may do it: "citizen", "job", "system" or a staff role.
	By []string
	// HumanOnly moves are refused to jobs and systems by the database too: no
	// machine refuses a right.
	HumanOnly bool
	// NeedsReason moves carry a reason code with a text the citizen can read.
	NeedsReason bool
}

// Machine is the whole life of one kind of case.
type Machine struct {
	Name    string
	Version int
	Rules   []Rule
}

// Next finds the rule for an event, or a fault that says why there is none:
// Conflict when the state does not allow it, Forbidden when the actor may not.
func (m Machine) Next(from State, e Event, a Actor) (Rule, error) {
	for _, r := range m.Rules {
		if r.From != from || r.Event != e {
			continue
		}
		if !a.may(r) {
			return Rule{}, fault.Forbidden("case.not_allowed", nil).With(
				fmt.Errorf("%s: %s by %s/%s", m.Name, e, a.Kind, a.Role))
		}
		return r, nil
	}
	return Rule{}, fault.Conflict("case.state_changed", nil).With(
		fmt.Errorf("%s: no %s from %q", m.Name, e, from))
}

// States lists every state of the machine, sorted, without the empty one.
func (m Machine) States() []State {
	var all []State
	for _, r := range m.Rules {
		all = append(all, r.To)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (a Actor) may(r Rule) bool {
	if a.Kind == Staff {
		return slices.Contains(r.By, a.Role)
	}
	return !r.HumanOnly && slices.Contains(r.By, string(a.Kind))
}
