package dialog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/ussd"
)

const (
	talkLives   = 30 * 24 * time.Hour // language, counts of help
	answerWaits = 24 * time.Hour      // an open question
	helpGap     = 5 * time.Second
	unknownGap  = time.Hour // help nobody asked for
)

// smsPage is two message parts, and one part for the rest of a screen.
var smsPage = ussd.Budget{First: 306, Next: 306, FirstUCS2: 134, NextUCS2: 134}

// Receive answers one text. The state of the conversation and the reply are
// committed together under the inbox id; an errand takes effect under a key of
// its own before. So the same text handed in twice, also at once, has one
// effect and one reply.
func (d *Dialog) Receive(ctx context.Context, in message.Inbound) error {
	leave, err := d.lanes.enter(ctx, d.Hash(in.From.Raw()))
	if err != nil {
		return fmt.Errorf("wait for the person's last text: %w", err)
	}
	defer leave()
	for range tries {
		err := d.receive(ctx, in)
		if !errors.Is(err, errTalkMoved) {
			return err
		}
	}
	return errTalkMoved
}

func (d *Dialog) receive(ctx context.Context, in message.Inbound) error {
	h, key := d.Hash(in.From.Raw()), inboxKey(in.ID)
	now := d.Now()
	had, err := d.talks.Do(ctx, talkKey{h: h, key: key, now: now})
	if err != nil || had.handled {
		return err
	}
	s := d.openTalk(h, had.version, had.sealed)
	a, err := d.account(ctx, in.From)
	if err != nil {
		return err
	}
	if s.Acc != 0 && a.ID != s.Acc { // the number has changed hands: nothing carries over
		s = &state{Lang: s.Lang}
	}
	s.Acc = a.ID
	if a.Lang.Known() {
		s.Lang = a.Lang
	}
	t := &talk{in: in, turn: turn{d: d, s: s, from: in.From, channel: form.SMS, operator: in.Operator, try: key, now: now}}
	v, err := t.hear(form.Remember(ctx))
	if err != nil {
		return fmt.Errorf("answer text %d: %w", in.ID, err)
	}
	body := t.write(v)
	t.lapse()
	c := answer{
		cmd: casework.Command{Actor: casework.Actor{Kind: casework.Citizen, ID: a.ID}, Channel: string(form.SMS), Key: key, Verb: "dialog.text"},
		h:   h, version: had.version, now: now, unread: t.unread, inbox: in.ID, lang: t.lang(),
	}
	if c.sealed, err = d.sealState(h, had.version+1, t.s); err != nil {
		return err
	}
	if body != "" {
		c.reply = &message.Outbound{
			Account: a.ID, To: in.From, Lang: t.lang(), Class: message.Decision,
			Line: text.L(v.key(), nil), Body: private.NewBody(body),
		}
	}
	if _, err = d.answers.Do(ctx, c); err == nil {
		d.Meter.Enter(form.SMS, in.Operator, v.name, t.lang())
	}
	return err
}

func inboxKey(id int64) string { return "in/" + strconv.FormatInt(id, 10) }

// key names the reply in the outbox.
func (v view) key() text.Key {
	switch {
	case v.ask.Key != "":
		return v.ask.Key
	case len(v.say) > 0:
		return v.say[0].Key
	}
	return "dialog.reply"
}

// openTalk gives an empty state for a conversation that begins, or whose key
// is lost.
func (d *Dialog) openTalk(h string, version uint64, sealed []byte) *state {
	if sealed != nil {
		if s, err := d.openState(h, version, sealed); err == nil {
			return s
		}
	}
	return &state{}
}

func (d *Dialog) saveTalk(ctx context.Context, tx pgx.Tx, h string, version uint64, s *state, now time.Time) error {
	sealed, err := d.sealState(h, version+1, s)
	if err != nil {
		return err
	}
	return d.saveTalks(ctx, tx, []string{h}, []int64{int64(version)}, [][]byte{sealed}, now)
}

// Expect is for a text that asks something in the name of an entry: until the
// given time, a bare number in answer opens that entry with args and is its
// first answer. It takes part in the transaction that sends the question. A
// conversation in progress goes on undisturbed.
func (d *Dialog) Expect(ctx context.Context, tx pgx.Tx, account int64, entry string, args []string, until time.Time) error {
	if _, ok := d.newest(entry); !ok {
		return fmt.Errorf("expect an answer for %s: no such entry", entry)
	}
	contacts, err := d.Contacts.Contacts(ctx, tx, []int64{account})
	if err != nil {
		return fmt.Errorf("expect an answer for %s: %w", entry, err)
	}
	to, ok := contacts[account]
	if !ok {
		return nil // no number to answer from
	}
	h, now := d.Hash(to.Msisdn.Raw()), d.Now()
	var version uint64
	var sealed []byte
	if err := tx.QueryRow(ctx, sqlTalkLock, h, now).Scan(&version, &sealed); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("expect an answer for %s: %w", entry, err)
	}
	s := d.openTalk(h, version, sealed)
	if s.At == atMenu || s.At == atSay || s.At == atLang { // a number answers what was asked last
		s.At = ""
	}
	s.Expect = &expect{Entry: entry, Args: args, Until: until.UnixMilli()}
	return d.saveTalk(ctx, tx, h, version, s, now)
}

func (t *talk) lang() text.Lang { return orLang(t.s.Lang, t.d.Lang) }

// lapse sets how long the open question waits, and forgets what is over.
func (t *talk) lapse() {
	if t.s.At == atEnd {
		t.forget()
		t.s.PINAt = 0
	}
	lives := answerWaits
	if t.s.Run != nil && t.s.Run.Holds {
		lives = holdingLives
	}
	t.s.Until = t.now.Add(lives).UnixMilli()
}

// forget closes whatever is open.
func (t *talk) forget() {
	t.s.At, t.s.Run, t.s.Menu, t.s.After, t.s.Args, t.s.Said, t.s.Wish, t.s.Wrong = "", nil, nil, "", nil, "", "", 0
}

// viewMore is the view of a page that was drawn before.
const viewMore = "more"

// write gives the text of a view; what two parts do not hold waits for SUITE.
func (t *talk) write(v view) string {
	switch v.name {
	case "": // nothing is answered
		return ""
	case viewMore:
	default:
		t.s.Rest = ussd.Paginate(t.screen(v), smsPage, ussd.Nav{More: t.d.Catalogue.Write(t.lang(), text.L("dialog.sms_more", nil))})
	}
	page := t.s.Rest[0]
	t.s.Rest = t.s.Rest[1:]
	return page
}
