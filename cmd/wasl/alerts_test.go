package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// promtool is in the path, or where scripts/install-deps puts it.
func promtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("promtool"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "wasl", "promtool")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Fatal("no promtool: run scripts/install-deps test")
	}
	return path
}

var (
	alertTried = regexp.MustCompile(`(?m)^ +alertname: (\w+)\n +exp_alerts:( \[\])?$`)
	alertRule  = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
)

// Every alert fires when it should, with the words it should, and keeps still
// when it should: deploy/prometheus/*_test.yml has both cases of each.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	const dir = "../../deploy/prometheus"
	files, err := filepath.Glob(filepath.Join(dir, "*_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	args := []string{"test", "rules"}
	for _, path := range files {
		args = append(args, filepath.Base(path))
		for _, m := range alertTried.FindAllStringSubmatch(tree(t, filepath.Join("deploy/prometheus", filepath.Base(path))), -1) {
			if m[2] == "" {
				fires[m[1]] = true
			} else {
				silent[m[1]] = true
			}
		}
	}
	for _, m := range alertRule.FindAllStringSubmatch(tree(t, "deploy/prometheus/wasl.rules.yml"), -1) {
		if !fires[m[1]] || !silent[m[1]] {
			t.Errorf("%s: a test in which it fires: %v, in which it keeps still: %v", m[1], fires[m[1]], silent[m[1]])
		}
	}
	cmd := exec.CommandContext(t.Context(), promtool(t), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), "SUCCESS") != len(files) {
		t.Errorf("%v\n%s", err, out)
	}
}
