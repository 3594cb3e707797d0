package establishment_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/text"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// silent stands where no text is sent.
type silent struct{}

func (silent) Enqueue(context.Context, pgx.Tx, []message.Outbound) error { return nil }

// witness keeps the changes it is told of.
type witness struct {
	mu  sync.Mutex
	all []establishment.Change
}

func (w *witness) DetaineesChanged(_ context.Context, _ *casework.Tx, c []establishment.Change) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, c...)
	return nil
}

type office struct {
	*establishment.Directory
	register *establishment.Register
	db       *postgres.DB
	witness  *witness
}

func newOffice(t *testing.T) *office {
	t.Helper()
	db := dbtest.DB(t, postgres.Options{MaxConns: 10})
	_, err := db.Exec(t.Context(), `
		insert into establishment (id, code, country, name_ar, name_fr, short_name, short_name_ar, tz, week_start) values
			(1, 'AS01', 'MA', 'عين السبع', 'Aïn Sebaâ', 'Ain Sebaa', 'عين السبع', 'Africa/Casablanca', 1),
			(2, 'OU02', 'MA', 'عكاشة', 'Oukacha', 'Oukacha', 'عكاشة', 'Africa/Casablanca', 0),
			(3, 'HA01', 'DZ', 'الحراش', 'El Harrach', 'El Harrach', 'الحراش', 'Africa/Algiers', 0)`)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{Directory: establishment.New(db, keys.New(), func() time.Time { return now }), db: db, witness: &witness{}}
	o.register = establishment.NewRegister(o.Directory, casework.NewBook(db, silent{}, func() time.Time { return now }), o.witness)
	return o
}

func command(key string) casework.Command {
	return casework.Command{Actor: casework.Actor{Kind: casework.Staff, ID: 4, Role: "establishment"}, Channel: "desk", Key: key, Verb: "detainee.import"}
}

var greffe = establishment.Source{Name: "greffe", Country: "MA"}

func (o *office) load(t *testing.T, key, csv string) establishment.Report {
	t.Helper()
	r, err := o.register.Import(t.Context(), command(key), greffe, strings.NewReader(csv), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func brief(r establishment.Report) string {
	out := fmt.Sprintf("lines %d, accepted %d, known %d, old %d", r.Lines, r.Accepted, r.Known, r.Old)
	for _, l := range r.Refused {
		out += fmt.Sprintf("; %d %s", l.No, l.Why.Key)
	}
	return out
}

const columns = "source_key;event;at;detention_no;name_latin;name_ar;birth_date;sex;establishment;sector;category;legal_status;until\r\n"

const file = "\xef\xbb\xbf" + columns +
	"a1;admitted;2026-01-05 08:00;1001;El Alaoui Réda;رضا العلوي;1990-05-01;m;AS01;B;B;trial;\r\n" +
	"a2;admitted;05/01/2026;١٠٠٢;\"Benali; Fatima\";فاطمة بنعلي;1985-12-31;f;AS01;;C;convicted;\r\n" +
	"a3;admitted;2026-01-05;1003;;;1990-05-01;m;AS01;;;trial;\r\n" +
	"a4;admitted;2026-01-05;1004;Nobody;;1990-02-30;m;AS01;;;trial;\r\n" +
	"a5;admitted;2026-01-05;1005;Nobody;;1990-05-01;m;XX99;;;trial;\r\n" +
	"a6;vanished;2026-01-05;1001;;;;;;;;;\r\n" +
	"\"a7;admitted;2026-01-05;1007;Nobody;;1990-05-01;m;AS01;;;trial;\r\n" +
	"a8;released;2026-01-06;1008;;;;;;;;;\r\n" +
	"a9;court;2026-01-07 09:00;1001;;;;;;;;;2026-01-07 12:00\r\n" +
	"a1;admitted;2026-01-05 08:00;1001;El Alaoui Réda;رضا العلوي;1990-05-01;m;AS01;B;B;trial;\r\n" +
	"b1;admitted;2026-01-05;1009;too;few\r\n" +
	"b2;admitted;2026-01-05;1010;Amrani Salma;;2010-01-01;f;OU02;;;investigation;\r\n"

const fileReport = "lines 12, accepted 4, known 1, old 0; 4 import.name; 5 import.birth_date; 6 import.establishment; 7 import.event; " +
	"8 import.quotes; 9 import.detainee_unknown; 12 import.columns"

func TestImportNamesBadLinesAndKeepsGoodOnes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if got := brief(o.load(t, "k1", file)); got != fileReport {
		t.Errorf("got  %s\nwant %s", got, fileReport)
	}
	d, ok, err := o.Find(t.Context(), establishment.Claim{Country: "MA", DetentionNo: "01001"})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if d.NameLatin.Raw() != "El Alaoui Réda" || d.NameAr.Raw() != "رضا العلوي" || d.DetentionNo.Raw() != "1001" || d.EstablishmentID != 1 ||
		d.Category != "B" || d.LegalStatus != establishment.Trial || d.Minor || !d.Present || d.AwayUntil == nil || d.AwayUntil.UTC().Hour() != 11 {
		t.Errorf("read back %+v, %q", d, d.NameLatin.Raw())
	}
	minor, ok, err := o.Find(t.Context(), establishment.Claim{Country: "MA", DetentionNo: "1010"})
	if err != nil || !ok || !minor.Minor || minor.EstablishmentID != 2 {
		t.Errorf("the minor: %+v, %v", minor, err)
	}
	if n := len(o.witness.all); n != 4 {
		t.Errorf("%d changes told, want 4", n)
	}
	// The same file again, as another command and as the same one, changes nothing.
	for _, key := range []string{"k2", "k1"} {
		want := strings.Replace(fileReport, "accepted 4, known 1", "accepted 0, known 5", 1)
		if got := brief(o.load(t, key, file)); got != want {
			t.Errorf("again as %s:\ngot  %s\nwant %s", key, got, want)
		}
	}
	if again, _, err := o.Find(t.Context(), establishment.Claim{Country: "MA", DetentionNo: "1001"}); err != nil || cmp.Diff(d.Version, again.Version) != "" {
		t.Errorf("version %d became %d, %v", d.Version, again.Version, err)
	}
}

func TestOldEventsAreKeptWithoutEffect(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.load(t, "k1", columns+"a1;admitted;2026-01-05;1001;Alaoui;;1990-05-01;m;AS01;;;trial;\r\n"+
		"a2;transferred;2026-02-05;1001;;;;;OU02;;;;\r\n"+
		"a3;status;2026-02-06;1001;;;;;;;;convicted;\r\n")
	r := o.load(t, "k2", columns+"a4;transferred;2026-01-20;1001;;;;;AS01;;;;\r\n"+"a5;released;2026-01-21;1001;;;;;;;;;\r\n")
	if brief(r) != "lines 2, accepted 2, known 0, old 2" {
		t.Error(brief(r))
	}
	d, ok, err := o.Find(t.Context(), establishment.Claim{Country: "MA", DetentionNo: "1001"})
	if err != nil || !ok || d.EstablishmentID != 2 || d.LegalStatus != establishment.Convicted || !d.Present {
		t.Errorf("%+v, %v, %v", d, ok, err)
	}
	last := o.witness.all[len(o.witness.all)-1]
	if len(o.witness.all) != 3 || last.Was != establishment.Trial || last.Is != establishment.Convicted || o.witness.all[1].From != 1 || o.witness.all[1].To != 2 {
		t.Errorf("told %+v", o.witness.all)
	}
}

func TestImportWithoutAFootToStandOn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for name, c := range map[string]struct {
		csv  string
		src  establishment.Source
		want text.Key
	}{
		"empty":          {"", greffe, "import.empty"},
		"no key column":  {"event;at;detention_no\n", greffe, "import.header"},
		"a column twice": {"source_key;event;at;at;detention_no\n", greffe, "import.header_twice"},
		"no country":     {columns, establishment.Source{Country: "XX"}, "import.country"},
	} {
		if _, err := o.register.Import(t.Context(), command(name), c.src, strings.NewReader(c.csv), nil); fault.KeyOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two thousand lines in batches, the same file sent by two people at once:
// each event once, and progress to the end.
func TestLargeImportTwiceAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var b strings.Builder
	b.WriteString(columns)
	for i := range 2000 {
		fmt.Fprintf(&b, "s%d;admitted;2026-01-05;%d;Name%d;;1990-05-01;m;AS01;;;trial;\r\n", i, 5000+i, i)
	}
	reports := make([]establishment.Report, 2)
	var wg sync.WaitGroup
	for i := range reports {
		wg.Go(func() {
			done := 0
			r, err := o.register.Import(t.Context(), command(fmt.Sprint("k", i)), greffe, strings.NewReader(b.String()), func(n, total int) {
				if n <= done || total != 2000 {
					t.Errorf("progress %d of %d after %d", n, total, done)
				}
				done = n
			})
			if err != nil || done != 2000 {
				t.Errorf("progress %d, %v", done, err)
			}
			reports[i] = r
		})
	}
	wg.Wait()
	var people, movements int
	if err := o.db.QueryRow(t.Context(), `select (select count(*) from detainee), (select count(*) from detainee_movement)`).Scan(&people, &movements); err != nil {
		t.Fatal(err)
	}
	if people != 2000 || movements != 2000 || reports[0].Accepted+reports[1].Accepted != 2000 {
		t.Errorf("%d people, %d movements; %s; %s", people, movements, brief(reports[0]), brief(reports[1]))
	}
}

func TestFindMatchesSilently(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.load(t, "k1", columns+
		"a1;admitted;2026-01-05;1001;El Alaoui Réda;رضا العلوي;1990-05-01;m;AS01;;;trial;\r\n"+
		"a2;admitted;2026-01-05;1002;Alaoui Karim;كريم العلوي;1990-05-01;m;AS01;;;trial;\r\n"+
		"a3;admitted;2026-01-05;1003;Tazi Omar;;1990-05-01;m;OU02;;;trial;\r\n"+
		"a4;released;2026-01-06;1003;;;;;;;;;\r\n")
	day := establishment.Day{Year: 1990, Month: 5, Date: 1}
	for name, c := range map[string]struct {
		claim establishment.Claim
		want  string
	}{
		"by number":                   {establishment.Claim{Country: "MA", DetentionNo: "1002"}, "1002"},
		"by number of elsewhere":      {establishment.Claim{Country: "DZ", DetentionNo: "1002"}, ""},
		"number and wrong birth":      {establishment.Claim{Country: "MA", DetentionNo: "1002", BirthDate: day.Add(1)}, ""},
		"by name":                     {establishment.Claim{Country: "MA", Family: "alaoui", Given: "REDA", BirthDate: day}, "1001"},
		"by Arabic name":              {establishment.Claim{Country: "MA", Family: "علوي", Given: "كريم", BirthDate: day}, "1002"},
		"a name of two people":        {establishment.Claim{Country: "MA", Family: "Alaoui", BirthDate: day}, ""},
		"name without birth":          {establishment.Claim{Country: "MA", Family: "Alaoui", Given: "Reda"}, ""},
		"birth without name":          {establishment.Claim{Country: "MA", BirthDate: day}, ""},
		"another place":               {establishment.Claim{Country: "MA", Family: "Alaoui", Given: "Reda", BirthDate: day, EstablishmentID: 2}, ""},
		"released":                    {establishment.Claim{Country: "MA", DetentionNo: "1003"}, ""},
		"nothing at all":              {establishment.Claim{Country: "MA"}, ""},
		"a number of spaces":          {establishment.Claim{Country: "MA", DetentionNo: "   "}, ""},
		"a name with a word too much": {establishment.Claim{Country: "MA", Family: "Alaoui", Given: "Reda Karim", BirthDate: day}, ""},
	} {
		d, ok, err := o.Find(t.Context(), c.claim)
		if err != nil || d.DetentionNo.Raw() != c.want || ok != (c.want != "") {
			t.Errorf("%s: found %q, want %q (%v)", name, d.DetentionNo.Raw(), c.want, err)
		}
	}
	if all, err := o.Candidates(t.Context(), establishment.Claim{Country: "MA", Family: "Alaoui", BirthDate: day}); err != nil || len(all) != 2 {
		t.Errorf("%d candidates, %v", len(all), err)
	}
}
