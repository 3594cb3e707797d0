package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

// A session ends after idle without a page, and after longest whatever happens.
const (
	idle    = 15 * time.Minute
	longest = 10 * time.Hour
)

// Wrong tries: four are free, then each doubles the lock.
const (
	freeTries = 4
	firstLock = time.Minute
	longLock  = time.Hour
)

// Credentials are what a member of staff gives at the door.
type Credentials struct {
	Login, Password string
	Code            string // of the authenticator
}

// Login opens a session and gives its token, which is stored nowhere but in
// the browser. Every try is counted before it is checked; whichever of the
// three was wrong, the answer is the same Invalid fault.
func (d *Desk) Login(ctx context.Context, in Credentials) (token string, err error) {
	now := d.now()
	login := strings.ToLower(strings.TrimSpace(in.Login))
	a := attempt{hash: nobody}
	err = d.db.QueryRow(ctx, sqlChargeTry, login, now, freeTries, firstLock, longLock).
		Scan(&a.id, &a.hash, &a.secret, &a.step, &a.wrong, &a.locked, &a.charged)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("count a try to log in: %w", err)
	}
	if a.id != 0 && !a.charged {
		return "", fault.Forbidden("desk.login.locked", fault.Params{"wait": a.locked.Sub(now)})
	}
	step, err := d.right(ctx, a, in, now)
	if err != nil {
		return "", err
	}
	if step == 0 {
		refused := casework.Entry{Action: "staff.login_refused", ObjectKind: "staff", ObjectID: a.id}
		if err := d.note(ctx, casework.Actor{Kind: casework.System, Role: "login"}, refused); err != nil {
			return "", err
		}
		return "", fault.Invalid("desk.login.wrong", nil)
	}
	return d.open(ctx, a.id, step)
}

type attempt struct {
	id      int64
	hash    string
	secret  []byte
	step    int64
	wrong   int
	locked  *time.Time
	charged bool
}

// right gives the time step of the code, or 0 when anything is wrong.
func (d *Desk) right(ctx context.Context, a attempt, in Credentials, now time.Time) (int64, error) {
	same, err := d.samePassword(ctx, a.hash, in.Password)
	if err != nil || a.id == 0 {
		return 0, err
	}
	secret, err := d.keys.Open("staff", "totp_sealed", a.id, a.secret)
	if err != nil {
		return 0, fmt.Errorf("open the second factor of staff %d: %w", a.id, err)
	}
	code := strings.Join(strings.Fields(in.Code), "")
	for _, ago := range []time.Duration{0, -period, period} {
		at := now.Add(ago)
		want, err := totp.GenerateCode(string(secret), at)
		if err != nil {
			return 0, fmt.Errorf("second factor of staff %d: %w", a.id, err)
		}
		step := at.Unix() / int64(period/time.Second)
		if same && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > a.step {
			return step, nil
		}
	}
	return 0, nil
}

const period = 30 * time.Second // RFC 6238 §4.1

func (d *Desk) open(ctx context.Context, staff, step int64) (string, error) {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // ends the process rather than fail
	token := base64.RawURLEncoding.EncodeToString(raw)
	cmd := casework.Command{
		Actor:   casework.Actor{Kind: casework.Staff, ID: staff},
		Channel: Channel, Key: "login/" + Nonce(), Verb: "staff.login",
	}
	_, err := d.book.Do(ctx, cmd, nil, func(ctx context.Context, tx *casework.Tx) error {
		tag, err := tx.Exec(ctx, sqlTakeStep, staff, step)
		if err != nil {
			return fmt.Errorf("log in: %w", err)
		}
		if tag.RowsAffected() == 0 { // the same code, a moment earlier
			return fault.Invalid("desk.login.wrong", nil)
		}
		grants, err := d.grants(ctx, tx, staff)
		if err != nil {
			return err
		}
		if len(grants) == 0 {
			return fault.Forbidden("desk.login.no_role", nil)
		}
		if _, err := tx.Exec(ctx, sqlOpenSession, hashToken(token), staff, grants[0].Role, tx.Now()); err != nil {
			return fmt.Errorf("log in: %w", err)
		}
		tx.Audit(casework.Entry{Action: "staff.login", ObjectKind: "staff", ObjectID: staff})
		return nil
	})
	return token, err
}

func hashToken(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// Resume gives who a token belongs to. A session that ended, lay idle or is
// too old is Forbidden. With touch, the idle time begins anew.
func (d *Desk) Resume(ctx context.Context, token string, touch bool) (Who, error) {
	now := d.now()
	w := Who{token: hashToken(token)}
	var seen *time.Time
	if touch {
		seen = &now
	}
	err := d.db.QueryRow(ctx, sqlResume, w.token, now.Add(-idle), now.Add(-longest), seen).
		Scan(&w.StaffID, &w.Login, &w.Name, &w.Lang, &w.Role)
	if errors.Is(err, pgx.ErrNoRows) {
		return Who{}, fault.Forbidden("desk.session_over", nil)
	}
	if err != nil {
		return Who{}, fmt.Errorf("resume a session: %w", err)
	}
	grants, err := d.grants(ctx, d.db, w.StaffID)
	if err != nil {
		return Who{}, err
	}
	if !slices.ContainsFunc(grants, func(g grant) bool { return g.Role == w.Role }) {
		if len(grants) == 0 {
			return Who{}, fault.Forbidden("desk.login.no_role", nil)
		}
		w.Role = grants[0].Role
	}
	return w, w.put(grants)
}

// grant is one grant in force.
type grant struct {
	Role            Role
	AuthorityID     *int64
	EstablishmentID *int64
	Country         *string
	TZ              *string
}

func (d *Desk) grants(ctx context.Context, q casework.Querier, staff int64) ([]grant, error) {
	rows, err := q.Query(ctx, sqlGrantsInForce, staff, d.now())
	if err != nil {
		return nil, fmt.Errorf("grants of staff %d: %w", staff, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[grant])
	if err != nil {
		return nil, fmt.Errorf("grants of staff %d: %w", staff, err)
	}
	return all, nil
}

func (w *Who) put(grants []grant) error {
	w.Zone = time.UTC
	for _, g := range grants {
		if !slices.Contains(w.Roles, g.Role) {
			w.Roles = append(w.Roles, g.Role)
		}
		if g.Role != w.Role {
			continue
		}
		if g.AuthorityID != nil {
			w.Authorities = append(w.Authorities, *g.AuthorityID)
		}
		if g.EstablishmentID != nil {
			w.Establishments = append(w.Establishments, *g.EstablishmentID)
		}
		if g.Country != nil && !slices.Contains(w.Countries, *g.Country) {
			w.Countries = append(w.Countries, *g.Country)
		}
		if g.TZ != nil && w.Zone == time.UTC {
			zone, err := time.LoadLocation(*g.TZ)
			if err != nil {
				return fmt.Errorf("zone of staff %d: %w", w.StaffID, err)
			}
			w.Zone = zone
		}
	}
	return nil
}

// Logout ends the session.
func (d *Desk) Logout(ctx context.Context, w Who) error {
	return d.change(ctx, w, "staff.logout", func(ctx context.Context, tx *casework.Tx) error {
		_, err := tx.Exec(ctx, sqlEndSession, w.token, tx.Now())
		return err
	})
}

// PutOn changes the role of the session to another one that is granted.
func (d *Desk) PutOn(ctx context.Context, w Who, r Role) error {
	if !slices.Contains(w.Roles, r) {
		return fault.Forbidden("desk.not_your_role", nil)
	}
	return d.change(ctx, w, "staff.role", func(ctx context.Context, tx *casework.Tx) error {
		_, err := tx.Exec(ctx, sqlPutOn, w.token, r)
		return err
	})
}

// SetLang changes the language of the person's pages.
func (d *Desk) SetLang(ctx context.Context, w Who, l text.Lang) error {
	if !slices.Contains(text.Staff(), l) {
		return fault.Invalid("desk.no_such_language", nil)
	}
	if _, err := d.db.Exec(ctx, sqlSetLang, w.StaffID, l); err != nil {
		return fmt.Errorf("set language: %w", err)
	}
	return nil
}

func (d *Desk) change(ctx context.Context, w Who, action string, fn func(context.Context, *casework.Tx) error) error {
	_, err := d.book.Do(ctx, w.Command(action, Nonce()), nil, func(ctx context.Context, tx *casework.Tx) error {
		if err := fn(ctx, tx); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Audit(casework.Entry{Action: action, ObjectKind: "staff", ObjectID: w.StaffID})
		return nil
	})
	return err
}
