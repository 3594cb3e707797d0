package smsc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

// setting is one fault as text: name=value. An empty value is the unset one.
type setting struct {
	Name    string
	Group   string   // answers, links or receipts
	Kind    string   // flag, dose, count, rate, time, span, status, code, choice
	Choices []string // of a choice
	get     func(*Faults) string
	set     func(*Faults, string) error
}

// settings lists every fault, in the order of the page and of String.
func settings() []setting {
	return []setting{
		span("delay", "answers", func(f *Faults) (*time.Duration, *time.Duration) { return &f.ResponseDelay, &f.ResponseJitter }),
		rated("throttle", "answers", func(f *Faults) *float64 { return &f.TPS }),
		count("burst", "answers", func(f *Faults) *int { return &f.Burst }),
		flag("full", "answers", func(f *Faults) *bool { return &f.QueueFull }),
		status("status", "answers", func(f *Faults) (*smpp.Status, *Dose) { return &f.Status, &f.Refuse }),
		dose("lose", "answers", func(f *Faults) *Dose { return &f.LoseResponses }),
		dose("wrong-seq", "answers", func(f *Faults) *Dose { return &f.WrongSequence }),
		dose("same-seq", "answers", func(f *Faults) *Dose { return &f.SameSequence }),
		dose("bad-length", "answers", func(f *Faults) *Dose { return &f.BadLength }),
		dose("cut-short", "answers", func(f *Faults) *Dose { return &f.CutShort }),
		dose("unknown-command", "answers", func(f *Faults) *Dose { return &f.UnknownCommand }),
		choice("id", "answers", func(f *Faults) *IDForm { return &f.ResponseID }, IDDec, IDHex, IDHexUpper, IDZeros),

		count("drop-after", "links", func(f *Faults) *int { return &f.DropAfter }),
		count("drop-every", "links", func(f *Faults) *int { return &f.DropEvery }),
		count("unbind-after", "links", func(f *Faults) *int { return &f.UnbindAfter }),
		flag("half-open", "links", func(f *Faults) *bool { return &f.HalfOpen }),
		flag("stop-reading", "links", func(f *Faults) *bool { return &f.StopReading }),
		count("read-rate", "links", func(f *Faults) *int { return &f.ReadRate }),
		flag("ignore-binds", "links", func(f *Faults) *bool { return &f.IgnoreBinds }),
		status("bind-status", "links", func(f *Faults) (*smpp.Status, *Dose) { return &f.BindStatus, &f.RefuseBinds }),
		flag("early-enquire", "links", func(f *Faults) *bool { return &f.EarlyEnquire }),
		dose("twice", "links", func(f *Faults) *Dose { return &f.DuplicateMO }),

		flag("no-receipts", "receipts", func(f *Faults) *bool { return &f.NoReceipts }),
		span("receipt-delay", "receipts", func(f *Faults) (*time.Duration, *time.Duration) { return &f.ReceiptDelay, &f.ReceiptJitter }),
		flag("receipt-first", "receipts", func(f *Faults) *bool { return &f.ReceiptFirst }),
		dose("receipt-twice", "receipts", func(f *Faults) *Dose { return &f.ReceiptTwice }),
		count("receipt-reverse", "receipts", func(f *Faults) *int { return &f.ReceiptReverse }),
		choice("receipt-id", "receipts", func(f *Faults) *IDForm { return &f.ReceiptID }, IDDec, IDHex, IDHexUpper, IDZeros),
		choice("receipt-form", "receipts", func(f *Faults) *ReceiptForm { return &f.ReceiptForm },
			ReceiptBoth, ReceiptTLV, ReceiptText, ReceiptBare, ReceiptUnmarked),
		choice("receipt-bind", "receipts", func(f *Faults) *ReceiptBind { return &f.ReceiptBind }, ReceiptAny, ReceiptSame, ReceiptOther),
		flag("late-enroute", "receipts", func(f *Faults) *bool { return &f.LateEnroute }),
		flag("echo-reference", "receipts", func(f *Faults) *bool { return &f.EchoReference }),
		undelivered("undelivered", "receipts"),

		seed("seed", "answers"),
	}
}

// ParseFaults reads faults as String writes them: names with their values,
// separated by spaces. "lose=3", "lose=10%", "lose" alone for all.
func ParseFaults(text string) (Faults, error) {
	var f Faults
	for word := range strings.FieldsSeq(text) {
		a := assignmentOf(word)
		if err := f.Set(a.Name, a.Value); err != nil {
			return Faults{}, err
		}
	}
	return f, nil
}

// Assignment is one fault by its name.
type Assignment struct{ Name, Value string }

// assignmentOf reads "lose=3", or "lose" alone, which is all of it.
func assignmentOf(word string) Assignment {
	name, value, given := strings.Cut(word, "=")
	if !given {
		value = "on"
	}
	return Assignment{name, value}
}

// Set changes one fault by its name; "off" takes it away.
func (f *Faults) Set(name, value string) error {
	all := settings()
	i := slices.IndexFunc(all, func(s setting) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("no fault %q: write one of %s", name, strings.Join(Names(), ", "))
	}
	if value == "off" {
		value = ""
	}
	if err := all[i].set(f, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Names lists the faults by their names.
func Names() []string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.Name)
	}
	return names
}

// String is what ParseFaults reads; "" behaves.
func (f Faults) String() string {
	var words []string
	for _, s := range settings() {
		switch v := s.get(&f); {
		case v == "":
		case s.Kind == "flag":
			words = append(words, s.Name)
		default:
			words = append(words, s.Name+"="+v)
		}
	}
	return strings.Join(words, " ")
}

func flag(name, group string, at func(*Faults) *bool) setting {
	return setting{
		Name: name, Group: group, Kind: "flag",
		get: func(f *Faults) string {
			if *at(f) {
				return "on"
			}
			return ""
		},
		set: func(f *Faults, v string) error {
			if v != "" && v != "on" {
				return fmt.Errorf("%q: it has no value, only off", v)
			}
			*at(f) = v == "on"
			return nil
		},
	}
}

func dose(name, group string, at func(*Faults) *Dose) setting {
	return setting{
		Name: name, Group: group, Kind: "dose",
		get: func(f *Faults) string { return unlessOff(*at(f)) },
		set: func(f *Faults, v string) (err error) {
			if v == "" {
				v = "off"
			}
			*at(f), err = parseDose(v)
			return err
		},
	}
}

func unlessOff(d Dose) string {
	if d <= 0 {
		return ""
	}
	return d.String()
}

func count(name, group string, at func(*Faults) *int) setting {
	return setting{
		Name: name, Group: group, Kind: "count",
		get: func(f *Faults) string {
			if *at(f) <= 0 {
				return ""
			}
			return strconv.Itoa(*at(f))
		},
		set: func(f *Faults, v string) (err error) {
			n := 0
			if v != "" {
				if n, err = strconv.Atoi(v); err != nil || n < 0 {
					return fmt.Errorf("%q is no number", v)
				}
			}
			*at(f) = n
			return nil
		},
	}
}

func rated(name, group string, at func(*Faults) *float64) setting {
	return setting{
		Name: name, Group: group, Kind: "rate",
		get: func(f *Faults) string {
			if *at(f) <= 0 {
				return ""
			}
			return strconv.FormatFloat(*at(f), 'g', -1, 64) + "/s"
		},
		set: func(f *Faults, v string) (err error) {
			n := 0.0
			if v != "" {
				if n, err = strconv.ParseFloat(strings.TrimSuffix(v, "/s"), 64); err != nil || n < 0 {
					return fmt.Errorf("%q is no rate: write 5/s", v)
				}
			}
			*at(f) = n
			return nil
		},
	}
}

// span is a time, or a time drawn between two: 200ms, 200ms..1s.
func span(name, group string, at func(*Faults) (least, more *time.Duration)) setting {
	return setting{
		Name: name, Group: group, Kind: "span",
		get: func(f *Faults) string {
			least, more := at(f)
			switch {
			case *more > 0:
				return least.String() + ".." + (*least + *more).String()
			case *least > 0:
				return least.String()
			}
			return ""
		},
		set: func(f *Faults, v string) error {
			least, more := at(f)
			if v == "" {
				*least, *more = 0, 0
				return nil
			}
			from, to, between := strings.Cut(v, "..")
			a, err := time.ParseDuration(from)
			b := a
			if err == nil && between {
				b, err = time.ParseDuration(to)
			}
			if err != nil || a < 0 || b < a {
				return fmt.Errorf("%q is no time: write 200ms, or 200ms..1s", v)
			}
			*least, *more = a, b-a
			return nil
		},
	}
}

// status is a command_status and how often it comes: 0x45, 0x45:3, 0x08:10%.
func status(name, group string, at func(*Faults) (*smpp.Status, *Dose)) setting {
	return setting{
		Name: name, Group: group, Kind: "status",
		get: func(f *Faults) string {
			s, d := at(f)
			if *d <= 0 {
				return ""
			}
			return fmt.Sprintf("0x%02X:%v", uint32(*s), *d)
		},
		set: func(f *Faults, v string) error {
			s, d := at(f)
			*s, *d = 0, 0
			if v == "" {
				return nil
			}
			code, often, given := strings.Cut(v, ":")
			if !given {
				often = "all"
			}
			n, err := strconv.ParseUint(code, 0, 32)
			if err != nil || n == 0 {
				return fmt.Errorf("%q is no status: write 0x45, 0x45:3 or 0x45:10%%", v)
			}
			much, err := parseDose(often)
			if err != nil {
				return err
			}
			*s, *d = smpp.Status(n), much
			return nil
		},
	}
}

func choice[T ~string](name, group string, at func(*Faults) *T, values ...T) setting {
	var names []string
	for _, v := range values {
		names = append(names, string(v))
	}
	return setting{
		Name: name, Group: group, Kind: "choice", Choices: names,
		get: func(f *Faults) string { return string(*at(f)) },
		set: func(f *Faults, v string) error {
			if v != "" && !slices.Contains(names, v) {
				return fmt.Errorf("%q: write one of %s", v, strings.Join(names, ", "))
			}
			*at(f) = T(v)
			return nil
		},
	}
}

// undelivered is the network's error and how often it comes: 034, 034:10%.
func undelivered(name, group string) setting {
	return setting{
		Name: name, Group: group, Kind: "code",
		get: func(f *Faults) string {
			if f.Undelivered <= 0 {
				return ""
			}
			return fmt.Sprintf("%s:%v", cmp.Or(f.UndeliveredErr, defaultErr), f.Undelivered)
		},
		set: func(f *Faults, v string) (err error) {
			f.UndeliveredErr, f.Undelivered = "", 0
			if v == "" {
				return nil
			}
			if v == "on" {
				v = defaultErr
			}
			code, often, given := strings.Cut(v, ":")
			if !given {
				often = "all"
			}
			if len(code) == 0 || len(code) > 8 {
				return errors.New("write the network's error, 034, and how often: 034:10%")
			}
			f.UndeliveredErr = code
			f.Undelivered, err = parseDose(often)
			return err
		},
	}
}

// defaultErr is a failed delivery without a nearer reason.
const defaultErr = "032"

func seed(name, group string) setting {
	return setting{
		Name: name, Group: group, Kind: "seed",
		get: func(f *Faults) string {
			if f.Seed == 0 {
				return ""
			}
			return strconv.FormatUint(f.Seed, 10)
		},
		set: func(f *Faults, v string) (err error) {
			f.Seed = 0
			if v != "" {
				if f.Seed, err = strconv.ParseUint(v, 10, 64); err != nil {
					return fmt.Errorf("%q is no number", v)
				}
			}
			return nil
		},
	}
}
