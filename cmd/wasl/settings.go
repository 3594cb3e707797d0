package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/dialog"
)

// Settings are shared by all commands.
type Settings struct {
	DatabaseURL string        `name:"database-url" env:"WASL_DATABASE_URL" placeholder:"URL" help:"PostgreSQL 15 or newer. Unset: a private server is started in the data directory."`
	RedisURL    string        `name:"redis-url" env:"WASL_REDIS_URL" placeholder:"URL" help:"Redis 7 or newer; several, separated by commas: a cluster. Unset: a private redis-server, or memory where there is none."`
	HTTPAddr    string        `name:"http-addr" env:"WASL_HTTP_ADDR" default:"localhost:8080" help:"Where the back-office, /healthz and /readyz are served."`
	MetricsAddr string        `name:"metrics-addr" env:"WASL_METRICS_ADDR" placeholder:"ADDR" help:"Where /metrics is served. Unset: beside the back-office, to this machine only."`
	Operators   string        `name:"operators" env:"WASL_OPERATORS" placeholder:"FILE" help:"Operators file (TOML): names, prefixes, codes, binds."`
	DataDir     string        `name:"data-dir" env:"WASL_DATA_DIR" default:"${data}" help:"Where the private database, keys and files live."`
	Keys        string        `name:"keys" env:"WASL_KEYS" placeholder:"FILE" help:"Key file. Unset: made in the data directory, with a warning."`
	TLSCert     string        `name:"tls-cert" env:"WASL_TLS_CERT" placeholder:"FILE" help:"Certificate of the back-office. Unset: plain HTTP, for a proxy in front or this machine."`
	TLSKey      string        `name:"tls-key" env:"WASL_TLS_KEY" placeholder:"FILE" help:"Its private key."`
	BehindTLS   bool          `name:"behind-tls" env:"WASL_BEHIND_TLS" help:"A proxy in front speaks TLS: cookies are for HTTPS only."`
	KeepTexts   int           `name:"keep-texts" env:"WASL_KEEP_TEXTS" default:"13" help:"Whole months that texts, sent and received, are kept after the one they belong to."`
	Limits      dialog.Limits `kong:"-"` // of dialogues; what is zero takes its default
	Listen      time.Duration `name:"listen" env:"WASL_LISTEN" hidden:"" help:"How long an operator is listened to before what it says nothing of is decided. For tests. 0: two minutes."`
	Log         string        `name:"log" env:"WASL_LOG" default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
}

// roles of a process.
var roles = []string{"gateway", "ussd", "web", "worker"} //nolint:gochecknoglobals // a constant list

func defaultDataDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "wasl")
	}
	return "var"
}

// check refuses settings that contradict each other, with what to change.
func (s Settings) check() error {
	if s.KeepTexts < 1 {
		return fmt.Errorf("WASL_KEEP_TEXTS is %d: write the number of months that texts are kept, at least 1", s.KeepTexts)
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return errors.New("WASL_TLS_CERT and WASL_TLS_KEY belong together: set both, or neither for plain HTTP")
	}
	if _, _, err := net.SplitHostPort(s.HTTPAddr); err != nil {
		return fmt.Errorf("WASL_HTTP_ADDR is %q: write it as host:port, for example localhost:8080", s.HTTPAddr)
	}
	if s.MetricsAddr != "" {
		if _, _, err := net.SplitHostPort(s.MetricsAddr); err != nil {
			return fmt.Errorf("WASL_METRICS_ADDR is %q: write it as host:port, for example localhost:9090", s.MetricsAddr)
		}
		if s.MetricsAddr == s.HTTPAddr {
			return errors.New("WASL_METRICS_ADDR and WASL_HTTP_ADDR are the same: give the metrics another port, or leave them unset")
		}
	}
	if s.DatabaseURL != "" {
		if u, err := url.Parse(s.DatabaseURL); err != nil || !slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) {
			return errors.New("WASL_DATABASE_URL must begin with postgres://, for example postgres://wasl@db/wasl")
		}
	}
	for a := range strings.SplitSeq(s.RedisURL, ",") {
		if u, err := url.Parse(a); a != "" && (err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme)) {
			return errors.New("WASL_REDIS_URL must begin with redis://, rediss:// or unix://, for example redis://cache:6379")
		}
	}
	for name, file := range map[string]string{"WASL_OPERATORS": s.Operators, "WASL_TLS_CERT": s.TLSCert, "WASL_TLS_KEY": s.TLSKey, "WASL_KEYS": s.Keys} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%s names %s, which can't be read: %w", name, file, err)
		}
	}
	return nil
}

func (s Settings) logLevel() slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s.Log)); err != nil {
		return slog.LevelInfo
	}
	return l
}
