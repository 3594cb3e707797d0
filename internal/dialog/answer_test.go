package dialog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/wasl-sms/wasl/internal/dialog"
	"github.com/wasl-sms/wasl/internal/message"
)

// TestTextsOfManyAtOnce: each of many people's texts is answered once, though
// each is handed in twice, by two processes, and one can't be answered at all.
func TestTextsOfManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dialog.Limits{}, nil)
	other, err := dialog.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	const people = 40
	var texts []message.Inbound
	for i := range people {
		body := []string{"AIDE", "FR", "hello there", "SUIVI 12345671"}[i%4]
		texts = append(texts, w.inbox(fmt.Sprintf("+2126100%05d", i), body))
	}
	if _, err := w.db.Exec(t.Context(), `alter table told add constraint poison check (number <> '+212610000012')`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var wg sync.WaitGroup
		for i, in := range texts {
			for _, d := range []*dialog.Dialog{w.dialog, other} {
				wg.Go(func() {
					if err := d.Receive(context.Background(), in); (err != nil) != (i == 12) {
						t.Errorf("text %d: %v", i, err)
					}
				})
			}
		}
		wg.Wait()
	}
	if n := w.count("select count(*) from told"); n != people-1 {
		t.Errorf("%d replies, want %d", n, people-1)
	}
	if n := w.count("select count(*) from sms_talk where version = 1"); n != people-1 {
		t.Errorf("%d conversations after their first text, want %d", n, people-1)
	}
	if n, want := w.count("select count(*) from unread_text"), people/4; n != want {
		t.Errorf("%d texts marked as unread, want %d", n, want)
	}
}
