package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/ussd"
)

// HTTP describes an aggregator that calls us over HTTP for each step of USSD.
type HTTP struct {
	FormatName     string            `toml:"format"`
	Path           string            `toml:"path"` // /ussd/NAME
	Secret         aggregator.Secret `toml:"secret"`
	SecretFile     string            `toml:"secret_file"`
	SecretBy       aggregator.Proof  `toml:"secret_by"`   // query, header, basic, hmac
	SecretName     string            `toml:"secret_name"` // of the parameter or header
	User           string            `toml:"user"`
	Allow          []string          `toml:"allow"`
	TrustedProxies []string          `toml:"trusted_proxies"`
	ReplyDeadline  time.Duration     `toml:"reply_deadline"` // 10s
	Budget         ussd.Budget       `toml:"budget"`
	PerPhone       float64           `toml:"per_phone"` // 2: steps a second of one number
	TPS            float64           `toml:"tps"`       // of the aggregator; 0: no limit
	AtOnce         int               `toml:"at_once"`   // 256: its steps under way

	endpoint *aggregator.Endpoint
}

// String leaves the secret out.
func (h HTTP) String() string { return fmt.Sprintf("%s at %s", h.FormatName, h.Path) }

// Format keeps every verb safe to log.
func (h HTTP) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, h.String()) }

const pathsBegin = "/ussd/"

// complete fills in defaults and checks the settings of an aggregator.
func (h *HTTP) complete(o *Operator, dir string) error {
	format, ok := aggregator.Lookup(h.FormatName)
	if !ok {
		var names []string
		for _, f := range aggregator.Formats() {
			names = append(names, f.Name)
		}
		return fmt.Errorf("no format %q: take one of %s", h.FormatName, strings.Join(names, ", "))
	}
	if h.Path == "" {
		h.Path = pathsBegin + o.Name
	}
	if !strings.HasPrefix(h.Path, pathsBegin) || h.Path == pathsBegin || strings.HasSuffix(h.Path, "/") {
		return fmt.Errorf("path is %q: write it like %s%s", h.Path, pathsBegin, o.Name)
	}
	if len(o.USSDCodes) == 0 {
		return errors.New("no ussd_codes: name the code that people dial")
	}
	secret, err := secretOf(string(h.Secret), h.SecretFile, "secret", dir)
	if err != nil {
		return err
	}
	h.Secret = aggregator.Secret(secret)
	door, err := h.door(format)
	if err != nil {
		return err
	}
	budget, err := h.budget(format)
	if err != nil {
		return err
	}
	switch {
	case h.ReplyDeadline < 0 || h.ReplyDeadline > aggregator.Longest:
		return fmt.Errorf("reply_deadline is %v: write at most %v", h.ReplyDeadline, aggregator.Longest)
	case h.ReplyDeadline == 0:
		h.ReplyDeadline = aggregator.Longest
	}
	limits, err := h.limits()
	if err != nil {
		return err
	}
	h.endpoint = &aggregator.Endpoint{
		Operator: o.Name, Region: o.Region, Code: o.USSDCodes[0], Path: h.Path,
		Format: format, Door: door, Budget: budget, Deadline: h.ReplyDeadline,
		Limits: limits,
	}
	return nil
}

// limits has defaults that people and aggregators in order do not notice.
func (h *HTTP) limits() (l aggregator.Limits, err error) {
	if h.PerPhone == 0 {
		h.PerPhone = 2
	}
	if h.AtOnce == 0 {
		h.AtOnce = 256
	}
	for name, v := range map[string]float64{"per_phone": h.PerPhone, "tps": h.TPS} {
		if v != 0 && !(v >= 0.01 && v <= 1e6) { // NaN is neither
			return l, fmt.Errorf("%s is %g: write steps a second, 0.01 to a million", name, v)
		}
	}
	if h.AtOnce < 1 {
		return l, fmt.Errorf("at_once is %d: write how many steps may be under way, at least 1", h.AtOnce)
	}
	return aggregator.Limits{PerPhone: h.PerPhone, TPS: h.TPS, AtOnce: h.AtOnce}, nil
}

func (h *HTTP) door(format aggregator.Format) (d aggregator.Door, err error) {
	d = format.Door()
	d.Secret, d.User = h.Secret, h.User
	if h.SecretBy != "" {
		d.Proof, d.Name = h.SecretBy, ""
	}
	if h.SecretName != "" {
		d.Name = h.SecretName
	}
	if d.Allow, err = aggregator.ParseNetworks(h.Allow); err != nil {
		return d, fmt.Errorf("allow: %w", err)
	}
	if d.Proxies, err = aggregator.ParseNetworks(h.TrustedProxies); err != nil {
		return d, fmt.Errorf("trusted_proxies: %w", err)
	}
	return d, d.Validate()
}

// budget is the format's where the settings leave it open. No gateway shows
// more than the network carries.
func (h *HTTP) budget(format aggregator.Format) (ussd.Budget, error) {
	b, d, most := h.Budget, format.Budget, ussd.BudgetFromOctets(ussd.MostOctets, ussd.MostOctets)
	b = ussd.Budget{
		First: cmp.Or(b.First, d.First), Next: cmp.Or(b.Next, d.Next),
		FirstUCS2: cmp.Or(b.FirstUCS2, d.FirstUCS2), NextUCS2: cmp.Or(b.NextUCS2, d.NextUCS2),
	}
	if n := max(b.First, b.Next); n > most.Next {
		return b, fmt.Errorf("budget: %d septets are more than a phone shows, %d", n, most.Next)
	}
	if n := max(b.FirstUCS2, b.NextUCS2); n > most.NextUCS2 {
		return b, fmt.Errorf("budget: %d UCS-2 units are more than a phone shows, %d", n, most.NextUCS2)
	}
	return b, b.Validate()
}

// alone checks an operator that has an aggregator and no bind.
func (o *Operator) alone() error {
	if o.USSD != nil {
		return errors.New("[operator.ussd] needs a [[operator.bind]]: add one, or remove it")
	}
	return o.withoutTexts("a [[operator.bind]]")
}

// withoutTexts checks an operator that carries dialogues alone: its people's
// texts go by their numbers to other operators.
func (o *Operator) withoutTexts(needed string) error {
	if len(o.Prefixes)+len(o.ShortCodes)+len(o.Fallback) > 0 || o.Sender != "" {
		return fmt.Errorf("prefixes, short_codes, sender and fallback need %s: add one, or remove them", needed)
	}
	return nil
}

// agreeOnPaths refuses two aggregators on one path.
func (ops Operators) agreeOnPaths() error {
	owner := map[string]string{}
	for _, o := range ops {
		if o.HTTP == nil {
			continue
		}
		if other, taken := owner[o.HTTP.Path]; taken {
			return fmt.Errorf("operators %q and %q both have the path %s: give one another", other, o.Name, o.HTTP.Path)
		}
		owner[o.HTTP.Path] = o.Name
	}
	return nil
}

// Endpoint finds the aggregator that a path of a request belongs to.
func (ops Operators) Endpoint(path string) (*aggregator.Endpoint, bool) {
	var best *aggregator.Endpoint
	for _, o := range ops {
		if o.HTTP == nil || best != nil && len(best.Path) > len(o.HTTP.Path) {
			continue
		}
		if path == o.HTTP.Path || strings.HasPrefix(path, o.HTTP.Path+"/") {
			best = o.HTTP.endpoint
		}
	}
	return best, best != nil
}
