package desk

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
)

// Issued is what a member of staff is handed to log in with. It is shown once
// and stored nowhere as it stands.
type Issued struct {
	StaffID     int64
	Login, Name string
	Password    string
	Secret      string // for the authenticator, in groups of four
	secret      string
}

func issue() Issued {
	base := base32.StdEncoding.WithPadding(base32.NoPadding)
	raw := make([]byte, 30)
	_, _ = rand.Read(raw) // ends the process rather than fail
	secret := base.EncodeToString(raw[:20])
	return Issued{Password: groups(strings.ToLower(base.EncodeToString(raw[20:])), "-"), Secret: groups(secret, " "), secret: secret}
}

// groups cuts a word in fours, as it is read out.
func groups(s, between string) string {
	var out []string
	for ; len(s) > 4; s = s[4:] {
		out = append(out, s[:4])
	}
	return strings.Join(append(out, s), between)
}

// Enrol makes an account without grants. Sent twice, the second answer is a
// Conflict: what was shown once is not shown again.
func (d *Desk) Enrol(ctx context.Context, w Who, nonce string, s Staff) (Issued, error) {
	if err := w.Allow(RunStaff); err != nil {
		return Issued{}, err
	}
	out := issue()
	s.Password, s.Secret, s.Grants = out.Password, out.secret, nil
	id, replayed, err := d.addStaff(ctx, w.Command("staff.add", nonce), s)
	if err == nil && replayed {
		err = fault.Conflict("desk.shown_once", nil)
	}
	if err != nil {
		return Issued{}, err
	}
	out.StaffID, out.Login, out.Name = id, s.Login, s.Name
	return out, nil
}

// Reissue gives a member of staff a new password and a new authenticator
// secret; sessions opened with the old ones end. Nobody does it for themself.
func (d *Desk) Reissue(ctx context.Context, w Who, nonce string, id int64) (Issued, error) {
	if err := w.forAnother(id); err != nil {
		return Issued{}, err
	}
	out := issue()
	hash, err := d.hashPassword(ctx, out.Password)
	if err != nil {
		return Issued{}, err
	}
	sealed, err := d.keys.Seal("staff", "totp_sealed", id, []byte(out.secret))
	if err != nil {
		return Issued{}, fmt.Errorf("seal a second factor: %w", err)
	}
	replayed, err := d.book.Do(ctx, w.Command("staff.reissue", nonce), nil, func(ctx context.Context, tx *casework.Tx) error {
		err := tx.QueryRow(ctx, sqlReissue, id, hash, sealed, tx.Now()).Scan(&out.Login)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFound("desk.no_such_staff", nil)
		}
		if err != nil {
			return fmt.Errorf("new keys for staff %d: %w", id, err)
		}
		tx.Audit(casework.Entry{Action: "staff.reissue", ObjectKind: "staff", ObjectID: id})
		return nil
	})
	if err == nil && replayed {
		err = fault.Conflict("desk.shown_once", nil)
	}
	if err != nil {
		return Issued{}, err
	}
	out.StaffID = id
	return out, nil
}

// forAnother is the separation of duties: whoever runs the accounts does not
// appoint themself to anything, least of all to what decides.
func (w Who) forAnother(id int64) error {
	if err := w.Allow(RunStaff); err != nil {
		return err
	}
	if id == w.StaffID {
		return fault.Forbidden("desk.not_own_grants", nil)
	}
	return nil
}

// Appoint grants a role. A grant without a day of training is not in force yet.
func (d *Desk) Appoint(ctx context.Context, w Who, nonce string, id int64, g Grant) error {
	return d.changeGrant(ctx, w, nonce, "staff.grant", id, func(ctx context.Context, tx *casework.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, sqlAddGrant, g.args(id, tx.Now())...)
		switch postgres.Violated(err) {
		case "":
		case "staff_grant_staff_id_fkey":
			return 0, nil
		default:
			return 0, fault.Invalid("desk.bad_grant", nil).With(err)
		}
		return tag.RowsAffected(), err
	}, map[string]any{"role": g.Role, "authority": g.AuthorityID, "establishment": g.EstablishmentID})
}

// EndGrant takes a role away now; one that was to begin later never does.
func (d *Desk) EndGrant(ctx context.Context, w Who, nonce string, id, grant int64) error {
	return d.changeGrant(ctx, w, nonce, "staff.end_grant", id, func(ctx context.Context, tx *casework.Tx) (n int64, err error) {
		err = tx.QueryRow(ctx, sqlEndGrant, grant, id, tx.Now()).Scan(&n)
		return n, err
	}, map[string]any{"grant": grant})
}

// Train notes the day of training, with which a grant comes into force.
func (d *Desk) Train(ctx context.Context, w Who, nonce string, id, grant int64, day time.Time) error {
	if day.After(d.now()) {
		return fault.Invalid("desk.training_to_come", nil)
	}
	return d.changeGrant(ctx, w, nonce, "staff.train", id, func(ctx context.Context, tx *casework.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, sqlTrained, grant, id, day)
		return tag.RowsAffected(), err
	}, map[string]any{"grant": grant, "day": day.Format(time.DateOnly)})
}

func (d *Desk) changeGrant(ctx context.Context, w Who, nonce, verb string, id int64,
	change func(context.Context, *casework.Tx) (int64, error), detail map[string]any,
) error {
	if err := w.forAnother(id); err != nil {
		return err
	}
	_, err := d.book.Do(ctx, w.Command(verb, nonce), nil, func(ctx context.Context, tx *casework.Tx) error {
		n, err := change(ctx, tx)
		if err != nil {
			return fmt.Errorf("%s %d: %w", verb, id, err)
		}
		if n == 0 {
			return fault.NotFound("desk.no_such_staff", nil)
		}
		tx.Audit(casework.Entry{Action: verb, ObjectKind: "staff", ObjectID: id, Detail: detail})
		return nil
	})
	return err
}

// Member gives one member of staff.
func (d *Desk) Member(ctx context.Context, w Who, id int64) (Member, error) {
	if err := w.Allow(RunStaff); err != nil {
		return Member{}, err
	}
	rows, err := d.db.Query(ctx, sqlMember, id)
	if err != nil {
		return Member{}, fmt.Errorf("read staff %d: %w", id, err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Member])
	if errors.Is(err, pgx.ErrNoRows) {
		return m, fault.NotFound("desk.no_such_staff", nil)
	}
	if err != nil {
		return m, fmt.Errorf("read staff %d: %w", id, err)
	}
	return m, nil
}

// Post is an authority or an establishment at which a role is held.
type Post struct {
	ID             int64
	NameFr, NameAr string
	TZ             string
}

// Posts lists where a role can be held; administrators and auditors hold
// theirs everywhere.
func (d *Desk) Posts(ctx context.Context, w Who, r Role) ([]Post, error) {
	if err := w.Allow(RunStaff); err != nil {
		return nil, err
	}
	rows, err := d.db.Query(ctx, sqlPosts, r)
	if err != nil {
		return nil, fmt.Errorf("list posts: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Post])
	if err != nil {
		return nil, fmt.Errorf("list posts: %w", err)
	}
	return all, nil
}
