package establishment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/fault"
)

// LegalStatus is where a detainee stands before the law.
type LegalStatus string

// Legal statuses.
const (
	Investigation LegalStatus = "investigation"
	Trial         LegalStatus = "trial"
	Appeal        LegalStatus = "appeal"
	Cassation     LegalStatus = "cassation"
	Convicted     LegalStatus = "convicted"
	Civil         LegalStatus = "civil"
)

// Rules are the numbers an authority may set, as they hold at one
// establishment on one day.
type Rules struct {
	Version int `json:"-"` // the rule set's number, for the audit trail

	HouseholdMax int `json:"household_max"`

	OpenRequestsMax    int `json:"open_requests_max"`    // of one account
	ClaimsPerDay       int `json:"claims_per_day"`       // claims about a person held, of one account
	VisitorsPerRequest int `json:"visitors_per_request"` // of one permit request

	PermitWorkingDays       int   `json:"permit_working_days"`        // to decide a request
	PermitPaperDays         int   `json:"permit_paper_days"`          // for the family to bring a paper
	PermitReferralsMax      int   `json:"permit_referrals_max"`       // then the parent decides
	PermitAppealDays        int   `json:"permit_appeal_days"`         //
	PermitValidDays         int   `json:"permit_valid_days"`          // longest validity
	PermitReviewWorkingDays int   `json:"permit_review_working_days"` //
	PermitWarnDays          []int `json:"permit_warn_days"`           // before the end
	PermitSurvivesTransfer  bool  `json:"permit_survives_transfer"`   //
	PermitSurvivesStatus    bool  `json:"permit_survives_status"`     //
	FirstVisitBeforeSight   bool  `json:"first_visit_before_sight"`   // once, before originals are sighted

	Visitors           PartyLimit            `json:"visitors"`
	VisitorsByCategory map[string]PartyLimit `json:"visitors_by_category"`
	AdultAge           int                   `json:"adult_age"`
	InfantAge          int                   `json:"infant_age"` // younger than this is an infant
	InfantsCount       bool                  `json:"infants_count"`
	AdultLead          bool                  `json:"adult_lead"` // one adult with a valid permit leads

	VisitsPerWeek map[LegalStatus]int `json:"visits_per_week"`

	BookFromDays int       `json:"book_from_days"` // earliest notice
	BookToDays   int       `json:"book_to_days"`   // furthest day
	DayOpensAt   ClockTime `json:"day_opens_at"`   // when the furthest day opens, by the establishment's clock

	HoldMinutes              int `json:"hold_minutes"`
	HoldAfterDialogueMinutes int `json:"hold_after_dialogue_minutes"`
	HoldsMax                 int `json:"holds_max"`
	OpenBookingsMax          int `json:"open_bookings_max"`

	ArriveMinutesBefore int   `json:"arrive_minutes_before"`
	NoShowGraceMinutes  int   `json:"no_show_grace_minutes"`
	CourtMarginMinutes  int   `json:"court_margin_minutes"`
	RemindDays          []int `json:"remind_days"` // before the visit; 0 is the day itself
}

// PartyLimit bounds who comes to one visit.
type PartyLimit struct {
	Total    int `json:"total"`
	Adults   int `json:"adults"`
	Children int `json:"children"`
}

// Party gives the limit for a detainee's category.
func (r Rules) Party(category string) PartyLimit {
	if l, ok := r.VisitorsByCategory[category]; ok {
		return l
	}
	return r.Visitors
}

// Week gives how many visits a detainee may have in a week.
func (r Rules) Week(s LegalStatus) int { return r.VisitsPerWeek[s] }

// ClockTime is an hour of the day in minutes after midnight, "10:00" in data.
type ClockTime int

// UnmarshalText reads "10:00".
func (c *ClockTime) UnmarshalText(b []byte) error {
	t, err := time.Parse("15:04", string(b))
	if err != nil {
		return fmt.Errorf("hour %q: write it as 10:00", b)
	}
	*c = ClockTime(t.Hour()*60 + t.Minute())
	return nil
}

// MarshalText writes "10:00".
func (c ClockTime) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%02d:%02d", c/60, c%60), nil
}

// On gives the instant of this hour on the civil day of t in t's zone.
func (c ClockTime) On(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), int(c)/60, int(c)%60, 0, 0, t.Location())
}

// Validate tells which number can't hold.
func (r Rules) Validate() error {
	positive := map[string]int{
		"household_max": r.HouseholdMax, "open_requests_max": r.OpenRequestsMax, "claims_per_day": r.ClaimsPerDay,
		"visitors_per_request": r.VisitorsPerRequest, "permit_working_days": r.PermitWorkingDays,
		"permit_paper_days": r.PermitPaperDays, "permit_valid_days": r.PermitValidDays,
		"visitors.total": r.Visitors.Total, "adult_age": r.AdultAge, "book_to_days": r.BookToDays,
		"hold_minutes": r.HoldMinutes, "holds_max": r.HoldsMax, "open_bookings_max": r.OpenBookingsMax,
	}
	for name, n := range positive {
		if n < 1 {
			return fmt.Errorf("rule %s must be 1 or more, not %d", name, n)
		}
	}
	if r.BookFromDays < 0 || r.BookFromDays > r.BookToDays {
		return fmt.Errorf("book_from_days %d must lie between 0 and book_to_days %d", r.BookFromDays, r.BookToDays)
	}
	for status, n := range r.VisitsPerWeek {
		if n < 0 {
			return fmt.Errorf("visits_per_week.%s must be 0 or more, not %d", status, n)
		}
	}
	return nil
}

// ParseRules reads a rule set and refuses a name it does not know.
func ParseRules(data []byte) (Rules, error) {
	var r Rules
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Rules{}, fmt.Errorf("read rule set: %w", err)
	}
	return r, r.Validate()
}

// Rules gives the rules that hold at an establishment at an instant: its
// country's, with the numbers it sets itself on top.
func (d *Directory) Rules(ctx context.Context, establishmentID int64, at time.Time) (Rules, error) {
	var data []byte
	var version int
	err := d.db.QueryRow(ctx, sqlRules, establishmentID, at).Scan(&data, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		return Rules{}, fault.NotFound("establishment.unknown", nil)
	}
	if err != nil {
		return Rules{}, fmt.Errorf("rules of establishment %d: %w", establishmentID, err)
	}
	r, err := ParseRules(data)
	if err != nil {
		return Rules{}, fmt.Errorf("rules of establishment %d: %w", establishmentID, err)
	}
	r.Version = version
	return r, nil
}

// CountryRules gives the rules of a country where no establishment is known yet.
func (d *Directory) CountryRules(ctx context.Context, country string, at time.Time) (Rules, error) {
	return d.general(ctx, country, at)
}

// DefaultRules gives the rules where not even the country is known: those of
// the first country served.
func (d *Directory) DefaultRules(ctx context.Context, at time.Time) (Rules, error) {
	return d.general(ctx, "", at)
}

func (d *Directory) general(ctx context.Context, country string, at time.Time) (Rules, error) {
	var data []byte
	var version int
	if err := d.db.QueryRow(ctx, sqlCountryRules, country, at).Scan(&data, &version); err != nil {
		return Rules{}, fmt.Errorf("rules of country %q: %w", country, err)
	}
	r, err := ParseRules(data)
	if err != nil {
		return Rules{}, fmt.Errorf("rules of country %q: %w", country, err)
	}
	r.Version = version
	return r, nil
}
