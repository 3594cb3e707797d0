package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/gateway"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/smpp"
)

// withBinds is an operators file with binds of these settings, each under its
// name as system_id.
func withBinds(operator string, binds ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[[operator]]\nname = \"north\"\nshort_codes = [\"3690\"]\n%s\n", operator)
	for _, settings := range binds {
		name, rest, _ := strings.Cut(settings, " ")
		fmt.Fprintf(&b, "[[operator.bind]]\nname = %q\nsystem_id = %q\naddress = \"ADDRESS\"\nresponse_wait = \"5s\"\n", name, name)
		if !strings.Contains(rest, "password") {
			b.WriteString("password = \"secret\"\n")
		}
		b.WriteString(rest + "\n")
	}
	return b.String()
}

// sessions lists the sessions that a bind ever had.
func (p *peer) sessions(systemID string) []*smpp.Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*smpp.Session
	for _, s := range p.links {
		if s.PeerSystemID() == systemID {
			list = append(list, s)
		}
	}
	return list
}

// reloads runs what reads the file again; each value sent is a SIGHUP.
func (f *fixture) reloads(t *testing.T) chan<- os.Signal {
	t.Helper()
	hangups := make(chan os.Signal)
	r := &gateway.Reloader{Live: f.live, Links: f.wishes, Signals: hangups, Log: slog.New(slog.NewTextHandler(f.logs, nil))}
	runtest.Start(t, r.Run)
	return hangups
}

// answered gives the newest answers to a reload, once there are n.
func (f *fixture) answered(t *testing.T, n int) links.ReloadDone {
	t.Helper()
	var last links.ReloadDone
	runtest.Eventually(t, fmt.Sprintf("%d reloads are answered", n), func() bool {
		list, err := f.wishes.Reloads(t.Context(), 20)
		if err != nil || len(list) != n || len(list[0].Done) == 0 {
			return false
		}
		last = list[0].Done[0]
		return true
	})
	return last
}

// Under load a new file comes: the bind that stays the same keeps its very
// session, and nothing is lost or doubled.
func TestReloadLeavesHealthyBindsAlone(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds("", "same", "other window = 4", "gone"))
	hangups := f.reloads(t)
	f.mu.Lock()
	f.answer = func(n int, _ smpp.ShortMessage) (smpp.Reply, error) {
		return smpp.Reply{MessageID: fmt.Sprintf("%X", n)}, nil
	}
	f.mu.Unlock()
	const texts = 600
	var list []message.Outbound
	for n := range texts {
		list = append(list, told(n, fmt.Sprint("text ", n)))
	}
	f.tell(t, list...)
	runtest.Eventually(t, "the load has begun", func() bool { return f.count() > 20 })

	f.write(t, withBinds(`prefixes = ["+2126"]`, "same", "other window = 5", "new"))
	hangups <- syscall.SIGHUP
	if a := f.answered(t, 1); a.Outcome != links.Applied || a.Detail != "added north/new; removed north/gone; changed north north/other; binds kept 1" {
		t.Errorf("told %+v", a)
	}
	runtest.Eventually(t, "all is accepted", func() bool { return f.states(t, "message_part")["accepted"] == texts })
	runtest.Eventually(t, "the new ones are bound and the old one is not", func() bool {
		up, all := f.BindsUp()
		gone := f.sessions("gone")[0].State().Bound()
		return up == 3 && all == 3 && !gone && len(f.sessions("new")) == 1 && len(f.sessions("other")) == 2
	})
	if s := f.sessions("same"); len(s) != 1 || !s[0].State().Bound() {
		t.Errorf("the bind that stayed the same has had %d sessions", len(s))
	}
	if f.count() != texts {
		t.Errorf("%d submits for %d texts", f.count(), texts)
	}

	f.write(t, withBinds(`prefixes = ["+2126"]`, "same window = -3"))
	hangups <- syscall.SIGHUP
	if a := f.answered(t, 2); a.Outcome != links.Spoiled || !strings.Contains(a.Detail, "window is -3: write 1 to 10000") {
		t.Errorf("told %+v", a)
	}
	if up, all := f.BindsUp(); up != 3 || all != 3 || len(f.sessions("same")) != 1 {
		t.Errorf("a bad file left %d of %d binds up", up, all)
	}
	f.logs.mu.Lock()
	if !strings.Contains(f.logs.b.String(), "cannot be used") {
		t.Error("the bad file is not in the log")
	}
	f.logs.mu.Unlock()

	f.write(t, withBinds(`prefixes = ["+2126"]`, "same", "other window = 5", "new"))
	hangups <- syscall.SIGHUP
	if a := f.answered(t, 3); a.Outcome != links.Unchanged {
		t.Errorf("told %+v", a)
	}
}

// Binds that change are made anew in turn: the operator is never without one.
func TestBindsThatChangeGoOneAfterTheOther(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds("", "one", "two", "three"))
	hangups := f.reloads(t)
	left := make(chan int, 3) // binds that are there while one is made
	f.mu.Lock()
	f.admit = func() {
		<-time.After(50 * time.Millisecond) // an operator takes its time
		left <- len(f.server.Sessions())
	}
	f.mu.Unlock()
	f.write(t, withBinds("", "one window = 5", "two window = 5", "three window = 5"))
	hangups <- syscall.SIGHUP
	for range 3 {
		if n := <-left; n != 2 {
			t.Errorf("while one bind is made anew %d others are there", n)
		}
	}
}

// Staff ask every process; what the files beside the operators file hold
// counts too.
func TestReloadAskedByStaffReadsPasswordsAgain(t *testing.T) {
	t.Parallel()
	f := prepare(t, withBinds("", "one"))
	password := filepath.Join(filepath.Dir(f.path), "one.password")
	set := func(p string) {
		if err := os.WriteFile(password, []byte(p+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set("wrong")
	f.write(t, withBinds("", `one password_file = "one.password"`))
	if _, err := f.live.Reload(); err != nil {
		t.Fatal(err)
	}
	f.reloads(t)
	f.start(t)
	f.stands(t, "one", links.Refused)
	set("secret")
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error { return f.wishes.AskReload(ctx, tx, 7) })
	if err != nil {
		t.Fatal(err)
	}
	f.stands(t, "one", links.Bound)
	if a := f.answered(t, 1); a.Outcome != links.Applied || a.Detail != "changed north/one; binds kept 0" || a.Process != f.wishes.Process() {
		t.Errorf("told %+v", a)
	}
}

func TestAnOperatorComesAndGoes(t *testing.T) {
	t.Parallel()
	f := setUp(t, withBinds("", "one"))
	hangups := f.reloads(t)
	south := strings.Replace(strings.ReplaceAll(withBinds(`prefixes = ["+2127"]`, "one"), `"one"`, `"south"`), `"north"`, `"south"`, 1)
	f.write(t, withBinds("", "one")+south)
	hangups <- syscall.SIGHUP
	runtest.Eventually(t, "the second operator is bound", func() bool { up, _ := f.BindsUp(); return up == 2 })
	names := func() (names []string) {
		list, err := f.wishes.Operators(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list {
			names = append(names, o.Operator)
		}
		return names
	}
	runtest.Eventually(t, "staff see both", func() bool { return len(names()) == 2 })
	f.write(t, south)
	hangups <- syscall.SIGHUP
	runtest.Eventually(t, "staff see the one that is left", func() bool { n := names(); return len(n) == 1 && n[0] == "south" })
	if s := f.sessions("one"); len(s) != 1 || s[0].State().Bound() {
		t.Error("the operator that went is still bound")
	}
	if s := f.sessions("south"); len(s) != 1 || !s[0].State().Bound() {
		t.Error("the operator that stayed is not bound as it was")
	}
}
