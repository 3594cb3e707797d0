package desk

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

// Staff is a new member of staff.
type Staff struct {
	Login    string // small letters, digits, . _ -
	Name     string
	Lang     text.Lang
	Password string
	Hash     PasswordHash // where set, instead of Password
	Secret   string       // of the authenticator, base32
	Grants   []Grant
}

// Grant appoints to a role at an authority or an establishment. It is in force
// from From (zero: now) until To (zero: until ended), once trained.
type Grant struct {
	Role            Role
	AuthorityID     int64
	EstablishmentID int64
	From, To        time.Time
	TrainedOn       time.Time
}

// PasswordHash is a password as it is stored.
type PasswordHash string

// HashPassword hashes a password that several are to be given, as samples are.
func (d *Desk) HashPassword(ctx context.Context, password string) (PasswordHash, error) {
	hash, err := d.hashPassword(ctx, password)
	return PasswordHash(hash), err
}

// AddStaff makes an account with its grants and gives its id. A login that is
// taken is a Conflict.
func (d *Desk) AddStaff(ctx context.Context, cmd casework.Command, s Staff) (int64, error) {
	id, _, err := d.addStaff(ctx, cmd, s)
	return id, err
}

func (d *Desk) addStaff(ctx context.Context, cmd casework.Command, s Staff) (id int64, replayed bool, err error) {
	if _, err := totp.GenerateCode(s.Secret, d.now()); err != nil {
		return 0, false, fault.Invalid("desk.bad_secret", nil).With(err)
	}
	hash := string(s.Hash)
	if hash == "" {
		if hash, err = d.hashPassword(ctx, s.Password); err != nil {
			return 0, false, err
		}
	}
	if s.Lang == "" {
		s.Lang = text.French
	}
	cmd.Verb = "staff.add"
	replayed, err = d.book.Do(ctx, cmd, &id, func(ctx context.Context, tx *casework.Tx) error {
		if err := tx.QueryRow(ctx, sqlNextStaff).Scan(&id); err != nil {
			return fmt.Errorf("add staff: %w", err)
		}
		secret, err := d.keys.Seal("staff", "totp_sealed", id, []byte(s.Secret))
		if err != nil {
			return fmt.Errorf("add staff: %w", err)
		}
		batch := &pgx.Batch{}
		batch.Queue(sqlAddStaff, id, s.Login, s.Name, s.Lang, hash, secret, tx.Now())
		for _, g := range s.Grants {
			batch.Queue(sqlAddGrant, g.args(id, tx.Now())...)
		}
		err = tx.SendBatch(ctx, batch).Close()
		switch postgres.Violated(err) {
		case "staff_login_key":
			return fault.Conflict("desk.login_taken", nil)
		case "":
		default:
			return fault.Invalid("desk.bad_staff", nil).With(err)
		}
		if err != nil {
			return fmt.Errorf("add staff: %w", err)
		}
		tx.Audit(casework.Entry{Action: "staff.add", ObjectKind: "staff", ObjectID: id})
		return nil
	})
	return id, replayed, err
}

func (g Grant) args(staff int64, now time.Time) []any {
	if g.From.IsZero() {
		g.From = now
	}
	return []any{staff, g.Role, zeroNil(g.AuthorityID), zeroNil(g.EstablishmentID), g.From, dayNil(g.To), dayNil(g.TrainedOn)}
}

func zeroNil(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func dayNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Member is a line of the administrator's list.
type Member struct {
	ID          int64
	Login       string
	Name        string
	Active      bool
	LockedUntil *time.Time
	LastSeen    *time.Time
	Grants      []MemberGrant
}

// MemberGrant is one grant on that list.
type MemberGrant struct {
	ID      int64      `json:"id"`
	Role    Role       `json:"role"`
	Where   string     `json:"where"`
	WhereAr string     `json:"where_ar"`
	From    time.Time  `json:"from"`
	To      *time.Time `json:"to"`
	Trained *string    `json:"trained"`
}

// TrainedOn gives the day of training, once noted.
func (g MemberGrant) TrainedOn() *time.Time {
	if g.Trained == nil {
		return nil
	}
	day, err := time.Parse(time.DateOnly, *g.Trained)
	if err != nil {
		return nil
	}
	return &day
}

// Over tells whether a grant has ended.
func (g MemberGrant) Over(now time.Time) bool { return g.To != nil && !g.To.After(now) }

// Members lists all staff.
func (d *Desk) Members(ctx context.Context, w Who) ([]Member, error) {
	if err := w.Allow(RunStaff); err != nil {
		return nil, err
	}
	rows, err := d.db.Query(ctx, sqlMembers)
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Member])
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	return all, nil
}

// Unlock lets a member of staff try again at once.
func (d *Desk) Unlock(ctx context.Context, w Who, nonce string, id int64) error {
	return d.runStaff(ctx, w, nonce, "staff.unlock", id, sqlUnlock)
}

// SetActive opens or shuts an account; shut, its sessions end with it.
func (d *Desk) SetActive(ctx context.Context, w Who, nonce string, id int64, active bool) error {
	if id == w.StaffID {
		return fault.Invalid("desk.not_yourself", nil)
	}
	if active {
		return d.runStaff(ctx, w, nonce, "staff.open", id, sqlActivate)
	}
	return d.runStaff(ctx, w, nonce, "staff.shut", id, sqlShut, d.now())
}

func (d *Desk) runStaff(ctx context.Context, w Who, nonce, verb string, id int64, sql string, more ...any) error {
	if err := w.Allow(RunStaff); err != nil {
		return err
	}
	_, err := d.book.Do(ctx, w.Command(verb, nonce), nil, func(ctx context.Context, tx *casework.Tx) error {
		tag, err := tx.Exec(ctx, sql, append([]any{id}, more...)...)
		if err != nil {
			return fmt.Errorf("%s %d: %w", verb, id, err)
		}
		if tag.RowsAffected() == 0 {
			return fault.NotFound("desk.no_such_staff", nil)
		}
		tx.Audit(casework.Entry{Action: verb, ObjectKind: "staff", ObjectID: id})
		return nil
	})
	return err
}
