package gateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/ussd"
)

const twoOperators = `
[[operator]]
name = "north"
prefixes = ["+2126", "2127"]
short_codes = ["3690"]
ussd_codes = ["*369#"]
in_doubt = "hold"
id_in_response = "hex"
id_in_receipt = "dec"

[[operator.bind]]
address = "smsc.example:2775"
system_id = "wasl"
password_file = "north.password"
window = 20
tps = 50
tls = true
enquire_every = "20s"

[operator.ussd]
dialect = "mica"
end_op = 0x17
reply_deadline = "5s"
[operator.ussd.budget]
first = 140

[[operator]]
name = "rest"
sender = "Wasl"

[[operator.bind]]
address = "a:1"
mode = "transmitter"
[[operator.bind]]
address = "b:1"
mode = "receiver"
`

func TestOperatorsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"operators.toml": twoOperators, "north.password": "secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ops, err := gateway.LoadOperators(filepath.Join(dir, "operators.toml"))
	if err != nil {
		t.Fatal(err)
	}
	north, rest := ops[0], ops[1]
	if b := north.Binds[0]; b.Password != "secret" || b.Mode != "transceiver" || b.Window != 20 || b.TPS != 50 || b.EnquireEvery != 20*time.Second {
		t.Errorf("bind of north is %v, window %d", b, b.Window)
	}
	if d := north.USSD; d.Session != ussd.SessionReference || d.EndOp != 0x17 || d.ReplyDeadline != 5*time.Second || d.Budget.First != 140 || d.Budget.Next != 160 {
		t.Errorf("dialect of north is %+v", d)
	}
	if north.Sender != "3690" || rest.USSD != nil || rest.Binds[1].Window != 10 {
		t.Error("defaults are not filled in")
	}
	if h := ops.Holding(); len(h) != 1 || h[0] != "north" {
		t.Errorf("holding: %v", h)
	}
	for number, want := range map[string]string{"+212612345678": "north", "+212712345678": "north", "+213551234567": "rest", "": "rest"} {
		if got := ops.Route(private.StoredMsisdn(number)); got != want {
			t.Errorf("%s goes to %q", number, got)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v", ops, north, north.Binds[0]); strings.Contains(s, "secret") {
		t.Error("the password can be printed")
	}
}

// A password without quotes must not come back in the error, which staff see.
func TestABadPasswordIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"password = s3cret", `password = "s3cret\q"`, "password = 's3cret", "password = \"s3cret"} {
		_, err := gateway.ParseOperators("[[operator]]\nname = \"n\"\n[[operator.bind]]\n"+line+"\n", "")
		if err == nil || strings.Contains(err.Error(), "s3") || !strings.Contains(err.Error(), "password") {
			t.Errorf("%.12s…: %v", line, err)
		}
	}
}

func TestBadOperatorsFileSaysWhatToChange(t *testing.T) {
	t.Parallel()
	const bind = "\n[[operator.bind]]\naddress = \"a:1\"\n"
	op := func(settings string) string { return "[[operator]]\nname = \"n\"\nsender = \"W\"\n" + settings + bind }
	for name, c := range map[string]struct{ text, says string }{
		"no name":              {"[[operator]]\nsender=\"W\"" + bind, "give it one"},
		"no bind":              {"[[operator]]\nname = \"n\"\nsender = \"W\"\n", "[[operator.bind]]"},
		"no sender":            {"[[operator]]\nname = \"n\"\n" + bind, "give short_codes"},
		"unknown setting":      {op("colour = \"red\""), "operator.colour"},
		"unknown in ussd":      {op("") + "[operator.ussd]\ncolour = 1", "operator.ussd.colour"},
		"unknown dialect":      {op("") + "[operator.ussd]\ndialect = \"x\"", "take one of spec"},
		"bad prefix":           {op("prefixes = [\"06a\"]"), "write it like +2126"},
		"bad policy":           {op("in_doubt = \"pray\""), "resend or hold"},
		"bad id form":          {op("id_in_receipt = \"octal\""), "text, dec or hex"},
		"parameter, no tag":    {op("parameter = [{ text = \"x\" }]"), "without a tag"},
		"parameter of ours":    {op("parameter = [{ tag = 0x0204, text = \"x\" }]"), "set by Wasl itself"},
		"parameter, no value":  {op("parameter = [{ tag = 0x1400 }]"), "text or hex"},
		"parameter, bad hex":   {op("parameter = [{ tag = 0x1400, hex = \"0\" }]"), "two digits"},
		"long parameter":       {op("parameter = [{ tag = 0x1400, text = \"" + strings.Repeat("x", 256) + "\" }]"), "at most 255"},
		"status of no refusal": {op("later_on = [0]"), "remove 0"},
		"status in both":       {op("later_on = [0x45]\nslower_on = [0x45]"), "from one"},
		"bad form of numbers":  {op("dest_form = \"local\""), "digits, plus or zeros"},
		"bad region":           {op("region = \"FR\""), "MA, DZ"},
		"long name as sender":  {strings.Replace(op(""), `"W"`, `"Ministry of Justice"`, 1), "11 characters"},
		"sender beyond ASCII":  {strings.Replace(op(""), `"W"`, `"Justicé"`, 1), "of ASCII"},
		"long number":          {strings.Replace(op(""), `"W"`, `"+123456789012345678901"`, 1), "20 digits"},
		"long service type":    {op("service_type = \"SMSGW1\""), "5 characters"},
		"long system type":     {op("") + "system_type = \"1234567890123\"", "system_type may have 12"},
		"long address range":   {op("") + "address_range = \"" + strings.Repeat("1", 41) + "\"", "address_range 40"},
		"bad cargo":            {op("") + "carries = \"mail\"", "all, texts or ussd"},
		"ussd without a code":  {op("") + "carries = \"texts\"" + bind + "carries = \"ussd\"", "no ussd_codes"},
		"no bind for ussd":     {op("ussd_codes = [\"*1#\"]") + "carries = \"texts\"", "add one that carries ussd"},
		"half a bind for ussd": {op("ussd_codes = [\"*1#\"]") + "carries = \"texts\"" + bind + "carries = \"ussd\"\nmode = \"receiver\"", "for USSD only send or only receive"},
		"texts by ussd":        {op("ussd_codes = [\"*1#\"]") + "carries = \"ussd\"", "that carries texts"},
		"half without texts":   {op("ussd_codes = [\"*1#\"]") + "carries = \"ussd\"" + bind + "mode = \"receiver\"\ncarries = \"texts\"", "missing half"},
		"bad mode":             {op("") + "mode = \"both\"", "transceiver, transmitter or receiver"},
		"two passwords":        {op("") + "password = \"a\"\npassword_file = \"b\"", "keep one"},
		"missing password":     {op("") + "password_file = \"nowhere\"", "password_file"},
		"long password":        {op("") + "password = \"123456789\"", "the password 8"},
		"bad window":           {op("") + "window = -1", "1 to 10000"},
		"bad tps":              {op("") + "tps = -1.0", "parts per second"},
		"endless tps":          {op("") + "tps = inf", "parts per second"},
		"no tps":               {op("") + "tps = nan", "parts per second"},
		"key without tls":      {op("") + "tls_key = \"x\"", "tls = true"},
		"cert without key":     {op("") + "tls = true\ntls_cert = \"x\"", "go together"},
		"no such cert":         {op("") + "tls = true\ntls_cert = \"x\"\ntls_key = \"y\"", "tls_cert: open"},
		"ca without tls":       {op("") + "tls_ca = \"x\"", "tls = true"},
		"only sends":           {op("") + "mode = \"transmitter\"", "missing half"},
		"same name of binds":   {op("") + "name = \"2\"" + bind, "rename one"},
		"same name":            {op("prefixes = [\"+1\"]") + op("prefixes = [\"+2\"]"), "rename one"},
		"same prefix":          {op("prefixes = [\"+1\"]") + strings.Replace(op("prefixes = [\"1\"]"), `"n"`, `"m"`, 1), "leave it to one"},
		"two without prefixes": {op("") + strings.Replace(op(""), `"n"`, `"m"`, 1), "only one can serve"},
		"small pages":          {op("") + "[operator.ussd]\nbudget = { first = 3 }", "septets"},
		"ends like it goes on": {op("") + "[operator.ussd]\nend = \"op\"\nopen_op = 17", "an end could not be told"},
		"bad form":             {op("long_texts = \"morse\""), "udh8, udh16, sar or payload"},
		"bad alphabet":         {op("alphabet = \"runes\""), "gsm7, latin1 or ascii"},
		"bad validity":         {op("validity = \"soon\""), "relative, absolute or none"},
		"bad receipt wish":     {op("registered_delivery = 64"), "write 0, 1 or 2"},
		"bad fallback wait":    {op("fallback_after = \"-1s\""), "like 30s"},
		"bad wait":             {op("") + "write_wait = \"-1s\"", "write_wait"},
		"fallback to nobody":   {op("fallback = [\"x\"]"), "is no operator"},
		"fallback to itself":   {op("fallback = [\"n\"]"), "names itself"},
		"fallback, other form": {op("fallback = [\"m\"]\nprefixes = [\"+1\"]") + strings.Replace(op("long_texts = \"sar\""), `"n"`, `"m"`, 1), "give both the same"},
		"fallback, no UCS-2":   {op("fallback = [\"m\"]\nprefixes = [\"+1\"]") + strings.Replace(op("ucs2 = false"), `"n"`, `"m"`, 1), "no UCS-2"},
		"address and listen":   {op("") + "listen = \"a:1\"", "or listen to wait"},
		"open to anyone":       {strings.Replace(op(""), "address = \"a:1\"", "listen = \"a:1\"", 1), "set listen_allow or outbind_password"},
		"bad listen":           {strings.Replace(op(""), "address = \"a:1\"", "listen = \"a\"", 1), "0.0.0.0:2776"},
		"bad callers":          {strings.Replace(op(""), "address = \"a:1\"", "listen = \"a:1\"\nlisten_allow = [\"x\"]", 1), "192.0.2.0/24"},
		"callers, no listen":   {op("") + "outbind_system_id = \"x\"", "without listen"},
		"listen, no cert":      {strings.Replace(op(""), "address = \"a:1\"", "listen = \"a:1\"\noutbind_password = \"x\"\ntls = true", 1), "tls_cert and tls_key"},
		"no TOML":              {"[[operator", "toml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gateway.ParseOperators(c.text, t.TempDir())
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v; want %q in it", err, c.says)
			}
		})
	}
}
