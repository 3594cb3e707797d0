package smsc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Dose says how many messages a fault strikes: 1 or more is the next so many,
// between 0 and 1 is the chance of each, 0 is none.
type Dose float64

// Always strikes every message.
const Always Dose = math.MaxFloat64

// strikes decides for one message and counts it; draw yields from [0,1).
func (d *Dose) strikes(draw func() float64) bool {
	switch {
	case *d == Always:
		return true
	case *d >= 1:
		*d = Dose(math.Floor(float64(*d))) - 1
		return true
	case *d > 0:
		return draw() < float64(*d)
	}
	return false
}

// String is "3", "10%", "all" or "off".
func (d Dose) String() string {
	switch {
	case d == Always:
		return "all"
	case d >= 1:
		return strconv.FormatFloat(math.Floor(float64(d)), 'f', 0, 64)
	case d > 0:
		return strconv.FormatFloat(float64(d)*100, 'g', 6, 64) + "%"
	}
	return "off"
}

func parseDose(s string) (Dose, error) {
	switch s {
	case "all", "on", "100%":
		return Always, nil
	case "off", "0", "0%":
		return 0, nil
	}
	if p, ok := strings.CutSuffix(s, "%"); ok {
		v, err := strconv.ParseFloat(p, 64)
		if err != nil || v <= 0 || v > 100 {
			return 0, fmt.Errorf("%q is no share: write 10%%", s)
		}
		return Dose(v / 100), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not how many: write 3 for the next three, 10%% for that chance, or all", s)
	}
	return Dose(n), nil
}
