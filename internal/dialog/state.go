package dialog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/form"
	"github.com/wasl-sms/wasl/internal/text"
)

// place is where in a dialogue the person is.
type place string

const (
	atLang   place = "lang"
	atPIN    place = "pin"
	atResume place = "resume"
	atMenu   place = "menu"
	atAsk    place = "ask"
	atSay    place = "say"   // a text with a way back to the menu
	atLeave  place = "leave" // leave the errand in progress for another?
	atMeant  place = "meant" // did you mean this word?
	atCancel place = "cancel"
	atEnd    place = "end"
)

// state is a dialogue in progress. Nothing of it is ever stored unsealed, and
// the PIN is not in it.
type state struct {
	ID    string    `json:"i,omitempty"`
	At    place     `json:"p,omitempty"`
	Lang  text.Lang `json:"l,omitempty"`
	Acc   int64     `json:"a,omitempty"`
	PINAt int64     `json:"k,omitempty"` // when the PIN was checked
	Run   *run      `json:"r,omitempty"` // the errand in progress
	Menu  []string  `json:"m,omitempty"` // entries by number, as they were shown
	After string    `json:"f,omitempty"` // entry to open next, after the PIN or a question
	Args  []string  `json:"g,omitempty"` // and the words that came with it
	Ref   string    `json:"e,omitempty"` // whose status to show after the PIN
	Seen  string    `json:"v,omitempty"` // name of the screen shown last
	Page  int       `json:"n,omitempty"`
	Wrong int       `json:"w,omitempty"` // answers in a row that could not be taken
	Said  string    `json:"y,omitempty"` // text being read page by page

	// USSD
	Net   string `json:"s,omitempty"` // the network's name for the session
	Dial  string `json:"d,omitempty"`
	Began int64  `json:"b,omitempty"` // ms
	Last  int64  `json:"t,omitempty"` // ms
	Steps int    `json:"c,omitempty"`
	Made  int64  `json:"o,omitempty"`  // µs; when the last page was made
	Unit  uint8  `json:"j,omitempty"`  // its number
	Units bool   `json:"b2,omitempty"` // the operator has given a page's number back
	Past  string `json:"s2,omitempty"` // Net of the session that this one replaced
	Keyed int    `json:"t2,omitempty"` // octets of all that was keyed, where the network repeats them

	// SMS
	Rest   []string `json:"x,omitempty"` // pages not sent yet
	Wish   string   `json:"z,omitempty"` // what to do once a question of ours is answered
	Until  int64    `json:"u,omitempty"` // ms; when an open question lapses
	Helped []int64  `json:"h,omitempty"` // ms; help texts of the last day
	Expect *expect  `json:"q,omitempty"`
}

// run is one errand from its first question to its receipt. Its ID is the key
// of its effect, so that it takes effect once however often its last step is
// repeated, also after a drop and a resume.
type run struct {
	ID      string     `json:"i"`
	Entry   string     `json:"e"`
	Version int        `json:"v"`
	Draft   form.Draft `json:"d"`
	Secret  bool       `json:"s,omitempty"` // holds a PIN: not to be kept as a draft any more
	Holds   bool       `json:"h,omitempty"` // holds an identity number
	Touched bool       `json:"t,omitempty"` // something was answered
	Shown   []string   `json:"o,omitempty"` // the choices as they were shown: key, space, value
}

func (r *run) show(options []form.Option) {
	r.Shown = nil
	for _, o := range options {
		r.Shown = append(r.Shown, o.Key+" "+o.Value)
	}
}

// offered tells whether a key was among the choices as they were shown.
func (r *run) offered(key string) bool {
	return slices.ContainsFunc(r.Shown, func(s string) bool { return strings.HasPrefix(s, key+" ") })
}

// meant turns the key that a person read into the one that its choice has now:
// a list may have moved since, the more so where a text waits for a day. ok is
// false when the choice is gone.
func (r *run) meant(input string, now []form.Option) (key string, ok bool) {
	input = strings.TrimRight(input, ".)")
	for _, s := range r.Shown {
		shown, value, _ := strings.Cut(s, " ")
		if shown != input {
			continue
		}
		i := slices.IndexFunc(now, func(o form.Option) bool { return o.Value == value })
		if i < 0 {
			return "", false
		}
		return now[i].Key, true
	}
	return input, true
}

// expect is a question that a text of ours asked: a bare digit answers it.
type expect struct {
	Entry string   `json:"e"`
	Args  []string `json:"a,omitempty"`
	Until int64    `json:"u"` // ms
}

// Drafts of forms are JSON already; kept so, the state stays small.
func (r run) MarshalJSON() ([]byte, error) {
	type plain run
	return json.Marshal(struct {
		plain
		Draft json.RawMessage `json:"d"`
	}{plain(r), json.RawMessage(r.Draft)})
}

func (r *run) UnmarshalJSON(b []byte) error {
	type plain run
	v := struct {
		*plain
		Draft json.RawMessage `json:"d"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	r.Draft = form.Draft(v.Draft)
	return nil
}

func (d *Dialog) sealState(h string, version uint64, s *state) ([]byte, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode a dialogue: %w", err)
	}
	return d.Seal.Seal(h, version, plain), nil
}

func (d *Dialog) openState(h string, version uint64, sealed []byte) (*state, error) {
	plain, err := d.Seal.Open(h, version, sealed)
	if err != nil {
		return nil, fmt.Errorf("open a dialogue: %w", err)
	}
	s := &state{}
	if err := json.Unmarshal(plain, s); err != nil {
		return nil, fmt.Errorf("read a dialogue: %w", err)
	}
	return s, nil
}

// pinLasts is how long a checked PIN counts in a conversation.
const pinLasts = 10 * time.Minute

func (s *state) pinGiven(now time.Time) bool {
	return s.PINAt != 0 && now.Sub(time.Unix(s.PINAt, 0)) < pinLasts
}

// idle tells whether nothing is being asked.
func (s *state) idle(now time.Time) bool {
	return s.At == "" || s.At == atEnd || s.Until != 0 && now.UnixMilli() > s.Until
}
