// Package dialogtest plays conversations written down as text files, so that a
// translator can read what a person sees and a test can check it.
//
//	# a comment
//	phone +212600000001        who keys from here on
//	> *369#                    keyed: a code is dialled, anything else answers
//	< 1 Oui                    the screen that comes, line by line
//	< 2 Non
//	end                        the network closed the session with that screen
//	sms> SUIVI {ref}           a text is sent
//	sms< Votre demande {ref}   a text that comes
//	sms| a further line of it
//	do grant {ref}             something else happens, as the test defines it
//
// {ref}, {code}, {date}, {time}, {day} and {n} stand for values that differ from
// run to run: the first place sets them, further ones repeat them. {ref2} and the
// like are other values of the same sort. With -update files are rewritten
// with what came.
package dialogtest

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
)

var update = flag.Bool("update", false, "rewrite transcripts with what came")

// Screen is what a phone shows.
type Screen struct {
	Text string
	End  bool
}

// Phone is a handset, however it is connected.
type Phone interface {
	Dial(ctx context.Context, code string) (Screen, error)
	Answer(ctx context.Context, input string) (Screen, error)
	Text(ctx context.Context, body string) error
	// Inbox gives the texts that have come since the last call, once there are
	// at least n of them or ctx ends.
	Inbox(ctx context.Context, n int) ([]string, error)
}

// World is what a transcript is played in.
type World struct {
	Phone func(t *testing.T, number string) Phone
	// Do runs what a line "do" asks for.
	Do map[string]func(t *testing.T, args []string)
	// Fleeting names the sorts of values that -update writes as placeholders:
	// besides references, "day", "date" and "time" where the clock is the real one.
	Fleeting []string
	// Wait is how long a text may take to come; 10 s.
	Wait time.Duration
}

// Run plays every transcript that the pattern names, each as a subtest in a
// world of its own.
func Run(t *testing.T, pattern string, world func(t *testing.T) World) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcript under %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".dialog"), func(t *testing.T) {
			t.Parallel()
			Play(t, file, world(t))
		})
	}
}

// Play plays one transcript.
func Play(t *testing.T, file string, w World) {
	t.Helper()
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if w.Wait == 0 {
		w.Wait = 10 * time.Second
	}
	p := &player{t: t, w: w, values: map[string]string{}}
	came := p.play(strings.Split(strings.TrimRight(string(written), "\n"), "\n"))
	if t.Failed() {
		return
	}
	got := strings.Join(came, "\n") + "\n"
	if got == string(written) {
		return
	}
	if !*update {
		t.Fatalf("%s went otherwise (rewrite with -update):\n%s", file, diff(string(written), got))
	}
	if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

type player struct {
	t      *testing.T
	w      World
	phone  Phone
	values map[string]string
}

// isExpected tells whether a line says what comes, rather than what is done.
func isExpected(line string) bool {
	return line == "end" || strings.HasPrefix(line, "<") || strings.HasPrefix(line, "sms<") || strings.HasPrefix(line, "sms|")
}

// play acts out the lines and gives them back with what came in place of
// what was expected.
func (p *player) play(script []string) []string {
	var out []string
	for i := 0; i < len(script); {
		line := script[i]
		i++
		var expected []string
		for i < len(script) && isExpected(script[i]) {
			expected = append(expected, script[i])
			i++
		}
		out = append(out, line)
		out = append(out, p.settle(expected, p.act(line, expected))...)
		if p.t.Failed() {
			break
		}
	}
	return out
}

// act does one line and gives the lines of what came.
func (p *player) act(line string, expected []string) []string {
	ctx, cancel := context.WithTimeout(p.t.Context(), p.w.Wait)
	defer cancel()
	verb, rest, _ := strings.Cut(line, " ")
	rest = p.fill(rest)
	if verb != "" && !strings.HasPrefix(verb, "#") && verb != "phone" && verb != "do" && p.phone == nil {
		p.t.Fatalf("%q before a line that says which phone", line)
	}
	var came []string
	switch verb {
	case "phone":
		p.phone = p.w.Phone(p.t, rest)
		return nil
	case "do":
		words := strings.Fields(rest)
		if len(words) == 0 || p.w.Do[words[0]] == nil {
			p.t.Fatalf("%q: nothing of that name can be done here", line)
		}
		p.w.Do[words[0]](p.t, words[1:])
	case ">":
		came = p.key(ctx, rest)
	case "sms>":
		if err := p.phone.Text(ctx, rest); err != nil {
			p.t.Fatalf("%q: %v", line, err)
		}
	case "":
		return nil
	default:
		if !strings.HasPrefix(line, "#") {
			p.t.Fatalf("%q: no such line in a transcript", line)
		}
		return nil
	}
	return append(came, p.texts(ctx, expected)...)
}

func (p *player) key(ctx context.Context, input string) []string {
	press := p.phone.Answer
	if strings.HasSuffix(input, "#") && (strings.HasPrefix(input, "*") || strings.HasPrefix(input, "#")) && len(input) > 1 {
		press = p.phone.Dial
	}
	screen, err := press(ctx, input)
	if err != nil {
		p.t.Fatalf("key %q: %v", input, err)
	}
	var came []string
	for l := range strings.SplitSeq(screen.Text, "\n") {
		came = append(came, strings.TrimRight("< "+l, " "))
	}
	if screen.End {
		came = append(came, "end")
	}
	return came
}

// texts waits for as many texts as are expected here.
func (p *player) texts(ctx context.Context, expected []string) []string {
	n := 0
	for _, l := range expected {
		if strings.HasPrefix(l, "sms<") {
			n++
		}
	}
	if p.phone == nil {
		return nil
	}
	texts, err := p.phone.Inbox(ctx, n)
	if err != nil {
		p.t.Fatalf("inbox: %v", err)
	}
	var came []string
	for _, text := range texts {
		mark := "sms< "
		for l := range strings.SplitSeq(text, "\n") {
			came = append(came, strings.TrimRight(mark+l, " "))
			mark = "sms| "
		}
	}
	return came
}

// settle keeps each expected line that what came fits, with its placeholders.
func (p *player) settle(expected, came []string) []string {
	if len(expected) == len(came) {
		before := maps.Clone(p.values)
		if p.fits(expected, came) {
			return expected
		}
		p.values = before
	}
	out := make([]string, len(came))
	for i, l := range came {
		if i < len(expected) && p.fits(expected[i:i+1], came[i:i+1]) {
			out[i] = expected[i]
			continue
		}
		out[i] = p.general(l)
	}
	return out
}

var placeholder = regexp.MustCompile(`\{([a-z]+)([0-9]*)\}`)

// sorts of values that differ from run to run.
var sorts = map[string]string{
	"ref": `[0-9]{8}`, "code": `[0-9]{8}`, "date": `[0-9]{2}/[0-9]{2}/[0-9]{4}`, "time": `[0-9]{2}:[0-9]{2}`,
	"day": `\S+ [0-9]{2}/[0-9]{2}`, "n": `[0-9]+`,
}

func (p *player) fits(expected, came []string) bool {
	for i, want := range expected {
		var names []string
		var pattern strings.Builder
		rest := want
		for rest != "" {
			at := placeholder.FindStringSubmatchIndex(rest)
			if at == nil {
				break
			}
			name, sort := rest[at[2]:at[5]], rest[at[2]:at[3]]
			pattern.WriteString(regexp.QuoteMeta(rest[:at[0]]))
			if v, ok := p.values[name]; ok {
				pattern.WriteString("(" + regexp.QuoteMeta(v) + ")")
			} else if sorts[sort] != "" {
				pattern.WriteString("(" + sorts[sort] + ")")
			} else {
				p.t.Fatalf("%q: {%s} is no sort of value", want, name)
			}
			names = append(names, name)
			rest = rest[at[1]:]
		}
		pattern.WriteString(regexp.QuoteMeta(rest))
		found := regexp.MustCompile("^" + pattern.String() + "$").FindStringSubmatch(came[i])
		if found == nil {
			return false
		}
		for j, name := range names {
			if had, ok := p.values[name]; ok && had != found[j+1] {
				return false
			}
			p.values[name] = found[j+1]
		}
	}
	return true
}

// general writes a line that came with placeholders for what will differ.
func (p *player) general(line string) string {
	for name, v := range p.values {
		line = strings.ReplaceAll(line, v, "{"+name+"}")
	}
	for _, sort := range append([]string{"ref"}, p.w.Fleeting...) {
		line = regexp.MustCompile(`\b`+sorts[sort]+`\b`).ReplaceAllStringFunc(line, func(v string) string {
			if sort == "ref" && !casework.ValidRef(v) { // eight digits of another sort: an example of a date
				return v
			}
			name := sort
			for n := 2; p.values[name] != ""; n++ {
				name = fmt.Sprint(sort, n)
			}
			p.values[name] = v
			return "{" + name + "}"
		})
	}
	return line
}

// fill puts the values seen into what is keyed.
func (p *player) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := p.values[strings.Trim(m, "{}")]; ok {
			return v
		}
		p.t.Fatalf("%s has not been seen yet", m)
		return m
	})
}

// diff shows the first lines that differ.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			from := max(0, i-3)
			return fmt.Sprintf("line %d\nexpected:\n\t%s\ncame:\n\t%s", i+1,
				strings.Join(w[min(from, len(w)):min(i+6, len(w))], "\n\t"), strings.Join(g[min(from, len(g)):min(i+6, len(g))], "\n\t"))
		}
	}
	return ""
}
