package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/text"
)

// staffCmd makes an administrator, who appoints everyone else in the
// back-office. Other roles are not made here: a grant has its place and its
// training day, and is seen by more than one person.
type staffCmd struct {
	Login string `arg:"" help:"What is keyed at the door: small letters, digits, . _ -"`
	Name  string `required:"" help:"Name of the person, as colleagues write it."`
	Lang  string `default:"fr" enum:"ar,fr,en" help:"Language of the pages: ar, fr or en."`
}

func (c staffCmd) Run(ctx context.Context, s *Settings, log *slog.Logger) error {
	return offline(ctx, s, log, func(_ *stores, a *app) error {
		var secret [20]byte // RFC 4226 §4: 160 bits
		if _, err := rand.Read(secret[:]); err != nil {
			return fmt.Errorf("draw a secret: %w", err)
		}
		now := time.Now()
		member := desk.Staff{
			Login: c.Login, Name: c.Name, Lang: text.Lang(c.Lang), Password: rand.Text(),
			Secret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret[:]),
			Grants: []desk.Grant{{Role: desk.Admin, From: now, TrainedOn: now}},
		}
		cmd := casework.Command{Actor: casework.Actor{Kind: casework.System, Role: "command line"}, Channel: "system", Key: "staff/" + rand.Text()}
		if _, err := a.desk.AddStaff(ctx, cmd, member); err != nil {
			return explain(a.texts, err)
		}
		fmt.Printf("Login          %s\nPassword       %s\nAuthenticator  %s\n\nShown once. Key the last line into an authenticator app before you log in.\n",
			member.Login, member.Password, member.Secret)
		return nil
	})
}
