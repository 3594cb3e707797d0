// Command rivals submits texts to an SMPP peer with other Go libraries, so that
// `wasl bench smpp --rivals` can set them beside its own sessions. It is a
// module of its own: the program needs none of this.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// text is what `wasl bench smpp` submits too; as octets, so that no library
// pays for an alphabet that another does not map.
const text = "Votre demande 12345678 est enregistree. Reponse en 15 jours"

// score is bench.Score.
type score struct {
	Messages int           `json:"messages"`
	Elapsed  time.Duration `json:"elapsed"`
	CPU      time.Duration `json:"cpu"`
}

type rival func(addr string, window int, over *atomic.Bool) (load, error)

// load submits until it is over and every answer is there; it counts them.
type load func() (int, error)

func main() {
	as := flag.String("as", "", "fiorix or gosmpp")
	addr := flag.String("addr", "", "where to bind")
	window := flag.Int("window", 100, "unanswered at once")
	length := flag.Duration("for", time.Second, "how long")
	flag.Parse()
	s, err := measure(map[string]rival{"fiorix": fiorix, "gosmpp": gosmppRival}[*as], *addr, *window, *length)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", *as, err)
		os.Exit(1)
	}
}

func measure(r rival, addr string, window int, length time.Duration) (s score, err error) {
	if r == nil {
		return s, fmt.Errorf("there is no such library here")
	}
	var over atomic.Bool
	run, err := r(addr, window, &over)
	if err != nil {
		return s, err
	}
	began, used := time.Now(), cpu()
	time.AfterFunc(length, func() { over.Store(true) })
	s.Messages, err = run()
	s.Elapsed, s.CPU = time.Since(began), cpu()-used
	return s, err
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
