package ussd_test

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wasl-sms/wasl/ussd"
)

func info(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// in is a deliver_sm as the network of a dialect sends it.
func in(op int, text, session, reference string) ussd.Envelope {
	e := ussd.Envelope{ServiceType: "USSD", Source: "212600000001", Dest: "369", Text: text}
	if op >= 0 {
		e.Op, e.HasOp = ussd.Op(op), true
	}
	if session != "" {
		e.SessionInfo = info(session)
	}
	if reference != "" {
		e.UserMessageReference = info(reference)
	}
	return e
}

func TestDialects(t *testing.T) {
	t.Parallel()
	const msisdn = "212600000001"
	out := func(op ussd.Op, text, session, reference string) ussd.Envelope {
		e := in(int(op), text, session, reference)
		e.Source, e.Dest = "369", msisdn
		return e
	}
	dest := func(e ussd.Envelope, dest string) ussd.Envelope { e.Dest = dest; return e }
	from := func(e ussd.Envelope, source string) ussd.Envelope { e.Source = source; return e }
	type turn struct {
		in    ussd.Envelope
		kind  ussd.Kind
		code  string
		input string
		id    string
		reply *ussd.Reply
		out   ussd.Envelope
	}
	menu, bye := &ussd.Reply{Text: "1 a"}, &ussd.Reply{Text: "bye", End: true}
	for name, turns := range map[string][]turn{
		"spec": {
			{in(1, "*369#", "0700", "0001"), ussd.Begin, "*369#", "*369#", "07", menu, out(2, "1 a", "0702", "0001")},
			{in(18, "1", "0702", "0002"), ussd.Answer, "", "1", "07", menu, out(2, "1 a", "0704", "0002")},
			{in(18, "1", "07fe", ""), ussd.Answer, "", "1", "07", bye, out(17, "bye", "0701", "")},
			{in(0, "*369*1#", "0700", ""), ussd.Begin, "*369#", "*369*1#", "07", bye, out(17, "bye", "0703", "")},
			{in(1, "*369#", "", ""), ussd.Begin, "*369#", "*369#", "", bye, out(17, "bye", "", "")},
			{in(18, "", "0705", ""), ussd.Abort, "", "", "07", nil, ussd.Envelope{}},
			{in(0x81, "", "0704", ""), ussd.Abort, "", "", "07", nil, ussd.Envelope{}},
			{in(19, "", "0704", ""), ussd.Shown, "", "", "07", nil, ussd.Envelope{}},
			{in(-1, "*369#", "0700", ""), ussd.Begin, "*369#", "*369#", "07", menu, out(2, "1 a", "0702", "")},
			{in(-1, "12", "0700", ""), ussd.Answer, "", "12", "07", menu, out(2, "1 a", "0702", "")},
			{in(1, "", "0700", ""), ussd.Begin, "369", "369", "07", menu, out(2, "1 a", "0702", "")},
			{in(1, "*369#", "07", ""), ussd.Begin, "*369#", "*369#", "07", menu, out(2, "1 a", "", "")},
		},
		"six-dee": {
			{in(1, "*369#", "0a10", ""), ussd.Begin, "*369#", "*369#", "0a10", menu, out(2, "1 a", "0a10", "")},
			{in(18, "1", "0a10", ""), ussd.Answer, "", "1", "0a10", bye, out(17, "bye", "0a11", "")},
			{in(18, "", "0a11", ""), ussd.Abort, "", "", "0a10", nil, ussd.Envelope{}},
			{in(0x81, "", "0a10", ""), ussd.Abort, "", "", "0a10", nil, ussd.Envelope{}},
		},
		"tata": {
			{dest(in(1, "", "0a10", ""), "*369#"), ussd.Begin, "*369#", "*369#", "0a10", menu, from(out(2, "1 a", "0a10", ""), "*369#")},
			{dest(in(18, "1", "0a10", ""), "*369#"), ussd.Answer, "", "1", "0a10", bye, from(out(17, "bye", "0a11", ""), "*369#")},
		},
		"mica": {
			{in(1, "*369*2#", "", "0042"), ussd.Begin, "*369#", "*369*2#", "0042", menu, out(2, "1 a", "", "0042")},
			{in(1, "2", "", "0042"), ussd.Begin, "*369#", "*369*2#", "0042", menu, out(2, "1 a", "", "0042")},
			{in(1, "", "", "0042"), ussd.Begin, "369", "369", "0042", menu, out(2, "1 a", "", "0042")},
			{in(1, "suivi", "", "0042"), ussd.Begin, "369", "suivi", "0042", menu, out(2, "1 a", "", "0042")},
			{in(-1, "1", "", "0042"), ussd.Answer, "", "1", "0042", menu, out(2, "1 a", "", "0042")},
			{in(-1, "*369#", "", "0042"), ussd.Begin, "*369#", "*369#", "0042", menu, out(2, "1 a", "", "0042")},
			{in(18, "1", "", "0042"), ussd.Answer, "", "1", "0042", bye, out(17, "bye", "", "0042")},
			{in(0x81, "", "", "0042"), ussd.Abort, "", "", "0042", nil, ussd.Envelope{}},
		},
		"huawei-msisdn": {
			{in(-1, "*369#", "", ""), ussd.Begin, "*369#", "*369#", "", menu, out(2, "1 a", "", "")},
			{in(-1, "1", "", ""), ussd.Answer, "", "1", "", bye, out(17, "bye", "", "")},
			{in(18, "1", "", "0001"), ussd.Answer, "", "1", "", bye, out(17, "bye", "", "")},
		},
	} {
		d, ok := ussd.Lookup(name)
		if !ok {
			t.Fatalf("%s is not shipped", name)
		}
		for i, turn := range turns {
			r, ok := d.Decode(turn.in)
			got := []string{r.Kind.String(), r.Msisdn, r.Code, r.Input, r.SessionID}
			if diff := cmp.Diff([]string{turn.kind.String(), msisdn, turn.code, turn.input, turn.id}, got); diff != "" || !ok {
				t.Errorf("%s, turn %d: -want +got\n%s", name, i, diff)
			}
			if turn.reply == nil {
				continue
			}
			if diff := cmp.Diff(turn.out, d.Encode(r, *turn.reply), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s, reply %d: -want +got\n%s", name, i, diff)
			}
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	text := ussd.Envelope{Source: "212600000001", Dest: "369", Text: "SUIVI 4821307"}
	service, op := text, text
	service.ServiceType = "ussd"
	op.HasOp = true
	for match, want := range map[ussd.Match][3]bool{
		ussd.MatchOp: {false, false, true}, ussd.MatchServiceType: {false, true, false},
		ussd.MatchEither: {false, true, true}, ussd.MatchAll: {true, true, true},
	} {
		d := ussd.Spec()
		d.Match = match
		for i, e := range []ussd.Envelope{text, service, op} {
			if _, ok := d.Decode(e); ok != want[i] {
				t.Errorf("%v, message %d: %v", match, i, ok)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, d := range ussd.Shipped() {
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
	for word, change := range map[string]func(*ussd.Dialect){
		"echo_info":         func(d *ussd.Dialect) { d.EchoInfo = ussd.EchoNone },
		"end_op":            func(d *ussd.Dialect) { d.EndOp = d.OpenOp },
		"service_type":      func(d *ussd.Dialect) { d.ServiceType = "" },
		"5 characters":      func(d *ussd.Dialect) { d.ServiceType = "USSDGW" },
		"reply_deadline":    func(d *ussd.Dialect) { d.ReplyDeadline = 0 },
		"begin_ops":         func(d *ussd.Dialect) { d.AbortOps = []ussd.Op{18} },
		"septets":           func(d *ussd.Dialect) { d.Budget.Next = 10 },
		"first and next":    func(d *ussd.Dialect) { d.Octets.First = 160 },
		"at most 160":       func(d *ussd.Dialect) { d.Octets = ussd.Octets{First: 182, Next: 182} },
		"could not be read": func(d *ussd.Dialect) { d.CodingGSM7 = 8 },
	} {
		d := ussd.Spec()
		change(&d)
		if err := d.Validate(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

func TestRequestKey(t *testing.T) {
	t.Parallel()
	d := ussd.Spec()
	key := func(change func(*ussd.Envelope)) string {
		e := in(18, "1", "0702", "")
		e.Bind, e.Sequence = "a", 7
		change(&e)
		r, _ := d.Decode(e)
		return r.RequestKey
	}
	same := key(func(*ussd.Envelope) {})
	if same == "" || key(func(e *ussd.Envelope) { e.Text = "changed" }) != same {
		t.Errorf("request key %q", same)
	}
	for name, change := range map[string]func(*ussd.Envelope){
		"bind":     func(e *ussd.Envelope) { e.Bind = "b" },
		"sequence": func(e *ussd.Envelope) { e.Sequence = 8 },
		"number":   func(e *ussd.Envelope) { e.Source = "2" },
		"op":       func(e *ussd.Envelope) { e.Op = 1 },
	} {
		if key(change) == same {
			t.Errorf("another %s gives the same request key", name)
		}
	}
	if k := key(func(e *ussd.Envelope) { e.Sequence = 0 }); k != "" {
		t.Errorf("request key %q without a sequence number", k)
	}
}

func TestDialectFromSettings(t *testing.T) {
	t.Parallel()
	d := ussd.Spec()
	_, err := toml.Decode(`
		match = "all"
		session = "info"
		echo_info = "info"
		end = "bit"
		dialled = "dest"
		begin_ops = [1, 32]
		end_op = 0x17
		coding_ucs2 = 0x48
		coding_in = "cbs"
		packed = true
		reply_deadline = "5s"
		[budget]
		first = 140
		first_ucs2 = 66`, &d)
	if err != nil {
		t.Fatal(err)
	}
	want := ussd.Spec()
	want.Match, want.Session, want.EchoInfo, want.End, want.Dialled = ussd.MatchAll, ussd.SessionInfo, ussd.EchoInfo, ussd.EndByBit, ussd.PlaceDest
	want.BeginOps, want.EndOp, want.CodingUCS2, want.ReplyDeadline = []ussd.Op{1, 32}, 0x17, 0x48, 5e9
	want.Budget.First, want.Budget.FirstUCS2 = 140, 66
	want.CodingIn, want.Packed = ussd.CodingCBS, true
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, err := toml.Decode(`session = "octets"`, &d); err == nil || !strings.Contains(err.Error(), "octets") {
		t.Errorf("a word that is no setting: %v", err)
	}
	if _, ok := ussd.Lookup("none"); ok {
		t.Error("an unknown dialect was found")
	}
}

func TestNothingPersonalIsPrinted(t *testing.T) {
	t.Parallel()
	e := in(1, "*369*771#", "0700", "")
	r, _ := ussd.Spec().Decode(e)
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("step", "request", r, "envelope", e)
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s", r, r, r, r), fmt.Sprintf("%v %+v %#v %s", e, e, e, e), log.String()} {
		if strings.Contains(s, "2126") || strings.Contains(s, "771") {
			t.Errorf("printed: %s", s)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(0, byte(18), true, "1", []byte{7, 2}, []byte{0, 1})
	f.Add(3, byte(0), false, "*369#", []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, which int, op byte, hasOp bool, text string, session, reference []byte) {
		shipped := ussd.Shipped()
		d := shipped[max(0, which%len(shipped))]
		r, ok := d.Decode(ussd.Envelope{Source: "1", Dest: "369", Text: text, Op: ussd.Op(op), HasOp: hasOp, SessionInfo: session, UserMessageReference: reference})
		if !ok {
			return
		}
		for _, end := range []bool{false, true} {
			e := d.Encode(r, ussd.Reply{Text: "x", End: end})
			if e.Dest != "1" || e.Source != "369" || len(e.SessionInfo) != 0 && len(e.SessionInfo) != 2 {
				t.Fatalf("reply %+v", e)
			}
		}
	})
}
