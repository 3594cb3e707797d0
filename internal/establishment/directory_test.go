package establishment_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
)

func TestStartingRules(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for id, category := range map[int64]int{1: 2, 3: 3} {
		r, err := o.Rules(t.Context(), id, now)
		if err != nil {
			t.Fatal(err)
		}
		if r.Version == 0 || r.PermitWorkingDays != 10 || r.BookToDays != 21 || r.DayOpensAt != 600 || r.Week(establishment.Convicted) != 1 ||
			r.Party("A").Total != category || r.Party("?").Total != 3 || !r.AdultLead || r.HoldMinutes != 10 {
			t.Errorf("rules at %d: %+v", id, r)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := establishment.ParseRules(data)
		again.Version = r.Version
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Errorf("written and read: %s %v", diff, err)
		}
	}
	if _, err := o.Rules(t.Context(), 99, now); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("rules of nowhere: %v", err)
	}
	if _, err := establishment.ParseRules([]byte(`{"hold_minuts": 5}`)); err == nil {
		t.Error("a misspelt rule was taken")
	}
}

func TestAnEstablishmentsOwnRulesHoldFromTheirDay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.db.Exec(t.Context(), `insert into rule_set (country, establishment_id, valid_from, rules) values
		('MA', 1, '2026-03-10', '{"hold_minutes": 5}'), ('MA', 1, '2026-04-01', '{"book_to_days": 7}')`); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string][2]int{
		"2026-03-09T22:59:59Z": {10, 21}, // still the 9th in Casablanca, an hour before UTC's midnight in Ramadan
		"2026-03-10T00:00:00Z": {5, 21},
		"2026-04-01T12:00:00Z": {10, 7},
	} {
		instant, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		r, err := o.Rules(t.Context(), 1, instant)
		if err != nil || r.HoldMinutes != want[0] || r.BookToDays != want[1] {
			t.Errorf("at %s: hold %d, days %d, %v", at, r.HoldMinutes, r.BookToDays, err)
		}
		if other, err := o.Rules(t.Context(), 2, instant); err != nil || other.HoldMinutes != 10 {
			t.Errorf("another house at %s: %d, %v", at, other.HoldMinutes, err)
		}
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.db.Exec(t.Context(), `
		insert into authority (id, kind, country, name_ar, name_fr, establishment_id) values
			(1, 'PG', 'MA', 'و', 'PG', null), (2, 'JAP', 'MA', 'ق', 'JAP', null), (3, 'PR', 'MA', 'و', 'PR', null), (4, 'JI', 'MA', 'ق', 'JI', null),
			(5, 'DIR', 'MA', 'م', 'DIR', 1), (6, 'PR', 'MA', 'و', 'PR 2', null), (15, 'DIR', 'DZ', 'م', 'DIR', 3), (12, 'JAP', 'DZ', 'ق', 'JAP', null);
		insert into authority_jurisdiction (establishment_id, kind, authority_id)
			select 1, kind, id from authority where id <= 5 union all select 3, kind, id from authority where id > 10`); err != nil {
		t.Fatal(err)
	}
	route := func(r establishment.Routing) int64 {
		id, err := o.Route(t.Context(), r)
		if err != nil && fault.KindOf(err) != fault.KindNotFound {
			t.Fatal(err)
		}
		return id
	}
	for _, c := range []struct {
		r    establishment.Routing
		want int64
	}{
		{establishment.Routing{EstablishmentID: 1, Status: establishment.Investigation, Relation: "spouse"}, 4},
		{establishment.Routing{EstablishmentID: 1, Status: establishment.Trial, Relation: "spouse"}, 3},
		{establishment.Routing{EstablishmentID: 1, Status: establishment.Appeal, Relation: "friend"}, 1},
		{establishment.Routing{EstablishmentID: 1, Status: establishment.Cassation, Relation: "lawyer"}, 1},
		{establishment.Routing{EstablishmentID: 1, Status: establishment.Convicted, Relation: "parent"}, 5},
		{establishment.Routing{EstablishmentID: 1, Status: establishment.Convicted, Relation: "friend"}, 5},
		{establishment.Routing{EstablishmentID: 3, Status: establishment.Convicted, Relation: "child"}, 15},
		{establishment.Routing{EstablishmentID: 3, Status: establishment.Convicted, Relation: "friend"}, 12},
		{establishment.Routing{EstablishmentID: 3, Status: establishment.Convicted, Relation: "neighbour"}, 12},
		{establishment.Routing{EstablishmentID: 1, Hint: establishment.HintNo, Relation: "spouse"}, 3},
		{establishment.Routing{EstablishmentID: 1, Hint: establishment.HintYes, Relation: "spouse"}, 5},
		{establishment.Routing{EstablishmentID: 1, Hint: establishment.HintAppeal, Relation: "spouse"}, 1},
		{establishment.Routing{EstablishmentID: 1, Hint: establishment.HintUnknown, Relation: "spouse"}, 3},
		{establishment.Routing{EstablishmentID: 1}, 3},
		{establishment.Routing{EstablishmentID: 1, Status: establishment.Trial, Hint: establishment.HintYes}, 3}, // the register knows better
		{establishment.Routing{EstablishmentID: 2, Status: establishment.Trial}, 0},
		{establishment.Routing{EstablishmentID: 3, Status: establishment.Trial}, 0},
	} {
		if got := route(c.r); got != c.want {
			t.Errorf("%+v goes to %d, want %d", c.r, got, c.want)
		}
	}
	trial := establishment.Routing{EstablishmentID: 1, Status: establishment.Trial}
	for until, want := range map[string]int64{"2026-03-02": 6, "2026-03-01": 3} {
		if _, err := o.db.Exec(t.Context(), `update authority set cover_id = 6, cover_until = $1::text::date where id = 3`, until); err != nil {
			t.Fatal(err)
		}
		if got := route(trial); got != want {
			t.Errorf("covered until %s: %d, want %d", until, got, want)
		}
	}
	if _, err := o.db.Exec(t.Context(), `insert into routing_rule values ('MA', 'trial', 'other', 'JI', '2026-03-03'), ('MA', 'trial', 'other', 'PG', '2026-03-02')`); err != nil {
		t.Fatal(err)
	}
	if got := route(trial); got != 1 {
		t.Errorf("by the rule of today: %d, want 1", got)
	}
}

func TestCalendarsFromTheDatabase(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.db.Exec(t.Context(), `
		insert into calendar_day (country, establishment_id, day, kind) values ('MA', null, '2026-03-20', 'holiday'), ('MA', 2, '2026-03-20', 'working'), ('MA', 1, '2026-03-23', 'closed');
		insert into authority (id, kind, country, name_ar, name_fr, establishment_id) values (5, 'DIR', 'MA', 'م', 'DIR', 1), (3, 'PR', 'MA', 'و', 'PR', null), (9, 'PR', 'DZ', 'و', 'PR', null)`); err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 19, 12, 0, 0, 0, time.UTC) // a Thursday
	for authority, want := range map[int64]string{5: "2026-03-24", 3: "2026-03-23", 9: "2026-03-22"} {
		due, err := o.DueDate(t.Context(), authority, from, 1)
		if err != nil || establishment.DayOf(due.Add(-time.Hour)).String() != want {
			t.Errorf("authority %d: due %s, want %s (%v)", authority, due, want, err)
		}
	}
	for house, works := range map[int64]bool{1: false, 2: true} {
		c, err := o.Calendar(t.Context(), house, from)
		if err != nil || c.Works(establishment.Day{Year: 2026, Month: 3, Date: 20}) != works {
			t.Errorf("house %d on the feast: %v, %v", house, !works, err)
		}
	}
	labour := establishment.Day{Year: 2027, Month: 5, Date: 1}
	if c, err := o.CountryCalendar(t.Context(), "DZ", from); err != nil || c.Special[labour] != establishment.Holiday {
		t.Errorf("labour day: %v", err)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if all, err := o.Establishments(t.Context(), "MA"); err != nil || len(all) != 2 || all[0].Short("fr") != "Ain Sebaa" || all[0].Short("ar") != "عين السبع" {
		t.Errorf("%+v, %v", all, err)
	}
	if e, err := o.ByCode(t.Context(), "as01"); err != nil || e.ID != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := o.ByCode(t.Context(), "ZZ"); fault.KindOf(err) != fault.KindNotFound {
		t.Error(err)
	}
	if p, err := o.Phase(t.Context(), 1, "permit"); err != nil || p != establishment.Off || p.Takes() {
		t.Errorf("%s, %v", p, err)
	}
	if r, err := o.Relations(t.Context(), "DZ"); err != nil || len(r) != 9 || r[0].Label() != "relation.spouse" {
		t.Errorf("%+v, %v", r, err)
	}
}
