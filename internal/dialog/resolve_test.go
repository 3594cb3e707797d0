package dialog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/ussd"
)

// whole is a network that repeats all that was keyed and tells a begin by
// nothing but the session's name.
type whole struct {
	w       *world
	session string
	path    []string
}

func (n *whole) send(text string) ussd.Reply {
	return n.w.step(ussd.Request{
		Kind: ussd.Keyed, Msisdn: known, SessionID: n.session, Code: "*369#", Input: text, Whole: true,
		RequestKey: n.session + "/" + text,
	})
}

func (n *whole) key(input string) ussd.Reply {
	n.w.pass(5 * time.Second)
	n.path = append(n.path, input)
	return n.send(strings.Join(n.path, "*"))
}

func TestWhatIsNewInAllThatWasKeyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	n := &whole{w: w, session: "a"}
	asksPIN := n.send("")
	if again := n.send(""); again != asksPIN || asksPIN.End {
		t.Fatalf("dialled: %q, and again %q", asksPIN.Text, again.Text)
	}
	menu := n.key(pin)
	number := n.key("1")
	if menu.Text == number.Text || menu.Text == asksPIN.Text {
		t.Fatalf("menu %q, then %q", menu.Text, number.Text)
	}
	// A star that a person keys belongs to the answer, which is refused whole.
	refused := n.key("1*41207")
	if refused.Text == number.Text || !strings.HasSuffix(refused.Text, number.Text) {
		t.Errorf("an answer with a star: %q", refused.Text)
	}
	day := n.key("41207")
	if day.Text == number.Text || day.End {
		t.Fatalf("the number was answered with %q", day.Text)
	}
	if got := n.send(strings.Join(n.path[:2], "*")); got != number {
		t.Errorf("a repeat of the request before the last: %q", got.Text)
	}
	if got := n.send(n.path[0]); got != day {
		t.Errorf("a repeat of a request whose page is no longer kept: %q", got.Text)
	}
	if w.faults.repeats != 3 {
		t.Errorf("%d requests were told as repeated, not 3", w.faults.repeats)
	}
	n.key("2")
	if done := n.key("9"); w.effects() != 1 {
		t.Errorf("sent: %q, %d effects", done.Text, w.effects())
	}
	n.send(strings.Join(n.path, "*"))
	n.send(strings.Join(n.path[:3], "*"))
	if w.effects() != 1 {
		t.Errorf("%d effects after repeats", w.effects())
	}
}

func TestADialThatLooksLikeAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	a, b := &whole{w: w, session: "a"}, &whole{w: w, session: "b"}
	first := a.send("")
	a.key(pin)
	if got := b.send("2*1"); got.Text != first.Text {
		t.Fatalf("a dial with more behind the code: %q", got.Text)
	}
	b.path = []string{"2*1"}
	if late := a.key("1"); !late.End {
		t.Errorf("a late answer to the session before: %q", late.Text)
	}
	if menu := b.key(pin); menu.End || menu.Text == first.Text {
		t.Errorf("the live session went on with %q", menu.Text)
	}
}

func TestKeyedWithoutWhatCameBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	send := func(input string) ussd.Reply {
		// No request key: the window tells repeats.
		return w.dialog.Step(t.Context(), "demo", ussd.DefaultBudget(), ussd.Request{
			Kind: ussd.Keyed, Msisdn: known, SessionID: "s", Code: "*" + input + "#", Input: input,
		})
	}
	first := send("369")
	w.pass(time.Second)
	if again := send("369"); again != first {
		t.Fatalf("the dial again: %q", again.Text)
	}
	w.pass(3 * time.Second)
	if wrong := send("369"); wrong == first || wrong.End {
		t.Errorf("the same as an answer: %q", wrong.Text)
	}
	if menu := send(pin); menu == first || menu.End {
		t.Errorf("PIN: %q", menu.Text)
	}
}
