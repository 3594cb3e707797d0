package casework_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/text"
)

// Several commands take effect together or not at all.
func TestTogether(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	some := func(keys ...string) (cs []casework.Command) {
		for _, k := range keys {
			cs = append(cs, casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: b.account}, Channel: "sms", Key: k, Verb: "test"})
		}
		return cs
	}
	planted := errors.New("planted")
	for i, c := range []struct {
		keys []string
		fail error
		line text.Key
		want error
		left int // commands afterwards
	}{
		{keys: []string{"a", "b"}, left: 2},
		{keys: []string{"c", "b"}, want: casework.ErrTaken, left: 2},
		{keys: []string{"c", "c"}, want: casework.ErrTaken, left: 2},
		{keys: []string{"c", "d"}, fail: planted, want: planted, left: 2},
		{keys: []string{"c", "d"}, left: 4},
	} {
		ran := false
		err := b.book.Together(t.Context(), some(c.keys...), func(_ context.Context, tx *casework.Joint) error {
			ran = true
			tx.Tell(message.Outbound{Line: text.L("x", nil)})
			return c.fail
		})
		if !errors.Is(err, c.want) || ran == errors.Is(c.want, casework.ErrTaken) {
			t.Errorf("%d: %v, want %v; ran: %v", i, err, c.want, ran)
		}
		var n int
		if err := b.db.QueryRow(t.Context(), `select count(*) from command where channel = 'sms'`).Scan(&n); err != nil || n != c.left {
			t.Errorf("%d: %d commands, want %d (%v)", i, n, c.left, err)
		}
	}
	if err := b.book.Together(t.Context(), some(""), nil); err == nil {
		t.Error("a command without a key was run")
	}
	err := b.book.Together(t.Context(), some("e", "f"), func(_ context.Context, tx *casework.Joint) error {
		tx.Tell(message.Outbound{Line: text.L("planted.failure", nil)})
		return nil
	})
	var n int
	if scan := b.db.QueryRow(t.Context(), `select count(*) from command where channel = 'sms'`).Scan(&n); err == nil || n != 4 {
		t.Errorf("texts that can't be stored: %v, %d commands (%v)", err, n, fmt.Sprint(scan))
	}
}
