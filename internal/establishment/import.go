package establishment

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
	"github.com/wasl-sms/wasl/internal/text"
)

// Report is what became of an imported file.
type Report struct {
	Lines    int
	Accepted int // new events
	Known    int // taken before, by this file or another
	Old      int // among the accepted: older than what the register knew, kept but without effect
	Refused  []Line
}

// Line is one refused line with the reason for the registry office.
type Line struct {
	No  int
	Why text.Line
}

// fileMax bounds an import: a hundred thousand people with long names fit.
const fileMax = 64 << 20

// batchLines is how many lines share one transaction.
const batchLines = 500

// Columns lists the header's words. Their order is free; source_key, event, at
// and detention_no must be there.
func Columns() []string {
	return []string{
		"source_key", "event", "at", "detention_no", "name_latin", "name_ar", "birth_date", "sex", "establishment",
		"sector", "category", "legal_status", "until",
	}
}

var needed = []string{"source_key", "event", "at", "detention_no"}

// Import takes a file of events, one a line below a header. A line that can't
// be taken is named in the report and costs no other line; events taken
// before are passed over, so that a file may be sent again after a stop.
// progress, if any, is called after each batch.
func (r *Register) Import(ctx context.Context, cmd casework.Command, src Source, in io.Reader, progress func(done, total int)) (Report, error) {
	data, err := io.ReadAll(io.LimitReader(in, fileMax+1))
	if err != nil {
		return Report{}, fmt.Errorf("read the file: %w", err)
	}
	if len(data) > fileMax {
		return Report{}, fault.Invalid("import.too_large", nil)
	}
	content, err := decode(data)
	if err != nil {
		return Report{}, fault.Invalid("import.encoding", nil).With(err)
	}
	records := parseCSV(content)
	if len(records) == 0 {
		return Report{}, fault.Invalid("import.empty", nil)
	}
	column, err := header(records[0])
	if err != nil {
		return Report{}, err
	}
	w, err := r.world(ctx, src)
	if err != nil {
		return Report{}, err
	}
	records = records[1:]
	report := Report{Lines: len(records)}
	for n := 0; n*batchLines < len(records); n++ {
		part := records[n*batchLines : min((n+1)*batchLines, len(records))]
		c := cmd
		c.Key = fmt.Sprintf("%s/%d", cmd.Key, n)
		if err := r.batch(ctx, c, w, column, part, &report); err != nil {
			return report, fmt.Errorf("lines from %d: %w", part[0].no, err)
		}
		if progress != nil {
			progress(n*batchLines+len(part), len(records))
		}
	}
	slices.SortStableFunc(report.Refused, func(a, b Line) int { return a.No - b.No })
	return report, nil
}

func (r *Register) batch(ctx context.Context, cmd casework.Command, w world, column map[string]int, part []record, report *Report) error {
	var good []numbered
	for _, rec := range part {
		e, err := w.event(column, rec)
		if err == nil {
			err = e.check()
		}
		if err != nil {
			report.Refused = append(report.Refused, Line{rec.no, fault.LineOf(err)})
			continue
		}
		good = append(good, numbered{rec.no, e})
	}
	if len(good) == 0 {
		return nil
	}
	out, err := r.take(ctx, cmd, w, good)
	if err != nil {
		return err
	}
	report.Accepted += out.Accepted
	report.Known += out.Known
	report.Old += out.Old
	for _, x := range out.Refused {
		report.Refused = append(report.Refused, Line{x.No, text.L(x.Why, nil)})
	}
	return nil
}

// header finds the columns.
func header(r record) (map[string]int, error) {
	if r.err != nil {
		return nil, r.err
	}
	column := map[string]int{}
	for i, name := range r.fields {
		name = strings.ReplaceAll(strings.ToLower(name), " ", "_")
		if !slices.Contains(Columns(), name) {
			continue // a registry's own column
		}
		if _, twice := column[name]; twice {
			return nil, fault.Invalid("import.header_twice", fault.Params{"column": name})
		}
		column[name] = i
	}
	for _, name := range needed {
		if _, ok := column[name]; !ok {
			return nil, fault.Invalid("import.header", fault.Params{"column": name})
		}
	}
	return column, nil
}

// event reads a line.
func (w world) event(column map[string]int, r record) (e Event, err error) {
	if r.err != nil {
		return e, r.err
	}
	field := func(name string) string {
		if i, ok := column[name]; ok {
			return r.fields[i]
		}
		return ""
	}
	for _, f := range r.fields {
		if len(f) > 400 {
			return e, fault.Invalid("import.too_long", nil)
		}
	}
	e = Event{
		SourceKey:     field("source_key"),
		Kind:          Movement(strings.ToLower(field("event"))),
		DetentionNo:   private.NewNationalID(field("detention_no")),
		NameLatin:     private.NewName(field("name_latin")),
		NameAr:        private.NewName(field("name_ar")),
		Sex:           strings.ToLower(field("sex")),
		Establishment: strings.ToUpper(field("establishment")),
		Sector:        field("sector"),
		Category:      field("category"),
		Status:        LegalStatus(strings.ToLower(field("legal_status"))),
	}
	loc := w.loc
	if p, ok := w.places[e.Establishment]; ok {
		loc = p.loc
	}
	if e.At, err = readTime(field("at"), loc); err != nil {
		return e, fault.Invalid("import.at", nil)
	}
	if e.Until, err = readTime(field("until"), loc); err != nil {
		return e, fault.Invalid("import.until", nil)
	}
	birth, err := readTime(field("birth_date"), time.UTC)
	if err != nil || birth.After(e.At) {
		return e, fault.Invalid("import.birth_date", nil)
	}
	if !birth.IsZero() {
		e.BirthDate = DayOf(birth)
	}
	return e, nil
}

var asciiDigits = strings.NewReplacer("٠", "0", "١", "1", "٢", "2", "٣", "3", "٤", "4", "٥", "5", "٦", "6", "٧", "7", "٨", "8", "٩", "9")

// readTime reads a day or an instant in the ways registries write them; empty
// is no time.
func readTime(s string, loc *time.Location) (t time.Time, err error) {
	if s == "" {
		return t, nil
	}
	s = asciiDigits.Replace(s)
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
		"02/01/2006 15:04:05", "02/01/2006 15:04", "02/01/2006",
	} {
		if t, err = time.ParseInLocation(layout, s, loc); err == nil {
			return t, nil
		}
	}
	return t, err
}
