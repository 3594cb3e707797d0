package acceptance

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/message"
	"github.com/wasl-sms/wasl/internal/smsc"
	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// judge compares what the operators took with what the database says. Their
// ledgers are written before the response: they are right.
type judge struct {
	*world
	doubts []doubt // one for each death
	since  time.Time
}

// doubt is what one death left in doubt.
type doubt struct {
	parts []place
}

// place is one part of what is told to a number.
type place struct {
	number string
	no     int
}

func newJudge(w *world) *judge {
	return &judge{world: w, since: w.clock()}
}

// clock is the database's.
func (w *world) clock() (now time.Time) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), `select clock_timestamp()`).Scan(&now); err != nil {
		w.t.Fatal(err)
	}
	return now
}

// gone waits until PostgreSQL has done or undone what it was given before the
// process ended.
func (w *world) gone() {
	w.t.Helper()
	w.until("the work of the process that ended is done or undone", func() bool {
		return w.count(`select count(*) from pg_stat_activity where datname = current_database() and application_name = $1`, applicationName) == 0
	})
}

// died notes what the process that has just died left in doubt, and checks
// that it is a window for each bind at most.
func (j *judge) died() {
	j.t.Helper()
	j.gone()
	rows, err := j.db.Query(j.t.Context(), `
		select m.id, p.part, p.bind, m.number_sealed from message_part p join message m on m.id = p.message_id
		where p.state = 'in_doubt' and p.sent_at >= $1`, j.since)
	if err != nil {
		j.t.Fatal(err)
	}
	var id int64
	var no int
	var bind string
	var sealed []byte
	var d doubt
	binds := map[string]int{}
	_, err = pgx.ForEachRow(rows, []any{&id, &no, &bind, &sealed}, func() error {
		number, err := j.keys.Open("message", "number_sealed", id, sealed)
		d.parts = append(d.parts, place{string(number), no})
		binds[bind]++
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	for bind, n := range binds {
		if n > window {
			j.t.Errorf("death %d leaves %d parts of %s in doubt, more than the window", len(j.doubts)+1, n, bind)
		}
	}
	j.doubts = append(j.doubts, d)
	j.since = j.clock()
}

// row is a part as the database has it in the end.
type row struct {
	operator string
	class    message.Class
	state    string
	attempt  int
}

func (j *judge) judge(l *load) {
	j.t.Helper()
	j.texts(l)
	j.dialogues(l)
	parts := j.parts()
	j.tellings(l, parts)
	taken := j.taken()
	leftInDoubt := map[place]int{}
	for _, d := range j.doubts {
		for _, p := range d.parts {
			leftInDoubt[p]++
		}
	}
	states := map[string]int{}
	repeats, codes, held := 0, 0, 0
	for at, n := range taken {
		list := parts[at]
		if len(list) == 0 {
			j.t.Errorf("the operator was sent %d parts that the database does not know", n)
			continue
		}
		attempts, known := 0, 0
		for _, r := range list {
			attempts += r.attempt
			known++
		}
		if n > attempts {
			j.t.Errorf("%+v: sent %d times, of which the database knows %d", list, n, attempts)
		}
		again := max(0, n-known)
		once := list[0].class == message.Code || list[0].operator == "hold"
		switch {
		case again > 0 && once:
			j.t.Errorf("sent %d times, which must never be: %+v", n, list)
		case again > leftInDoubt[at]:
			j.t.Errorf("sent %d times, and %d deaths left it in doubt: %+v", n, leftInDoubt[at], list)
		}
		repeats += again
	}
	for at, list := range parts {
		reached := 0
		for _, r := range list {
			states[r.state]++
			switch r.state {
			case "delivered", "accepted":
				reached++
			case "unknown":
				if r.class == message.Code {
					codes++
				} else if r.operator == "hold" {
					held++
				} else {
					j.t.Errorf("a part was given up that could be sent again: %+v", r)
				}
			default:
				j.t.Errorf("a part ends as %s: %+v", r.state, r)
			}
		}
		if taken[at] < reached {
			j.t.Errorf("the operator has %d of %+v", taken[at], list)
		}
	}
	if n := codes + held; n > 0 && len(j.doubts) == 0 {
		j.t.Errorf("%d parts were given up, though no process died that had written them", n)
	}
	most, all := 0, 0
	for _, d := range j.doubts {
		most, all = max(most, len(d.parts)), all+len(d.parts)
	}
	if repeats > all {
		j.t.Errorf("%d repeats, and all deaths left %d parts in doubt", repeats, all)
	}
	j.t.Logf("%d texts came in, %d dialogues; %d parts went out: %v; %d repeats of %d parts that %d deaths left in doubt (at most %d each:%s); "+
		"never repeated: %d one-time codes and %d parts of the operator that holds were given up",
		j.count(`select count(*) from inbox`), len(l.callers), sum(taken), states, repeats, all, len(j.doubts), most, windows(j.doubts), codes, held)
}

// parts are all parts of the outbox.
func (j *judge) parts() map[place][]row {
	j.t.Helper()
	rows, err := j.db.Query(j.t.Context(), `
		select m.id, p.part, p.operator, p.class, p.state, p.attempt, m.number_sealed
		from message_part p join message m on m.id = p.message_id`)
	if err != nil {
		j.t.Fatal(err)
	}
	var id int64
	var no int
	var class int16
	var r row
	var sealed []byte
	all := map[place][]row{}
	_, err = pgx.ForEachRow(rows, []any{&id, &no, &r.operator, &class, &r.state, &r.attempt, &sealed}, func() error {
		number, err := j.keys.Open("message", "number_sealed", id, sealed)
		at := place{string(number), no}
		r.class = message.Class(class)
		all[at] = append(all[at], r)
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return all
}

// taken counts what the ledgers have of each part.
func (j *judge) taken() map[place]int {
	j.t.Helper()
	n := map[place]int{}
	for _, l := range [][]smsc.Accepted{j.north.Ledger(), j.hold.Ledger()} {
		for _, a := range l {
			if a.Op != 0 {
				continue // a page
			}
			no := 1
			m := smpp.ShortMessage{ESMClass: a.ESMClass, Payload: a.Payload}
			if udh, _, err := m.SplitUDH(); err == nil {
				if c, _, err := gsm.ParseHeader(udh); err == nil && c.Multipart() {
					no = int(c.Seq)
				}
			}
			n[place{"+" + a.Dest, no}]++
		}
	}
	return n
}

// texts: each is in the inbox once and done, and answered once.
func (j *judge) texts(l *load) {
	j.t.Helper()
	in := j.perNumber(`select id, number_sealed from inbox where state = 'done' and not incomplete`, "inbox")
	answers := j.perNumber(`select id, number_sealed from message`, "message")
	requests := 0
	sent := 0
	for _, p := range l.texters {
		sent += p.texts
		if p.family {
			requests++
		}
		if in[p.number] != p.texts {
			j.t.Errorf("of %d texts of one person %d are stored and done", p.texts, in[p.number])
		}
		if answers[p.number] != p.texts {
			j.t.Errorf("%d texts of one person have %d answers", p.texts, answers[p.number])
		}
	}
	if n := j.count(`select count(*) from inbox`); n != sent {
		j.t.Errorf("%d texts were sent, %d are stored", sent, n)
	}
	if n := j.count(`select count(*) from permit_request`); n != requests {
		j.t.Errorf("%d families asked for a permit by text, there are %d requests", requests, n)
	}
}

// perNumber counts rows of each number.
func (j *judge) perNumber(sql, table string) map[string]int {
	j.t.Helper()
	rows, err := j.db.Query(j.t.Context(), sql)
	if err != nil {
		j.t.Fatal(err)
	}
	var id int64
	var sealed []byte
	n := map[string]int{}
	_, err = pgx.ForEachRow(rows, []any{&id, &sealed}, func() error {
		number, err := j.keys.Open(table, "number_sealed", id, sealed)
		n[string(number)]++
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return n
}

// dialogues: whoever saw the last page has an account, and nobody has two or
// was told twice.
func (j *judge) dialogues(l *load) {
	j.t.Helper()
	accounts := j.perNumber(`select id, number_sealed from message where text_key = 'account.registered'`, "message")
	done := 0
	for _, c := range l.callers {
		if n := accounts[c.number]; n > 1 || c.done && n != 1 {
			j.t.Errorf("a person who dialled once (to the end: %t) was told %d times of being registered", c.done, n)
		}
		if c.done {
			done++
		}
	}
	if done == 0 {
		j.t.Error("nobody came to the end of a dialogue")
	}
}

// tellings: whatever was committed is there, and nothing else.
func (j *judge) tellings(l *load, parts map[place][]row) {
	j.t.Helper()
	for _, told := range l.tellings {
		for no := 1; no <= told.parts; no++ {
			n := len(parts[place{told.number, no}])
			if n > 1 || n == 0 && !told.maybe {
				j.t.Errorf("part %d of a text that was promised is there %d times", no, n)
			}
		}
	}
}

func sum(counts map[place]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
