package web

import (
	"fmt"
	"strings"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/links"
)

// Charts are drawn here and said beside: whoever can't see them reads the
// numbers.

// spark is the rate of a bind, minute by minute.
type spark struct {
	Path  string // in a box of 59 by 20
	Total int
	Peak  int // in one minute
}

func sparkOf(minutes []links.Minute) spark {
	var s spark
	for _, m := range minutes {
		s.Total += traffic(m)
		s.Peak = max(s.Peak, traffic(m))
	}
	if s.Peak == 0 {
		return s
	}
	var path strings.Builder
	path.WriteString("M0 20")
	for i, m := range minutes {
		fmt.Fprintf(&path, "L%d %.1f", i, 20-19*float64(traffic(m))/float64(s.Peak))
	}
	fmt.Fprintf(&path, "L%d 20Z", len(minutes)-1)
	s.Path = path.String()
	return s
}

// traffic is what went over a bind either way; receipts come of what was sent.
func traffic(m links.Minute) int { return m.Submitted + m.Inbound + m.USSD }

// bars is what was sent and what became of it, by the hour. Each hour has 12
// units of width: what was sent, and beside it what was heard of.
type bars struct {
	Hours []bar
	Max   int
	Sum   links.Minute
}

type bar struct {
	links.Minute
	X          int
	SentH      float64 // of 100
	DeliveredH float64
	LostH      float64
	DoubtH     float64
}

// Y is where a piece begins that stands on others.
func (b bar) Y(below ...float64) float64 {
	y := 100.0
	for _, h := range below {
		y -= h
	}
	return y
}

func barsOf(hours []links.Minute) bars {
	var c bars
	for _, h := range hours {
		c.Sum.Add(h)
		c.Max = max(c.Max, h.Sent, h.Delivered+h.Undelivered+h.Unknown)
	}
	scale := 0.0
	if c.Max > 0 {
		scale = 100 / float64(c.Max)
	}
	for i, h := range hours {
		c.Hours = append(c.Hours, bar{
			Minute: h, X: 12 * i, SentH: scale * float64(h.Sent), DeliveredH: scale * float64(h.Delivered),
			LostH: scale * float64(h.Undelivered), DoubtH: scale * float64(h.Unknown),
		})
	}
	return c
}

// answerTime is how long a bind's operator took to answer in the last hour, in
// milliseconds; 0 where nothing was answered.
func answerTime(l desk.Link) int {
	answered := l.Hour.Submitted - l.Hour.Unknown
	if answered <= 0 {
		return 0
	}
	return int(l.Hour.ResponseMS) / answered
}
