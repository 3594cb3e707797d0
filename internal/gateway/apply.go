package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
)

// settleIn is how long a bind that was made anew may take to be bound before
// the next one of its operator is ended: not all are away at once.
const settleIn = 10 * time.Second

// follow keeps the operators and binds as the file says until ctx ends, then
// ends them all.
func (g *Gateway) follow(ctx context.Context) {
	for {
		changed := g.cfg.Operators.watch()
		g.apply(ctx, g.cfg.Operators.Operators())
		select {
		case <-changed:
		case <-ctx.Done():
			end(slices.Concat(bindsOf(g.present())...))
			return
		}
	}
}

// apply makes the operators at work those of ops. What stays the same is not
// touched.
func (g *Gateway) apply(ctx context.Context, ops Operators) {
	var list, gone []*operator
	before := g.present()
	for i := range ops {
		at := slices.IndexFunc(before, func(o *operator) bool { return o.name == ops[i].Name })
		if at >= 0 {
			list = append(list, before[at])
			continue
		}
		o := &operator{name: ops[i].Name, pages: newPages()}
		o.list.Store(&[]*bind{})
		o.settings.Store(&ops[i])
		list = append(list, o)
	}
	for _, o := range before {
		if !slices.Contains(list, o) {
			gone = append(gone, o)
		}
	}
	g.operators.Store(&list)
	var wg sync.WaitGroup
	for i, o := range list {
		wg.Go(func() { g.applyTo(ctx, o, &ops[i]) })
	}
	for _, o := range gone {
		wg.Go(func() { end(o.binds()) })
	}
	wg.Wait()
	for _, b := range slices.Concat(bindsOf(gone)...) {
		g.cfg.Metrics.forget(b)
	}
	g.mu.Lock()
	for _, o := range gone {
		g.removed = append(g.removed, o.name)
	}
	g.mu.Unlock()
	g.ring()
}

// applyTo makes an operator as s describes it: new binds first, then those that
// are gone, then those that changed, one after the other.
func (g *Gateway) applyTo(ctx context.Context, o *operator, s *Operator) {
	o.settings.Store(s)
	before := o.binds()
	list := make([]*bind, len(s.Binds))
	var fresh, changed, gone []*bind
	for i, settings := range s.Binds {
		at := slices.IndexFunc(before, func(b *bind) bool { return b.Name == settings.Name })
		switch {
		case at < 0:
			list[i] = g.newBind(o, settings)
			fresh = append(fresh, list[i])
		case before[at].same(settings):
			list[i] = before[at]
			list[i].order.again() // its lane works by the operator's settings
		default:
			list[i] = before[at]
			changed = append(changed, before[at])
		}
	}
	for _, b := range before {
		if !slices.Contains(list, b) {
			gone = append(gone, b)
		}
	}
	o.list.Store(&list)
	for _, b := range fresh {
		b.start(ctx)
	}
	end(gone)
	for _, b := range gone {
		g.cfg.Metrics.forget(b)
	}
	for _, old := range changed {
		if ctx.Err() != nil {
			return
		}
		i := slices.Index(o.binds(), old)
		b := g.newBind(o, s.Binds[i])
		end([]*bind{old})
		list := slices.Clone(o.binds())
		list[i] = b
		o.list.Store(&list)
		b.start(ctx)
		b.settle(ctx, settleIn)
	}
}

// end ends binds in order, all at once, and waits.
func end(binds []*bind) {
	var wg sync.WaitGroup
	for _, b := range binds {
		wg.Go(b.end)
	}
	wg.Wait()
}

func bindsOf(operators []*operator) [][]*bind {
	var all [][]*bind
	for _, o := range operators {
		all = append(all, o.binds())
	}
	return all
}

// wishFor is what staff want of a bind.
func (g *Gateway) wishFor(n links.Name) links.Wanted {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, ok := g.wishes[n]
	if !ok {
		w.Wish = links.Run
	}
	return w
}
