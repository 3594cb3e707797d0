package gateway

import (
	"testing"

	"github.com/wasl-sms/wasl/internal/links"
)

// A bind that is made anew waits for the one before it to end. What staff wish
// meanwhile reaches neither, and holds for the new one from its first moment.
func TestAWishWhileABindIsMadeAnew(t *testing.T) {
	t.Parallel()
	g, err := New(Config{Operators: Fixed(nil)})
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{name: "north"}
	o.settings.Store(&Operator{Name: "north"})
	o.list.Store(&[]*bind{})
	b := g.newBind(o, Bind{Name: "1", Address: "127.0.0.1:1"})
	g.mu.Lock()
	g.wishes[b.id()] = links.Wanted{Wish: links.Drain}
	g.mu.Unlock()
	b.start(t.Context())
	defer b.end()
	if w := b.order.wish(); w != links.Drain {
		t.Errorf("it begins to %s", w)
	}
}
