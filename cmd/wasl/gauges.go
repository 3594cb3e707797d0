package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/internal/outbox"
	"github.com/wasl-sms/wasl/internal/schedule"
)

// gaugesWithin bounds what a scrape may ask of the database.
const gaugesWithin = 3 * time.Second

// gauges tells at each scrape what the database knows and no process counts:
// what is stuck, when jobs ran. Each process with the worker role tells
// the same.
type gauges struct {
	outbox *outbox.Outbox
	inbox  *inbox.Inbox
	jobs   *schedule.Runner
	log    *slog.Logger
}

var (
	longInDoubt = gauge("msg_in_doubt", "Parts written more than a minute ago of whose answer nothing is known.", "operator")
	longParked  = gauge("dlr_parked", "Receipts that have named no part for more than a minute.")
	setAside    = gauge("mo_set_aside", "Texts from people that failed too often and wait for somebody.")
	jobSuccess  = gauge("cron_last_success_timestamp_seconds", "The instant for which a job last ran without an error.", "job")
	jobDue      = gauge("cron_due_timestamp_seconds", "The instant for which a job is to run next: in the past while it is late.", "job")
	partUp      = gauge("wasl_part_up", "1 while this process can use the part.", "part")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var _ prometheus.Collector = gauges{}

// Describe implements prometheus.Collector.
func (gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{longInDoubt, longParked, setAside, jobSuccess, jobDue} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What the database does not tell in
// time is left out.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), gaugesWithin)
	defer cancel()
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, ask := range []func(context.Context, func(*prometheus.Desc, float64, ...string)) error{g.stuck, g.standings} {
		if err := ask(ctx, tell); err != nil {
			g.log.WarnContext(ctx, "metrics of the database", "error", err)
		}
	}
}

func (g gauges) stuck(ctx context.Context, tell func(*prometheus.Desc, float64, ...string)) error {
	stuck, err := g.outbox.Stuck(ctx)
	if err != nil {
		return err
	}
	for operator, n := range stuck.InDoubt {
		tell(longInDoubt, float64(n), operator)
	}
	tell(longParked, float64(stuck.Receipts))
	aside, err := g.inbox.SetAside(ctx)
	if err != nil {
		return err
	}
	tell(setAside, float64(aside))
	return nil
}

func (g gauges) standings(ctx context.Context, tell func(*prometheus.Desc, float64, ...string)) error {
	all, err := g.jobs.Standings(ctx)
	for _, j := range all {
		if !j.Success.IsZero() {
			tell(jobSuccess, float64(j.Success.Unix()), j.Job)
		}
		tell(jobDue, float64(j.Due.Unix()), j.Job)
	}
	return err
}

// parts tells at each scrape whether the parts of /readyz can be used.
type parts map[string]func(context.Context) error

// Describe implements prometheus.Collector.
func (parts) Describe(ch chan<- *prometheus.Desc) { ch <- partUp }

// Collect implements prometheus.Collector.
func (p parts) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), gaugesWithin)
	defer cancel()
	for name, check := range p {
		up := 1.0
		if check(ctx) != nil {
			up = 0
		}
		ch <- prometheus.MustNewConstMetric(partUp, prometheus.GaugeValue, up, name)
	}
}
