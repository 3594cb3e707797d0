package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/ussd"
)

// step reads a USSD message; ok is false when m is an ordinary text.
func (h handler) step(d *ussd.Dialect, m smpp.ShortMessage, from private.Msisdn) (ussd.Request, bool) {
	e := ussd.Envelope{
		ServiceType: m.ServiceType, Source: from.Raw(), Dest: m.Dest.Addr,
		Bind: fmt.Sprintf("%s/%s#%d", h.b.op.name, h.b.Name, h.b.sessions.Load()), Sequence: m.Seq,
		At: h.b.g.cfg.Now(),
	}
	if op, ok := m.TLVs.Uint(smpp.TagUSSDServiceOp); ok && op <= 0xFF {
		e.Op, e.HasOp = ussd.Op(op), true
	}
	e.SessionInfo, _ = m.TLVs.Get(smpp.TagITSSessionInfo)
	e.UserMessageReference, _ = m.TLVs.Get(smpp.TagUserMessageReference)
	_, payload, err := m.SplitUDH()
	if err == nil {
		e.Text, err = d.ReadText(m.DataCoding, payload)
	}
	if err != nil {
		e.Text = "" // an answer that can't be read is asked for again
	}
	return d.Decode(e)
}

// answer runs one step and sends its page, once: a page that is late or lost
// is worth nothing, and the person dials again.
func (h handler) answer(ctx context.Context, s *smpp.Session, d *ussd.Dialect, m smpp.ShortMessage, r ussd.Request) {
	started := h.b.g.cfg.Now()
	ctx, cancel := context.WithTimeout(ctx, d.ReplyDeadline)
	defer cancel()
	reply := h.b.g.cfg.Dialogue.Step(ctx, h.b.op.name, d.Pages(), r)
	h.b.g.cfg.Metrics.stepped(h.b, r.Kind.String(), h.b.g.cfg.Now().Sub(started))
	if r.Kind == ussd.Abort || r.Kind == ussd.Timeout || r.Kind == ussd.Shown {
		return // nobody looks at an answer
	}
	if ctx.Err() != nil {
		h.dropped(ctx, "late")
		return
	}
	if d.AwaitResponse && reply.End {
		h.b.op.pages.wait(ctx, r.Msisdn)
	}
	sender, session, ok := h.b.sender(s)
	if !ok {
		h.dropped(ctx, "not_bound")
		return
	}
	if !sender.mayGo(ctx) {
		h.dropped(ctx, "rate")
		return
	}
	settled := h.b.op.pages.begin(r.Msisdn)
	err := session.SubmitAsync(ctx, page(d, m, r, reply), func(_ smpp.SubmitResult, err error) {
		settled()
		switch {
		case smpp.Unknown(err): // it may be on the screen
			h.dropped(context.WithoutCancel(ctx), "unanswered")
		case err != nil:
			h.dropped(context.WithoutCancel(ctx), "refused")
		}
	})
	if err != nil {
		settled()
		h.dropped(ctx, "not_sent")
	}
}

// mayGo takes a page's share of the bind's rate. It is taken ahead: texts ask
// for theirs and go without, so that a page waits for what has gone out and
// never for what is queued.
func (b *bind) mayGo(ctx context.Context) bool {
	return b.limit == nil || b.limit.Wait(ctx) == nil
}

func (h handler) dropped(ctx context.Context, why string) {
	h.b.g.cfg.Metrics.pageDropped(h.b, why)
	h.b.g.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "page dropped",
		slog.String("operator", h.b.op.name), slog.String("bind", h.b.Name), slog.String("why", why))
}

// page is the submit_sm for a reply, addressed back to where m came from.
func page(d *ussd.Dialect, m smpp.ShortMessage, r ussd.Request, reply ussd.Reply) smpp.ShortMessage {
	e := d.Encode(r, reply)
	out := smpp.ShortMessage{Command: smpp.SubmitSM, ServiceType: e.ServiceType, Source: m.Dest, Dest: m.Source}
	out.DataCoding, out.Payload = d.Payload(e.Text)
	if e.HasOp {
		out.TLVs.Set(smpp.TagUSSDServiceOp, []byte{byte(e.Op)})
	}
	if len(e.SessionInfo) > 0 {
		out.TLVs.Set(smpp.TagITSSessionInfo, e.SessionInfo)
	}
	if len(e.UserMessageReference) > 0 {
		out.TLVs.Set(smpp.TagUserMessageReference, e.UserMessageReference)
	}
	return out
}

// pages knows which page of whom the operator has not answered yet.
type pages struct {
	mu   *sync.Mutex
	open map[string]chan struct{}
}

func newPages() pages { return pages{mu: &sync.Mutex{}, open: map[string]chan struct{}{}} }

func (p pages) begin(msisdn string) (settled func()) {
	ch := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[msisdn] = ch
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		close(ch)
		if p.open[msisdn] == ch {
			delete(p.open, msisdn)
		}
	}
}

func (p pages) wait(ctx context.Context, msisdn string) {
	p.mu.Lock()
	ch := p.open[msisdn]
	p.mu.Unlock()
	if ch == nil {
		return
	}
	select {
	case <-ch:
	case <-ctx.Done():
	}
}
