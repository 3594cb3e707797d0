package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/private"
)

// agree checks the operators against each other.
func (ops Operators) agree() error {
	owner := map[string]string{}
	for _, o := range ops {
		if other, taken := owner["name "+o.Name]; taken {
			return fmt.Errorf("two operators named %q: rename one", other)
		}
		owner["name "+o.Name] = o.Name
		prefixes := o.Prefixes
		if len(prefixes) == 0 && o.sends() {
			prefixes = []string{"+"}
		}
		for _, p := range prefixes {
			if other, taken := owner[p]; taken && p == "+" {
				return fmt.Errorf("operators %q and %q both have no prefixes: only one can serve all other numbers", other, o.Name)
			} else if taken {
				return fmt.Errorf("operators %q and %q both claim prefix %s: leave it to one", other, o.Name, p)
			}
			owner[p] = o.Name
		}
	}
	for _, o := range ops {
		for _, b := range o.Binds {
			if other, taken := owner["listen "+b.Listen]; b.Listen != "" && taken {
				return fmt.Errorf("operators %q and %q both have a bind that listens on %s: give one another", other, o.Name, b.Listen)
			}
			owner["listen "+b.Listen] = o.Name
		}
		for _, name := range o.Fallback {
			if err := ops.agreeFallback(o, name); err != nil {
				return err
			}
		}
	}
	return ops.agreeOnPaths()
}

// agreeFallback checks that what was written for o can be sent by another as
// it is.
func (ops Operators) agreeFallback(o Operator, name string) error {
	other, ok := ops.Find(name)
	switch {
	case !ok:
		return fmt.Errorf("operator %q: fallback names %q, which is no operator: correct or remove it", o.Name, name)
	case name == o.Name:
		return fmt.Errorf("operator %q: fallback names itself: remove it", o.Name)
	case !other.sends():
		return fmt.Errorf("operator %q: fallback names %q, which has no bind that sends: remove it", o.Name, name)
	case other.LongTexts != o.LongTexts:
		return fmt.Errorf("operator %q: fallback names %q, whose long_texts is %s and not %s: give both the same", o.Name, name, other.LongTexts, o.LongTexts)
	case other.manner().NoUCS2 && !o.manner().NoUCS2:
		return fmt.Errorf("operator %q: fallback names %q, which has no UCS-2: set ucs2 = false here too, or remove it", o.Name, name)
	}
	return nil
}

// Find gives an operator by its name.
func (ops Operators) Find(name string) (Operator, bool) {
	i := slices.IndexFunc(ops, func(o Operator) bool { return o.Name == name })
	if i < 0 {
		return Operator{}, false
	}
	return ops[i], true
}

// Route names the operator that serves a number: the one with the longest
// prefix of it. It is "" when there is none.
func (ops Operators) Route(n private.Msisdn) string {
	best, length := "", -1
	for _, o := range ops {
		if len(o.Prefixes) == 0 && o.sends() && length < 0 {
			best, length = o.Name, 0
		}
		for _, p := range o.Prefixes {
			if len(p) > length && strings.HasPrefix(n.Raw(), p) {
				best, length = o.Name, len(p)
			}
		}
	}
	return best
}

// Holding lists the operators whose parts in doubt are given up rather than
// sent again.
func (ops Operators) Holding() []string {
	names := []string{}
	for _, o := range ops {
		if o.InDoubt == "hold" {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Manner is how an operator wants its texts.
func (ops Operators) Manner(name string) outbox.Manner {
	o, _ := ops.Find(name)
	return o.manner()
}
