package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// metric is one that a running process has registered.
type metric struct {
	help      string
	labels    []string
	histogram bool
}

var described = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "([^"]*)", .*variableLabels: \{([^}]*)\}\}$`)

// registered reads the registry of a process: what it would tell, if it had
// happened.
func registered(t *testing.T, reg *prometheus.Registry) map[string]metric {
	t.Helper()
	ch := make(chan *prometheus.Desc)
	go func() { reg.Describe(ch); close(ch) }()
	all := map[string]metric{}
	for d := range ch {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("not understood: %s", d)
		}
		if strings.HasPrefix(m[1], "go_") || strings.HasPrefix(m[1], "process_") {
			continue
		}
		all[m[1]] = metric{help: m[2], labels: strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' })}
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		m, ok := all[f.GetName()]
		if !ok && !strings.HasPrefix(f.GetName(), "go_") && !strings.HasPrefix(f.GetName(), "process_") {
			t.Errorf("%s is told and was not described", f.GetName())
		}
		if f.GetType().String() == "HISTOGRAM" && ok {
			m.histogram = true
			all[f.GetName()] = m
		}
	}
	return all
}

// The page of metrics, the dashboard, the alerts and the runbook agree with what
// a process with every role really tells.
func TestMetricsOnPaper(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := registered(t, w.app.metrics)
	t.Run("page", func(t *testing.T) { t.Parallel(); metricsPage(t, all) })
	t.Run("alerts", func(t *testing.T) { t.Parallel(); alertRules(t, all) })
	t.Run("dashboard", func(t *testing.T) { t.Parallel(); dashboard(t, all) })
}

func tree(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var metricRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([^|]*) \\| ([^|]+) \\|$")

func metricsPage(t *testing.T, all map[string]metric) {
	told := map[string]bool{}
	for _, row := range metricRow.FindAllStringSubmatch(tree(t, "docs/metrics.md"), -1) {
		name := row[1]
		told[name] = true
		m, ok := all[name]
		if !ok {
			t.Errorf("docs/metrics.md has %s, which no process tells", name)
			continue
		}
		var labels []string
		for l := range strings.SplitSeq(row[2], ",") {
			if l = strings.Trim(l, " `"); l != "" {
				labels = append(labels, l)
			}
		}
		if !slices.Equal(labels, m.labels) {
			t.Errorf("docs/metrics.md gives %s the labels %v, it has %v", name, labels, m.labels)
		}
	}
	for name, m := range all {
		if !told[name] {
			t.Errorf("docs/metrics.md lacks: | `%s` | %s | %s |", name, strings.Join(m.labels, ", "), m.help)
		}
	}
}

var (
	inQuotes   = regexp.MustCompile(`"[^"]*"`)
	matchers   = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}`)
	grouping   = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	aggregated = regexp.MustCompile(`\s*\b(?:by|without)\s*\([^)]*\)\s*\(`)
	word       = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\(?`)
	promWord   = []string{"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset", "inf"}
	standard   = []string{"up", "job", "instance", "le"} // of Prometheus itself
)

// expression checks that a query asks for what there is.
func expression(t *testing.T, where, expr string, all map[string]metric) {
	t.Helper()
	labels := map[string]bool{}
	for _, l := range standard {
		labels[l] = true
	}
	known := func(name string) (metric, bool) {
		if name == "up" {
			return metric{}, true
		}
		if m, ok := all[name]; ok && !m.histogram {
			return m, true
		}
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			if m, ok := all[strings.TrimSuffix(name, end)]; ok && strings.HasSuffix(name, end) {
				return m, true
			}
		}
		return metric{}, false
	}
	bare := inQuotes.ReplaceAllString(expr, `""`)
	for _, m := range matchers.FindAllStringSubmatch(bare, -1) {
		of, _ := known(m[1])
		for _, l := range regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`).FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(of.labels, l[1]) && !slices.Contains(standard, l[1]) {
				t.Errorf("%s: %s has no label %s", where, m[1], l[1])
			}
		}
	}
	rest := regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|\b\d[\dsmhdw.]*`).ReplaceAllString(bare, " ")
	groups := grouping.FindAllStringSubmatch(rest, -1)
	rest = aggregated.ReplaceAllString(rest, "(") // sum by (x) (…) is a function as sum(…) is
	rest = grouping.ReplaceAllString(rest, " ")
	names := 0
	for _, id := range word.FindAllString(rest, -1) {
		if strings.HasSuffix(id, "(") || slices.Contains(promWord, id) {
			continue
		}
		m, ok := known(id)
		if !ok {
			t.Errorf("%s asks for %s, which no process tells", where, id)
		}
		names++
		for _, l := range m.labels {
			labels[l] = true
		}
	}
	if names == 0 {
		t.Errorf("%s asks for nothing: %s", where, expr)
	}
	for _, g := range groups {
		for _, l := range strings.FieldsFunc(g[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			if !labels[l] {
				t.Errorf("%s groups by %s, which none of its metrics has", where, l)
			}
		}
	}
}

var (
	alertName = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	runbook   = regexp.MustCompile(`(?m)^ +runbook: docs/runbook\.md#([a-z-]+)$`)
	heading   = regexp.MustCompile(`(?m)^## (.+)$`)
)

func alertRules(t *testing.T, all map[string]metric) {
	rules := tree(t, "deploy/prometheus/wasl.rules.yml")
	sections := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(tree(t, "docs/runbook.md"), -1) {
		sections[strings.ReplaceAll(strings.ToLower(h[1]), " ", "-")] = false
	}
	at := alertName.FindAllStringSubmatchIndex(rules, -1)
	if len(at) < 10 {
		t.Fatalf("only %d alerts found", len(at))
	}
	for i, m := range at {
		name, end := rules[m[2]:m[3]], len(rules)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		body := rules[m[1]:end]
		_, expr, found := strings.Cut(body, "expr: |\n")
		expr, _, ended := strings.Cut(expr, "for: ")
		if !found || !ended {
			t.Errorf("%s has no expr before its for", name)
			continue
		}
		expression(t, name, expr, all)
		anchor := runbook.FindStringSubmatch(body)
		if anchor == nil {
			t.Errorf("%s names no section of the runbook", name)
			continue
		}
		if _, ok := sections[anchor[1]]; !ok {
			t.Errorf("%s sends to docs/runbook.md#%s, which is not there: %v", name, anchor[1], slices.Sorted(maps.Keys(sections)))
		}
		sections[anchor[1]] = true
	}
	for section, named := range sections {
		if !named {
			t.Errorf("no alert leads to docs/runbook.md#%s", section)
		}
	}
}

// panel is what is checked of the dashboard's JSON.
type panel struct {
	Title      string
	Type       string
	Datasource struct{ UID string }
	Targets    []struct{ Expr string }
	Panels     []panel
}

func dashboard(t *testing.T, all map[string]metric) {
	var d struct {
		Title         string
		UID           string
		SchemaVersion int
		Panels        []panel
		Templating    struct {
			List []struct{ Name, Type, Query string }
		}
	}
	if err := json.Unmarshal([]byte(tree(t, "deploy/grafana/wasl.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 36 {
		t.Errorf("title %q, uid %q, schema %d", d.Title, d.UID, d.SchemaVersion)
	}
	variables := map[string]bool{}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	if !variables["datasource"] {
		t.Error("no variable for the datasource")
	}
	queries := 0
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			queries++
			if p.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q has its data from %q", p.Title, p.Datasource.UID)
			}
			for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if !variables[v[1]] && !strings.HasPrefix(v[1], "__") {
					t.Errorf("panel %q uses $%s, which is no variable", p.Title, v[1])
				}
			}
			expression(t, fmt.Sprintf("panel %q", p.Title), target.Expr, all)
		}
	}
	if queries < 15 {
		t.Errorf("only %d queries", queries)
	}
}
