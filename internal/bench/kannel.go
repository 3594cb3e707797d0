package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// kannel is a bearerbox with a store in files, and a smsbox.
type kannel struct {
	dir          string
	admin, sends string // addresses of their HTTP sides
	processes    []*exec.Cmd
	client       *http.Client
}

const kannelConf = `
group = core
admin-port = %s
admin-password = admin
smsbox-port = %s
box-allow-ip = 127.0.0.1
log-level = 4
log-file = %[4]s/bearerbox.log
store-type = file
store-location = %[4]s/store

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %[3]s
log-level = 4
log-file = %[4]s/smsbox.log

group = sendsms-user
username = user
password = pass
max-messages = 1

group = sms-service
keyword = default
text = "-"
`

const kannelLink = `
group = smsc
smsc = smpp
smsc-id = bench%d
host = 127.0.0.1
port = %s
reconnect-delay = 1
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = ""
max-pending-submits = %d
`

// Kannel fills Kannel's store while no operator listens, then listens as the
// barest operator there is, and times it from its bind until the answer to the
// last text has come.
func Kannel(ctx context.Context, texts, binds, window int) (report string, err error) {
	port, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	k, err := startKannel(ctx, port, binds, window)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, k.stop()) }()
	began := time.Now()
	if err := k.fill(ctx, texts); err != nil {
		return "", err
	}
	filled := time.Since(began)
	used := k.spent()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:"+port)
	if err != nil {
		return "", fmt.Errorf("bench: %w", err)
	}
	listening, end := context.WithCancel(ctx)
	ended, gate := make(chan error, 1), &gate{Listener: ln, opened: make(chan struct{})}
	go func() { ended <- Echo(listening, gate) }()
	defer func() { end(); err = errors.Join(err, <-ended) }()
	select {
	case <-gate.opened:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	began = time.Now()
	if err := k.until(ctx, texts); err != nil {
		return "", err
	}
	took := time.Since(began)
	return fmt.Sprintf("kannel: %d texts, %d binds, window %d: %.0f per second from store to answer (taken by HTTP at %.0f per second)\n  processor each: %v",
		texts, binds, window, float64(texts)/took.Seconds(), float64(texts)/filled.Seconds(),
		((k.spent() - used) / time.Duration(texts)).Round(time.Microsecond)), nil
}

// gate is a listener that tells when the first has come.
type gate struct {
	net.Listener
	once   sync.Once
	opened chan struct{}
}

func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err == nil {
		g.once.Do(func() { close(g.opened) })
	}
	return c, err
}

func startKannel(ctx context.Context, operator string, binds, window int) (*kannel, error) {
	dir, err := os.MkdirTemp("", "wasl-kannel-")
	if err != nil {
		return nil, err
	}
	ports := make([]string, 3)
	for i := range ports {
		if ports[i], err = freePort(ctx); err != nil {
			return nil, err
		}
	}
	k := &kannel{
		dir: dir, admin: "http://127.0.0.1:" + ports[0], sends: "http://127.0.0.1:" + ports[2],
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: kannelClients}, Timeout: 30 * time.Second},
	}
	conf := fmt.Sprintf(kannelConf, ports[0], ports[1], ports[2], dir)
	for i := range binds {
		conf += fmt.Sprintf(kannelLink, i+1, operator, window)
	}
	file := filepath.Join(dir, "kannel.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return nil, errors.Join(err, k.stop())
	}
	for i, program := range []string{"bearerbox", "smsbox"} {
		cmd := exec.CommandContext(ctx, program, file)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("bench: Kannel: %w", err), k.stop())
		}
		k.processes = append(k.processes, cmd)
		listens := func() error {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+ports[2*i])
			if err != nil {
				return fmt.Errorf("bench: %s: %w", program, err)
			}
			return c.Close()
		}
		if err := k.patiently(ctx, listens); err != nil {
			return nil, errors.Join(err, k.stop())
		}
	}
	return k, nil
}

// patiently does it until it succeeds, for a while.
func (k *kannel) patiently(ctx context.Context, do func() error) (err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		if err = do(); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (k *kannel) command(ctx context.Context, name string) (string, error) {
	return k.get(ctx, k.admin+"/"+name+"?password=admin")
}

func (k *kannel) get(ctx context.Context, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	answer, err := k.client.Do(r)
	if err != nil {
		return "", fmt.Errorf("bench: Kannel: %w", err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return "", fmt.Errorf("bench: Kannel: %w", err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return "", fmt.Errorf("bench: Kannel: %s: %s", answer.Status, body)
	}
	return string(body), nil
}

const kannelClients = 32

// fill has smsbox take the texts.
func (k *kannel) fill(ctx context.Context, texts int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for c := range kannelClients {
		wg.Go(func() {
			for i := c; i < texts && ctx.Err() == nil; i += kannelClients {
				q := url.Values{"username": {"user"}, "password": {"pass"}, "from": {"3690"}, "to": {fmt.Sprintf("2126%08d", i)}, "text": {wireText}}
				if _, err := k.get(ctx, k.sends+"/cgi-bin/sendsms?"+q.Encode()); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// until waits for Kannel to have sent so many.
func (k *kannel) until(ctx context.Context, texts int) error {
	sent := regexp.MustCompile(`SMS: received [^\n]*, sent (\d+)`)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := k.command(ctx, "status.txt")
		if err != nil {
			return err
		}
		found := sent.FindStringSubmatch(status)
		if found == nil {
			return errors.New("bench: Kannel's status has no count of texts sent")
		}
		if n, _ := strconv.Atoi(found[1]); n >= texts {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// spent is the processor time of both programs so far.
func (k *kannel) spent() (all time.Duration) {
	for _, p := range k.processes {
		all += processTime(p.Process.Pid)
	}
	return all
}

func (k *kannel) stop() error {
	for i := len(k.processes) - 1; i >= 0; i-- {
		_ = k.processes[i].Process.Signal(syscall.SIGTERM)
		_ = k.processes[i].Wait() // it says 1 when it was told to end
	}
	return os.RemoveAll(k.dir)
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("bench: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
