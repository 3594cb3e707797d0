package person_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/person"
	"github.com/wasl-sms/wasl/internal/text"
)

func TestWeakPINs(t *testing.T) {
	t.Parallel()
	known := person.Known{BirthDate: birth, IDNumber: "AB 123459", Number: "+212661947302"}
	for pin, want := range map[string]text.Key{
		"0000": "pin.too_simple", "1234": "pin.too_simple", "4321": "pin.too_simple", "7890": "pin.too_simple", "1212": "pin.too_simple",
		"123123": "pin.too_simple", "1122": "pin.too_simple", "2580": "pin.too_simple", "987654": "pin.too_simple", "55555": "pin.too_simple",
		"1980": "pin.birth", "0102": "pin.birth", "010280": "pin.birth", "800201": "pin.birth",
		"7302": "pin.own_number", "947302": "pin.own_number", "3459": "pin.own_number",
		"123": "pin.length", "1234567": "pin.length", "12a4": "pin.length", "": "pin.length", "١٢٣٤": "pin.length", "12 4": "pin.length", "-123": "pin.length",
		"5937": "", "70419": "", "860241": "",
	} {
		if got := fault.KeyOf(person.WeakPIN(pin, known)); got != want {
			t.Errorf("%q: %q, want %q", pin, got, want)
		}
	}
	weak := 0
	for n := range 10000 {
		if person.WeakPIN(fmt.Sprintf("%04d", n), known) != nil {
			weak++
		}
	}
	if weak > 300 {
		t.Errorf("%d of 10000 codes are refused: those left are too few", weak)
	}
}

func TestAnyRunOrRepeatIsWeak(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first, step, n := rapid.IntRange(0, 9).Draw(t, "first"), rapid.SampledFrom([]int{0, 1, 9}).Draw(t, "step"), rapid.IntRange(4, 6).Draw(t, "n")
		var pin strings.Builder
		for i := range n {
			pin.WriteByte(byte('0' + (first+i*step)%10))
		}
		if person.WeakPIN(pin.String(), person.Known{}) == nil {
			t.Fatalf("%s is taken", pin.String())
		}
	})
}

func TestPINHash(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	h, err := w.HashPIN(t.Context(), "5937")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(h), "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(string(h), "5937") {
		t.Errorf("stored as %s", h)
	}
	other, err := w.HashPIN(t.Context(), "5937")
	if err != nil || other == h {
		t.Errorf("the same PIN twice: %s and %s, %v", h, other, err)
	}
	for pin, want := range map[string]bool{"5937": true, "5936": false, "": false} {
		if same, err := w.SamePIN(t.Context(), h, pin); same != want || err != nil {
			t.Errorf("%q: %v, %v", pin, same, err)
		}
	}
	if same, err := newTown(t).SamePIN(t.Context(), h, "5937"); same || err != nil {
		t.Errorf("with another pepper: %v, %v", same, err)
	}
	if _, err := w.SamePIN(t.Context(), "$2a$10$abc", "5937"); err == nil {
		t.Error("an unknown form was read")
	}
}

func TestWrongPINsLock(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, err := w.register(t, number(t, "0612345678"), "AB123456", "5937")
	if err != nil {
		t.Fatal(err)
	}
	try := func(pin string) string {
		err := w.CheckPIN(t.Context(), a.ID, pin, "")
		if err == nil {
			return "right"
		}
		line := fault.LineOf(err)
		return fmt.Sprintf("%s %v", line.Key, line.Params)
	}
	want := func(pin, answer string) {
		t.Helper()
		if got := try(pin); got != answer {
			t.Errorf("%s: %s, want %s", pin, got, answer)
		}
	}
	want("1111", "pin.wrong map[left:2]")
	want("5937", "right")
	want("1111", "pin.wrong map[left:2]")
	want("1111", "pin.wrong map[left:1]")
	want("1111", "pin.locked map[minutes:1]")
	want("5937", "pin.locked map[minutes:1]") // the right one too
	w.clock.add(59 * time.Second)
	want("5937", "pin.locked map[minutes:1]")
	w.clock.add(time.Second)
	for minutes := 2; minutes < 1440; minutes *= 2 {
		want("1111", fmt.Sprintf("pin.locked map[minutes:%d]", minutes))
		w.clock.add(time.Duration(minutes) * time.Minute)
	}
	for range 12 {
		want("1111", "pin.locked map[minutes:1440]")
		w.clock.add(24 * time.Hour)
	}
	want("5937", "right")
	want("1111", "pin.wrong map[left:2]")
	if err := w.CheckPIN(t.Context(), 9999, "5937", ""); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("nobody's PIN: %v", err)
	}
}

// A text that is handed on again after a crash is the try that it was.
func TestTheSameTryCountsOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, err := w.register(t, number(t, "0612345678"), "AB123456", "5937")
	if err != nil {
		t.Fatal(err)
	}
	want := func(pin, try string, answer text.Key) {
		t.Helper()
		if got := fault.KeyOf(w.CheckPIN(t.Context(), a.ID, pin, try)); got != answer {
			t.Errorf("%s in %s: %q, want %q", pin, try, got, answer)
		}
	}
	for range 5 {
		want("1111", "in/1", "pin.wrong")
	}
	want("1111", "in/2", "pin.wrong")
	// The third was counted, and the process died before it looked.
	_, err = w.db.Exec(t.Context(), `update account set pin_wrong = 3, pin_try = 'in/3', pin_locked_until = $1`, w.clock.now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	want("5937", "in/4", "pin.locked")
	want("5937", "in/3", "")
	want("1111", "in/4", "pin.wrong")
}

// A hundred guesses at once get three tries, as one after the other would.
func TestGuessesAtOnceGetNoFreeTry(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, err := w.register(t, number(t, "0612345678"), "AB123456", "5937")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	answers := map[text.Key]int{}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			err := w.CheckPIN(t.Context(), a.ID, "1111", "")
			mu.Lock()
			defer mu.Unlock()
			answers[fault.KeyOf(err)]++
		})
	}
	wg.Wait()
	var wrong int
	if err := w.db.QueryRow(t.Context(), `select pin_wrong from account where id = $1`, a.ID).Scan(&wrong); err != nil {
		t.Fatal(err)
	}
	if wrong != 3 || answers["pin.wrong"] != 2 || answers["pin.locked"] != 98 {
		t.Errorf("%d tries counted, answers %v", wrong, answers)
	}
}
