package desk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

const (
	password = "une phrase longue"
	secret   = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

type office struct {
	*desk.Desk
	t  *testing.T
	db *postgres.DB
	at time.Time
	n  int
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, db: dbtest.DB(t, postgres.Options{MaxConns: 4}), at: time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC)}
	now := func() time.Time { return o.at }
	ring := keys.New()
	o.Desk = desk.New(o.db, casework.NewBook(o.db, nil, now), establishment.New(o.db, ring, now), ring, now)
	return o
}

func (o *office) command() casework.Command {
	o.n++
	return casework.Command{Actor: casework.Actor{Kind: casework.System, Role: "seed"}, Channel: "system", Key: fmt.Sprint("k", o.n)}
}

func (o *office) add(s desk.Staff) (int64, error) {
	if s.Password == "" {
		s.Password = password
	}
	if s.Secret == "" {
		s.Secret = secret
	}
	s.Name = "Samir"
	return o.AddStaff(o.t.Context(), o.command(), s)
}

func (o *office) login(name string) (string, error) {
	o.at = o.at.Add(30 * time.Second)
	code, err := totp.GenerateCode(secret, o.at)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.Login(o.t.Context(), desk.Credentials{Login: name, Password: password, Code: code})
}

func refused(t *testing.T, err error, key text.Key) {
	t.Helper()
	if fault.KeyOf(err) != key {
		t.Errorf("got %v, want %s", err, key)
	}
}

func TestAddStaff(t *testing.T) {
	t.Parallel()
	o := open(t)
	yesterday := o.at.AddDate(0, 0, -1)
	admin := desk.Grant{Role: desk.Admin, From: yesterday, TrainedOn: yesterday}
	_, err := o.add(desk.Staff{Login: "samir", Password: "court"})
	refused(t, err, "desk.password_short")
	_, err = o.add(desk.Staff{Login: "samir", Secret: "pas base32 !"})
	refused(t, err, "desk.bad_secret")
	_, err = o.add(desk.Staff{Login: "Sa mir"})
	refused(t, err, "desk.bad_staff")
	_, err = o.add(desk.Staff{Login: "samir", Grants: []desk.Grant{{Role: desk.Gate}}}) // a gate without its house
	refused(t, err, "desk.bad_staff")
	cmd := o.command()
	s := desk.Staff{Login: "samir", Name: "Samir", Password: password, Secret: secret, Grants: []desk.Grant{admin}}
	first, err := o.AddStaff(t.Context(), cmd, s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := o.AddStaff(t.Context(), cmd, s); err != nil || again != first {
		t.Errorf("the same command again: %d, %v", again, err)
	}
	_, err = o.add(desk.Staff{Login: "samir", Grants: []desk.Grant{admin}})
	refused(t, err, "desk.login_taken")
}

// A role opens with training and ends with its day; a shut account loses its sessions.
func TestGrantsInForce(t *testing.T) {
	t.Parallel()
	o := open(t)
	yesterday := o.at.AddDate(0, 0, -1)
	must := func(_ int64, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(o.add(desk.Staff{Login: "neuf", Grants: []desk.Grant{{Role: desk.Auditor, From: yesterday}}}))
	_, err := o.login("neuf")
	refused(t, err, "desk.login.no_role")

	must(o.add(desk.Staff{Login: "deux", Lang: text.Arabic, Grants: []desk.Grant{
		{Role: desk.Admin, From: yesterday, To: o.at.Add(10 * time.Minute), TrainedOn: yesterday},
		{Role: desk.Auditor, From: yesterday, TrainedOn: yesterday},
	}}))
	token, err := o.login("deux")
	if err != nil {
		t.Fatal(err)
	}
	who, err := o.Resume(t.Context(), token, true)
	if err != nil || who.Role != desk.Admin || len(who.Roles) != 2 || who.Lang != text.Arabic {
		t.Fatalf("%+v, %v", who, err)
	}
	refused(t, o.PutOn(t.Context(), who, desk.Clerk), "desk.not_your_role")
	refused(t, o.SetActive(t.Context(), who, "n", who.StaffID, false), "desk.not_yourself")
	o.at = o.at.Add(11 * time.Minute) // the first grant has ended
	if who, err = o.Resume(t.Context(), token, true); err != nil || who.Role != desk.Auditor {
		t.Errorf("after the grant: %s, %v", who.Role, err)
	}
	if _, err := o.Members(t.Context(), who); fault.KindOf(err) != fault.KindForbidden {
		t.Errorf("an auditor sees the staff: %v", err)
	}

	must(o.add(desk.Staff{Login: "chef", Grants: []desk.Grant{{Role: desk.Admin, From: yesterday, TrainedOn: yesterday}}}))
	chief, err := o.login("chef")
	if err != nil {
		t.Fatal(err)
	}
	boss, err := o.Resume(t.Context(), chief, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.SetActive(t.Context(), boss, "shut", who.StaffID, false); err != nil {
		t.Fatal(err)
	}
	_, err = o.Resume(t.Context(), token, true)
	refused(t, err, "desk.session_over")
	if _, err = o.login("deux"); err == nil {
		t.Error("a shut account logs in")
	}
}

// A quiet look does not keep a session alive, and ten hours end every one.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	o := open(t)
	yesterday := o.at.AddDate(0, 0, -1)
	if _, err := o.add(desk.Staff{Login: "samir", Grants: []desk.Grant{{Role: desk.Admin, From: yesterday, TrainedOn: yesterday}}}); err != nil {
		t.Fatal(err)
	}
	token, err := o.login("samir")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		o.at = o.at.Add(6 * time.Minute)
		_, err = o.Resume(t.Context(), token, false)
	}
	refused(t, err, "desk.session_over")
	if token, err = o.login("samir"); err != nil {
		t.Fatal(err)
	}
	hours := 0
	for ; err == nil && hours < 100; hours++ {
		o.at = o.at.Add(10 * time.Minute)
		_, err = o.Resume(t.Context(), token, true)
	}
	if hours != 60 {
		t.Errorf("a session in use lasted %d times ten minutes", hours)
	}
}
