package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// Contacts tells how accounts are reached. Accounts without a number are left
// out of the answer.
type Contacts interface {
	Contacts(ctx context.Context, tx pgx.Tx, accounts []int64) (map[int64]message.Contact, error)
}

// Texts writes a line out in a language.
type Texts interface {
	Write(l text.Lang, line text.Line) string
}

// Vault seals what may not lie in the open, and gives a number an index that
// can be searched and not read.
type Vault interface {
	Seal(table, column string, row int64, plain []byte) ([]byte, error)
	Open(table, column string, row int64, sealed []byte) ([]byte, error)
	BlindIndex(kind, value string) []byte
}

// Config is what an Outbox stands on.
type Config struct {
	DB       *postgres.DB
	Texts    Texts
	Contacts Contacts
	Vault    Vault
	// Route names the operator that serves a number, or "".
	Route func(private.Msisdn) string
	// Manner tells how an operator wants its texts. Nil: all alike.
	Manner func(operator string) Manner
	// Holding lists the operators whose parts in doubt are given up rather
	// than sent again. Nil: none.
	Holding func() []string
	// Listen is how long an operator is listened to before what it says
	// nothing of is decided. 0: two minutes.
	Listen  time.Duration
	Metrics *Metrics // may be nil
	Now     func() time.Time
}

// Outbox stores and sends texts. It is safe for concurrent use.
type Outbox struct {
	cfg      Config
	bell     *bell
	ear      *ear
	receipts chan receiptJob
}

var _ casework.Outbox = (*Outbox)(nil)

// New makes an Outbox.
func New(cfg Config) *Outbox {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Manner == nil {
		cfg.Manner = func(string) Manner { return Manner{} }
	}
	if cfg.Holding == nil {
		cfg.Holding = func() []string { return nil }
	}
	if cfg.Listen == 0 {
		cfg.Listen = inDoubtWait
	}
	o := &Outbox{cfg: cfg, bell: newBell(), ear: newEar(), receipts: make(chan receiptJob)}
	o.ear.open(itself, cfg.Now)
	return o
}

// Enqueue stores texts in tx: they are sent if, and only if, tx commits. A
// text whose occasion was told before is dropped in silence. Texts without a
// number, without an operator or held back by STOP are stored too, in a final
// state that says so.
func (o *Outbox) Enqueue(ctx context.Context, tx pgx.Tx, texts []message.Outbound) error {
	if len(texts) == 0 {
		return nil
	}
	contacts, err := o.contacts(ctx, tx, texts)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, sqlMessageIDs, len(texts))
	if err != nil {
		return fmt.Errorf("outbox: draw ids: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("outbox: draw ids: %w", err)
	}
	b := newInsert(len(texts))
	now := o.cfg.Now()
	for i, t := range texts {
		if err := o.add(b, ids[i], t, contacts[t.Account], now); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, sqlEnqueue, append(b.args(now), o.bell.may(now))...); err != nil {
		return fmt.Errorf("outbox: store %d texts: %w", len(texts), err)
	}
	postgres.OnCommit(ctx, func() {
		for _, operator := range b.hurried() {
			o.bell.ring(operator)
		}
	})
	return nil
}

func (o *Outbox) contacts(ctx context.Context, tx pgx.Tx, texts []message.Outbound) (map[int64]message.Contact, error) {
	var accounts []int64
	seen := map[int64]bool{}
	for _, t := range texts {
		told := !t.To.IsZero() && t.Lang != "" && !t.Proactive // all there is to know
		if t.Account != 0 && !told && !seen[t.Account] {
			seen[t.Account] = true
			accounts = append(accounts, t.Account)
		}
	}
	if len(accounts) == 0 {
		return nil, nil
	}
	contacts, err := o.cfg.Contacts.Contacts(ctx, tx, accounts)
	if err != nil {
		return nil, fmt.Errorf("outbox: find numbers: %w", err)
	}
	return contacts, nil
}

// add renders, routes, counts and seals one text.
func (o *Outbox) add(b *insert, id int64, t message.Outbound, c message.Contact, now time.Time) error {
	number, lang := c.Msisdn, c.Lang
	if !t.To.IsZero() {
		number = t.To
	}
	if t.Lang != "" {
		lang = t.Lang
	}
	if lang == "" {
		lang = text.French
	}
	body := o.write(lang, t)
	operator := ""
	if !number.IsZero() {
		operator = o.cfg.Route(number)
	}
	manner := o.cfg.Manner(operator)
	form := manner.Form.orDefault()
	readable := true
	if manner.NoUCS2 {
		lang, body, readable = o.latin(lang, body, t)
	}
	parts := form.parts(body)

	state, reason, due := Queued, "", now
	switch {
	case number.IsZero():
		state, reason = Refused, "no_number"
	case t.Proactive && c.OptOut:
		state, reason = Withdrawn, "stop"
	case operator == "":
		state, reason = Refused, "no_route"
	case !readable:
		state, reason = Refused, "alphabet"
	case parts == 0 || body == "":
		return fmt.Errorf("outbox: %s in %s is not a text that can be sent", t.Line.Key, lang)
	case t.NotBefore.After(now):
		state, due = Later, t.NotBefore
	}
	class := t.Class
	if class == 0 {
		class = message.Information
	}
	expires := t.Expires
	if expires.IsZero() {
		expires = due.Add(policyOf(class).lifetime)
	}
	sealedNumber, err := o.seal("number_sealed", id, number.Raw())
	if err != nil {
		return err
	}
	sealedBody, err := o.seal("body_sealed", id, body)
	if err != nil {
		return err
	}
	b.id = append(b.id, id)
	b.caseID = append(b.caseID, zeroNil(t.CaseID))
	b.account = append(b.account, zeroNil(t.Account))
	b.occasion = append(b.occasion, zeroNil(t.Dedupe))
	b.key = append(b.key, string(t.Line.Key))
	b.lang = append(b.lang, string(lang))
	b.class = append(b.class, int16(class))
	b.operator = append(b.operator, operator)
	b.recipient = append(b.recipient, o.recipient(number))
	b.number = append(b.number, sealedNumber)
	b.body = append(b.body, sealedBody)
	b.form = append(b.form, string(form))
	b.parts = append(b.parts, int16(parts))
	b.state = append(b.state, string(state))
	b.reason = append(b.reason, zeroNil(reason))
	b.due = append(b.due, due)
	b.expires = append(b.expires, expires)
	b.final = append(b.final, state.final())
	return nil
}

// write gives a text's words in a language, in GSM-7 where they can be.
func (o *Outbox) write(lang text.Lang, t message.Outbound) string {
	body := t.Body.Raw()
	if body == "" {
		body = o.cfg.Texts.Write(lang, t.Line)
	}
	return gsm.Fold(strings.TrimSpace(body))
}

func (o *Outbox) recipient(n private.Msisdn) []byte {
	return o.cfg.Vault.BlindIndex("msisdn", n.Raw())
}

func (o *Outbox) seal(column string, id int64, plain string) ([]byte, error) {
	sealed, err := o.cfg.Vault.Seal("message", column, id, []byte(plain))
	if err != nil {
		return nil, fmt.Errorf("outbox: seal %s: %w", column, err)
	}
	return sealed, nil
}

func zeroNil[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
