package gateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/aggregator"
	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/ussd"
)

const webOnly = `
[[operator]]
name = "web"
ussd_codes = ["*369#"]
region = "DZ"
[operator.http]
format = "africastalking"
`

func TestAnOperatorWithAnAggregatorAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("open-sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ops, err := gateway.ParseOperators(strings.ReplaceAll(oneBind, "ADDRESS", "127.0.0.1:1")+webOnly+`
secret_file = "secret"
allow = ["192.0.2.7", "2001:db8::/32"]
reply_deadline = "4s"
budget = { first = 120 }
`, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := ops.Route(number(1)); got != "north" {
		t.Errorf("texts go by %q", got)
	}
	e, ok := ops.Endpoint("/ussd/web/events")
	if !ok || e.Operator != "web" || e.Region != "DZ" || e.Code != "*369#" || e.Path != "/ussd/web" || e.Format.Name != "africastalking" {
		t.Fatalf("endpoint %+v, %v", e, ok)
	}
	if e.Deadline != 4*time.Second || e.Door.Secret != "open-sesame" || e.Door.Proof != aggregator.ByQuery || e.Door.Name != "key" || len(e.Door.Allow) != 2 {
		t.Errorf("deadline %v, door %+v", e.Deadline, e.Door)
	}
	if diff := cmp.Diff(ussd.Budget{First: 120, Next: 160, FirstUCS2: 70, NextUCS2: 70}, e.Budget); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"/ussd/webs", "/ussd/", "/", "/ussd/north"} {
		if e, ok := ops.Endpoint(path); ok {
			t.Errorf("%s leads to %s", path, e.Operator)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%s", "%#v", "%d"} {
		if s := fmt.Sprintf(verb, *ops[1].HTTP); strings.Contains(s, "sesame") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func TestAnAggregatorBesideABind(t *testing.T) {
	t.Parallel()
	ops, err := gateway.ParseOperators(strings.ReplaceAll(oneBind, "ADDRESS", "127.0.0.1:1")+`
[operator.http]
format = "airtel"
user = "flares"
secret = "open-sesame"
path = "/ussd/flares"
`, "")
	if err != nil {
		t.Fatal(err)
	}
	e, ok := ops.Endpoint("/ussd/flares")
	if !ok || e.Operator != "north" || e.Door.Name != "password" || e.Door.UserBy != "userid" || e.Deadline != aggregator.Longest ||
		e.Limits != (aggregator.Limits{PerPhone: 2, AtOnce: 256}) || ops[0].USSD == nil {
		t.Errorf("endpoint %+v, %v", e, ok)
	}
}

func TestAggregatorsThatCantBe(t *testing.T) {
	t.Parallel()
	secret := "secret = \"open-sesame\"\n"
	for word, text := range map[string]string{
		"no format":                strings.Replace(webOnly, "africastalking", "smoke", 1) + secret,
		"anyone could speak":       webOnly,
		"at least 8":               webOnly + "secret = \"short\"\n",
		"keep one":                 webOnly + secret + "secret_file = \"x\"\n",
		"secret_file: open":        webOnly + "secret_file = \"none\"\n",
		"secret_by":                webOnly + secret + "secret_by = \"cookie\"\n",
		"needs secret_name":        webOnly + secret + "secret_by = \"hmac\"\n",
		"allow: \"192.0.2\"":       webOnly + secret + "allow = [\"192.0.2\"]\n",
		"trusted_proxies":          webOnly + secret + "trusted_proxies = [\"proxy\"]\n",
		"write it like /ussd/web":  webOnly + secret + "path = \"/web\"\n",
		"at most 10s":              webOnly + secret + "reply_deadline = \"11s\"\n",
		"more than a phone shows":  webOnly + secret + "budget = { first = 200 }\n",
		"must hold at least":       webOnly + secret + "budget = { first = 10 }\n",
		"no ussd_codes":            strings.Replace(webOnly, `ussd_codes = ["*369#"]`, "", 1) + secret,
		"need a [[operator.bind]]": strings.Replace(webOnly, `region = "DZ"`, `prefixes = ["+2135"]`, 1) + secret,
		"both have the path":       webOnly + secret + strings.Replace(webOnly, `"web"`, `"net"`, 1) + secret + "path = \"/ussd/web\"\n",
		"unknown setting":          webOnly + secret + "key = \"x\"\n",
		"per_phone is":             webOnly + secret + "per_phone = -1.0\n",
		"tps is":                   webOnly + secret + "tps = nan\n",
		"at_once is":               webOnly + secret + "at_once = -1\n",
	} {
		if _, err := gateway.ParseOperators(text, ""); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}
