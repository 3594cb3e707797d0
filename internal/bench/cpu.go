package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU is processor time spent so far: it tells more than a rate on a machine
// that others use too.
type CPU struct{ Self, Postgres, Redis time.Duration }

// SpentCPU sums up this process and the private servers below it. Where there
// is no /proc it gives nothing.
func SpentCPU() CPU {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux
	type process struct {
		name   string
		parent int
		spent  time.Duration
	}
	all := map[int]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …; utime and stime are the 14th and 15th. [proc(5)]
		pid, rest, _ := strings.Cut(string(b), " (")
		end := strings.LastIndex(rest, ") ")
		if end < 0 {
			continue
		}
		fields := strings.Fields(rest[end+2:])
		if len(fields) < 13 {
			continue
		}
		id, _ := strconv.Atoi(pid)
		parent, _ := strconv.Atoi(fields[1])
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		all[id] = process{rest[:end], parent, time.Duration(user+system) * tick}
	}
	me := os.Getpid()
	var c CPU
	for id, p := range all {
		below := false
		for at := id; at > 1 && !below; at = all[at].parent {
			below = at == me
		}
		switch {
		case id == me:
			c.Self += p.spent
		case below && p.name == "postgres":
			c.Postgres += p.spent
		case below && p.name == "redis-server":
			c.Redis += p.spent
		}
	}
	return c
}

// Add gives c with what was spent between two instants.
func (c CPU) Add(from, to CPU) CPU {
	return CPU{c.Self + to.Self - from.Self, c.Postgres + to.Postgres - from.Postgres, c.Redis + to.Redis - from.Redis}
}

// Each writes what one of n cost.
func (c CPU) Each(n int) string {
	each := func(d time.Duration) time.Duration { return (d / time.Duration(max(n, 1))).Round(time.Microsecond) }
	return fmt.Sprintf("processor each: program and operator %v, PostgreSQL %v, Redis %v", each(c.Self), each(c.Postgres), each(c.Redis))
}

// Resident is the memory of this process, in bytes; 0 where there is no /proc.
func Resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// processTime is the processor time of another process.
func processTime(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndex(string(b), ")")+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
