package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/text"
)

type operatorsPage struct {
	Rows []operatorRow
	Run  bool // the reader may give orders
}

type operatorRow struct {
	desk.OperatorRow
	Path  string
	Other []links.State // of binds that are not bound
}

func (s *Server) operators(q *request) error {
	rows, err := s.Operators.List(q.r.Context(), q.who)
	if err != nil {
		return err
	}
	p := operatorsPage{Run: q.who.Role.May(desk.RunOperators)}
	for _, r := range rows {
		row := operatorRow{OperatorRow: r, Path: "/operators/" + url.PathEscape(r.Operator.Operator)}
		for _, l := range r.Links {
			if l.State != links.Bound {
				row.Other = append(row.Other, l.State)
			}
		}
		p.Rows = append(p.Rows, row)
	}
	return q.render(http.StatusOK, view{Page: "operators", Data: p, Watch: "/operators-live"})
}

type operatorPage struct {
	desk.OperatorView
	Path   string
	Links  []linkRow
	Chart  bars
	Run    bool
	Traced bool // something is being recorded, or was just now
}

type linkRow struct {
	desk.Link
	ID     string
	Path   string
	Spark  spark
	Answer int          // milliseconds
	Used   int          // of the window, in hundredths
	Traced bool         // it is being recorded, or will be at once
	Broken bool         // that was wished, and nothing is recorded
	File   string       // where it is recorded, below the data directory
	Orders []links.Wish // that may be given
}

func (s *Server) operator(q *request) error {
	p, err := s.loadOperator(q, q.name("name"))
	if err != nil {
		return err
	}
	return q.render(http.StatusOK, p.view())
}

func (p operatorPage) view(problems ...problem) view {
	return view{Page: "operator", Data: p, Watch: p.Path + "/live", Problems: problems}
}

func (s *Server) loadOperator(q *request, name string) (operatorPage, error) {
	v, err := s.Operators.Operator(q.r.Context(), q.who, name)
	if err != nil {
		return operatorPage{}, err
	}
	p := operatorPage{
		OperatorView: v, Path: "/operators/" + url.PathEscape(name), Chart: barsOf(v.Hours), Run: q.who.Role.May(desk.RunOperators),
	}
	for _, l := range v.Links {
		wished := l.TraceUntil.After(q.now())
		row := linkRow{
			Link: l, ID: l.File(), Path: p.Path + "/" + url.PathEscape(l.Bind.Name), Spark: sparkOf(l.Minutes),
			Answer: answerTime(l), Traced: wished && !l.Trace.Over(), Broken: wished && l.Trace.Over(), File: "traces/" + l.File() + "-….pcap",
		}
		if l.Window > 0 {
			row.Used = min(100, 100*l.InFlight/l.Window)
		}
		for _, w := range []links.Wish{links.Run, links.Pause, links.Drain} {
			if w != l.Wish {
				row.Orders = append(row.Orders, w)
			}
		}
		p.Links = append(p.Links, row)
		p.Traced = p.Traced || row.Traced
	}
	return p, nil
}

// order gives a bind an order. Whoever was overtaken sees how the bind stands
// now, and who was quicker.
func (s *Server) order(q *request) error {
	operator, bind := q.name("name"), q.name("bind")
	key, err := q.key()
	if err != nil {
		return err
	}
	version := int(q.number("version"))
	switch do := q.field("do"); do {
	case "trace", "untrace":
		err = s.Operators.Trace(q.r.Context(), q.who, key, operator, bind, do == "trace", version)
	default:
		err = s.Operators.Wish(q.r.Context(), q.who, key, operator, bind, links.Wish(do), version)
	}
	if fault.KindOf(err) == fault.KindConflict {
		return s.overtaken(q, operator, bind, err)
	}
	if err != nil {
		return err
	}
	return q.see("/operators/" + url.PathEscape(operator))
}

func (s *Server) overtaken(q *request, operator, bind string, err error) error {
	p, loadErr := s.loadOperator(q, operator)
	if loadErr != nil {
		return loadErr
	}
	said := problem{"", q.said(err)}
	for _, l := range p.Links {
		if l.Bind.Name == bind && l.SetByName != "" {
			at := l.SetAt.In(q.who.Zone)
			said = problem{l.ID, text.L("web.overtaken", text.Params{"name": l.SetByName, "date": at, "time": at})}
		}
	}
	return q.render(http.StatusConflict, p.view(said))
}

// reloadOperators asks all processes to read the file again. Their answers come
// on the operator's page.
func (s *Server) reloadOperators(q *request) error {
	key, err := q.key()
	if err != nil {
		return err
	}
	if err := s.Operators.Reload(q.r.Context(), q.who, key); err != nil {
		return err
	}
	if to := q.field("operator"); to != "" {
		return q.see("/operators/" + url.PathEscape(to) + "#reloads")
	}
	return q.see("/operators")
}

// name reads a part of the path that may hold anything.
func (q *request) name(part string) string {
	raw := q.path(part)
	if q.r.URL.RawPath == "" {
		return raw
	}
	name, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return name
}

// machine is the part of a process's name that says where it runs.
func machine(process string) string {
	host, rest, ok := strings.Cut(process, "/")
	if !ok {
		return process
	}
	pid, _, _ := strings.Cut(rest, "/")
	return host + " · " + pid
}

// waited is how long something waits, which the catalogue writes in minutes.
func waited(d time.Duration) time.Duration { return max(d, time.Minute) }
