package establishment

import (
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/private"
)

// Movement is what happened to a detainee.
type Movement string

// Movements.
const (
	Admitted    Movement = "admitted"
	Transferred Movement = "transferred"
	Released    Movement = "released"
	Court       Movement = "court"
	Hospital    Movement = "hospital"
	Returned    Movement = "returned"
	Escaped     Movement = "escaped"
	Died        Movement = "died"
	Status      Movement = "status"      // the legal status changed
	Sanction    Movement = "sanction"    // no visits until
	ContactBan  Movement = "contact_ban" // a judge bars contact until
	Separated   Movement = "separated"   // visits behind glass only
	Together    Movement = "together"    // no longer behind glass only
)

var movements = map[Movement]bool{
	Admitted: true, Transferred: true, Released: true, Court: true, Hospital: true, Returned: true,
	Escaped: true, Died: true, Status: true, Sanction: true, ContactBan: true, Separated: true, Together: true,
}

var statuses = map[LegalStatus]bool{Investigation: true, Trial: true, Appeal: true, Cassation: true, Convicted: true, Civil: true}

// Event is one thing that happened, as a registry office reports it. The
// source's key names it: the same key is taken once.
type Event struct {
	SourceKey     string
	Kind          Movement
	At            time.Time
	Until         time.Time // court, hospital, sanction, contact_ban
	DetentionNo   private.NationalID
	NameLatin     private.Name
	NameAr        private.Name
	BirthDate     Day
	Sex           string // "f", "m", ""
	Establishment string // code; admitted, transferred
	Sector        string
	Category      string
	Status        LegalStatus
}

// check finds what an event lacks by itself, without the register.
func (e Event) check() error {
	switch {
	case e.SourceKey == "" || len(e.SourceKey) > 100:
		return fault.Invalid("import.source_key", nil)
	case !movements[e.Kind]:
		return fault.Invalid("import.event", nil)
	case e.At.IsZero():
		return fault.Invalid("import.at", nil)
	case normalNumber(e.DetentionNo.Raw()) == "" || len(e.DetentionNo.Raw()) > 40:
		return fault.Invalid("import.detention_no", nil)
	case e.Status != "" && !statuses[e.Status], e.Status == "" && (e.Kind == Admitted || e.Kind == Status):
		return fault.Invalid("import.legal_status", nil)
	case e.Establishment == "" && (e.Kind == Admitted || e.Kind == Transferred):
		return fault.Invalid("import.establishment", nil)
	case e.Until.IsZero() && (e.Kind == Sanction || e.Kind == ContactBan):
		return fault.Invalid("import.until", nil)
	case !e.Until.IsZero() && e.Until.Before(e.At):
		return fault.Invalid("import.until_before", nil)
	case e.Sex != "" && e.Sex != "f" && e.Sex != "m":
		return fault.Invalid("import.sex", nil)
	case e.Kind == Admitted && e.BirthDate == Day{}:
		return fault.Invalid("import.birth_date", nil)
	case e.Kind == Admitted && e.NameLatin.IsZero() && e.NameAr.IsZero():
		return fault.Invalid("import.name", nil)
	}
	return nil
}

// held is a detainee's state while events are applied to it.
type held struct {
	id              int64
	index           []byte
	number          private.NationalID
	latin, arabic   private.Name // new ones only
	sex             string
	birthDate       time.Time
	establishmentID int64
	sector          string
	category        string
	status          LegalStatus
	statusSince     time.Time
	minor           bool
	contactBanUntil *time.Time
	separatedOnly   bool
	sanctionUntil   *time.Time
	present         bool
	awayFrom        *time.Time
	awayUntil       *time.Time
	stateAt         time.Time
	isNew           bool
	changed         bool
}

// Change is an event that took effect, for those who must act on it.
type Change struct {
	DetaineeID int64
	Kind       Movement
	At         time.Time
	Until      time.Time
	From, To   int64 // establishments; equal when the person stayed
	Was, Is    LegalStatus
}

// apply takes an event into the state; place is the establishment it names,
// civil the day on which it happened there. Events older than the state are
// not for here.
func (h *held) apply(e Event, place int64, loc *time.Location, adult int) Change {
	c := Change{DetaineeID: h.id, Kind: e.Kind, At: e.At, Until: e.Until, From: h.establishmentID, Was: h.status}
	if place != 0 && (e.Kind == Admitted || e.Kind == Transferred) {
		h.establishmentID, h.awayFrom, h.awayUntil, h.present = place, nil, nil, true
	}
	switch e.Kind {
	case Admitted:
		h.latin, h.arabic, h.sex = e.NameLatin, e.NameAr, e.Sex
		h.birthDate = e.BirthDate.Time()
		h.minor = DayOf(e.At.In(loc)).Time().Before(h.birthDate.AddDate(adult, 0, 0))
	case Released, Escaped, Died:
		h.present, h.awayFrom, h.awayUntil = false, nil, nil
	case Court, Hospital:
		h.awayFrom, h.awayUntil = &e.At, instant(e.Until)
	case Returned:
		h.present, h.awayFrom, h.awayUntil = true, nil, nil
	case Sanction:
		h.sanctionUntil = civil(e.Until, loc)
	case ContactBan:
		h.contactBanUntil = civil(e.Until, loc)
	case Separated, Together:
		h.separatedOnly = e.Kind == Separated
	case Transferred, Status: // said by the place and the status alone
	}
	if e.Status != "" && e.Status != h.status {
		h.status, h.statusSince = e.Status, DayOf(e.At.In(loc)).Time()
	}
	if e.Sector != "" {
		h.sector = e.Sector
	}
	if e.Category != "" {
		h.category = strings.ToUpper(e.Category)
	}
	h.stateAt, h.changed = e.At, true
	c.To, c.Is = h.establishmentID, h.status
	return c
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func civil(t time.Time, loc *time.Location) *time.Time {
	d := DayOf(t.In(loc)).Time()
	return &d
}
