// Package seed loads a made-up country's worth of sample data: places,
// authorities, people held, a timetable and staff, enough to play every errand.
package seed

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/postgres"
)

//go:embed sample.toml
var sampleFile string

//go:embed detainees.csv
var detainees []byte

type sample struct {
	Establishment []house
	Authority     []office
	Timetable     []week
	Info          []notice
	Staff         []clerk
}

type house struct {
	Code, Country, Phone, Phase, Short string
	NameAr                             string `toml:"name_ar"`
	NameFr                             string `toml:"name_fr"`
	ShortAr                            string `toml:"short_ar"`
}

type office struct {
	Key, Kind, Country, Establishment, Parent string
	NameAr                                    string `toml:"name_ar"`
	NameFr                                    string `toml:"name_fr"`
	For                                       []string
}

type notice struct {
	Establishment, Topic, Ar, Fr, Ary, En string
}

type week struct {
	Establishment, Room, Kind string
	Weekdays                  []int
	Hours                     []string // "09:00-09:45"
	Groups, Heads             int
}

// Timetable makes occurrences of the sample timetable.
type Timetable interface {
	Generate(ctx context.Context) (int, error)
}

// Sample loads the sample data; what is there already stays as it is.
func Sample(ctx context.Context, db *postgres.DB, register *establishment.Register, visits Timetable, now time.Time) error {
	var s sample
	if _, err := toml.Decode(sampleFile, &s); err != nil {
		return fmt.Errorf("read sample: %w", err)
	}
	err := db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return s.load(ctx, tx, now) })
	if err != nil {
		return fmt.Errorf("load sample: %w", err)
	}
	for _, country := range []string{"MA", "DZ"} {
		cmd := casework.Command{Actor: casework.Actor{Kind: casework.System, Role: "seed"}, Channel: "system", Key: "seed/" + country, Verb: "register.import"}
		report, err := register.Import(ctx, cmd, establishment.Source{Name: "sample", Country: country}, bytes.NewReader(of(country)), nil)
		if err != nil {
			return fmt.Errorf("load sample register: %w", err)
		}
		if len(report.Refused) > 0 {
			return fmt.Errorf("load sample register: line %d: %s", report.Refused[0].No, report.Refused[0].Why.Key)
		}
	}
	if _, err := visits.Generate(ctx); err != nil {
		return fmt.Errorf("make sample occurrences: %w", err)
	}
	return nil
}

// of gives the sample register's lines of one country, by detention number.
func of(country string) []byte {
	var out bytes.Buffer
	for i, line := range strings.SplitAfter(string(detainees), "\n") {
		fields := strings.Split(line, ",")
		if i == 0 || len(fields) > 3 && (country == "DZ") == strings.HasPrefix(fields[3], "5") {
			out.WriteString(line)
		}
	}
	return out.Bytes()
}

func (s sample) load(ctx context.Context, tx pgx.Tx, now time.Time) error {
	batch := &pgx.Batch{}
	for _, e := range s.Establishment {
		phase := e.Phase
		if phase == "" {
			phase = "live"
		}
		batch.Queue(sqlEstablishment, e.Code, e.Country, e.NameAr, e.NameFr, e.Short, e.ShortAr, e.Phone)
		batch.Queue(sqlPhases, e.Code, []string{"permit", "visit"}, phase, now)
	}
	ids := map[string]int{}
	for i, a := range s.Authority {
		ids[a.Key] = i + 1
		parent, known := ids[a.Parent]
		if a.Parent != "" && !known {
			return fmt.Errorf("authority %s: its parent %s must stand before it", a.Key, a.Parent)
		}
		batch.Queue(sqlAuthority, i+1, a.Kind, a.Country, a.NameAr, a.NameFr, a.Establishment, parent)
		batch.Queue(sqlJurisdiction, i+1, a.Kind, a.For)
	}
	for _, t := range s.Timetable {
		for _, weekday := range t.Weekdays {
			for _, hours := range t.Hours {
				from, to, _ := strings.Cut(hours, "-")
				batch.Queue(sqlTemplate, t.Establishment, t.Room, t.Kind, weekday, from, to, t.Groups, t.Heads, now)
			}
		}
	}
	for _, n := range s.Info {
		batch.Queue(sqlInfo, n.Establishment, n.Topic, []string{"ar", "fr", "ary", "en"}, []string{n.Ar, n.Fr, n.Ary, n.En})
	}
	batch.Queue(sqlAuthorityNumbers)
	return tx.SendBatch(ctx, batch).Close()
}
