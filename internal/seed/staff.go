package seed

import (
	"context"
	"encoding/base32"
	"fmt"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

// Password is every sample login's.
const Password = "wasl-demo-2026"

type clerk struct {
	Login, Name, Role, Authority, Establishment string
	Lang                                        text.Lang
}

// Login is a sample login with the secret of its authenticator.
type Login struct {
	Login, Secret string
	Role          desk.Role
	Where         string // authority or establishment, in French
}

// Secrets makes what sample authenticators are drawn from.
type Secrets interface {
	CodeMAC(what string) []byte
}

// Staff makes the sample logins; those that exist stay as they are. The
// secrets follow from the key file, so that they survive a restart.
func Staff(ctx context.Context, db *postgres.DB, d *desk.Desk, keys Secrets, now time.Time) ([]Login, error) {
	var s sample
	if _, err := toml.Decode(sampleFile, &s); err != nil {
		return nil, fmt.Errorf("read sample: %w", err)
	}
	authorities, houses, err := s.places(ctx, db)
	if err != nil {
		return nil, err
	}
	hash, err := d.HashPassword(ctx, Password) // once for all: it takes its time on purpose
	if err != nil {
		return nil, fmt.Errorf("sample password: %w", err)
	}
	logins := make([]Login, len(s.Staff))
	for i, c := range s.Staff { // a dozen, once
		l := Login{Login: c.Login, Role: desk.Role(c.Role), Secret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(keys.CodeMAC("sample/" + c.Login)[:20])}
		g := desk.Grant{Role: l.Role, From: now.AddDate(0, 0, -1), TrainedOn: now.AddDate(0, 0, -1)}
		if a, ok := authorities[c.Authority]; ok {
			g.AuthorityID, l.Where = a.id, a.name
		}
		if h, ok := houses[c.Establishment]; ok {
			g.EstablishmentID, l.Where = h.id, h.name
		}
		cmd := casework.Command{Actor: casework.Actor{Kind: casework.System, Role: "seed"}, Channel: "system", Key: "seed/staff/" + c.Login}
		_, err := d.AddStaff(ctx, cmd, desk.Staff{Login: c.Login, Name: c.Name, Lang: c.Lang, Hash: hash, Secret: l.Secret, Grants: []desk.Grant{g}})
		if err != nil && fault.KeyOf(err) != "desk.login_taken" {
			return nil, fmt.Errorf("sample login %s: %w", c.Login, err)
		}
		logins[i] = l
	}
	return logins, nil
}

type named struct {
	id   int64
	name string
}

// places finds the sample's authorities by key and its establishments by code.
func (s sample) places(ctx context.Context, db *postgres.DB) (authorities, houses map[string]named, err error) {
	authorities, houses = map[string]named{}, map[string]named{}
	for i, a := range s.Authority {
		authorities[a.Key] = named{int64(i + 1), a.NameFr}
	}
	rows, err := db.Query(ctx, sqlHouses)
	if err != nil {
		return nil, nil, fmt.Errorf("sample establishments: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var code string
		var n named
		if err := rows.Scan(&code, &n.id, &n.name); err != nil {
			return nil, nil, fmt.Errorf("sample establishments: %w", err)
		}
		houses[code] = n
	}
	return authorities, houses, rows.Err()
}
