package gateway

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wasl-sms/wasl/smpp"
)

// Each setting of a bind is what its session works by. It reads the file, so
// that a name that means another is found too.
func TestEverySettingReachesTheSession(t *testing.T) {
	t.Parallel()
	ops, err := ParseOperators(`
[[operator]]
name = "north"
sender = "3690"
[[operator.bind]]
address = "smsc.north.example:3550"
mode = "receiver"
system_id = "wasl"
password = "secret"
system_type = "VMA"
addr_ton = 5
addr_npi = 9
address_range = "^369"
interface_version = 0x33
window = 21
tps = 30.0
bind_wait = "22s"
enquire_every = "23s"
enquire_wait = "24s"
response_wait = "25s"
write_wait = "26s"
inactivity = "27s"
tls = true
tls_server_name = "centre.north.example"
[[operator.bind]]
address = "smsc.north.example:2775"
`, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{cfg: Config{ReconnectMin: time.Millisecond, ReconnectMax: time.Second}}
	config := func(place int) smpp.ClientConfig {
		b := &bind{Bind: ops[0].Binds[place], g: g, op: &operator{name: "north"}}
		return b.clientConfig()
	}
	type fields struct {
		Addr, SystemID, Password, SystemType, AddressRange string
		Mode                                               smpp.Mode
		Version, TON, NPI                                  uint8
		BackoffMin, BackoffMax                             time.Duration
		Session                                            smpp.SessionConfig
	}
	read := func(c smpp.ClientConfig) fields {
		return fields{c.Addr, c.SystemID, c.Password, c.SystemType, c.AddressRange, c.Mode, c.InterfaceVersion, c.AddrTON, c.AddrNPI, c.BackoffMin, c.BackoffMax, c.Session}
	}
	every := cmpopts.IgnoreFields(smpp.SessionConfig{}, "Tracer")
	full := config(0)
	want := fields{
		"smsc.north.example:3550", "wasl", "secret", "VMA", "^369", smpp.Receiver, 0x33, 5, 9, time.Millisecond, time.Second,
		smpp.SessionConfig{
			Window: 21, BindTimeout: 22 * time.Second, EnquireEvery: 23 * time.Second, EnquireTimeout: 24 * time.Second,
			ResponseTimeout: 25 * time.Second, WriteTimeout: 26 * time.Second, Inactivity: 27 * time.Second,
			DrainTimeout: unbindDrain, HandlerConcurrency: atOnce, HandlerQueue: atOnce,
		},
	}
	if diff := cmp.Diff(want, read(full), every); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if full.TLS == nil || full.TLS.ServerName != "centre.north.example" || full.Session.Tracer == nil || full.OnState == nil {
		t.Errorf("TLS %v", full.TLS)
	}
	plain := config(1)
	if plain.TLS != nil || plain.InterfaceVersion != 0x34 || plain.Mode != smpp.Transceiver || plain.Session.Window != 10 {
		t.Errorf("left out: %+v", read(plain))
	}
	// One that is added and forgotten here fails.
	if n := reflect.TypeFor[smpp.ClientConfig]().NumField(); n != 19 {
		t.Errorf("smpp.ClientConfig has %d fields: does a setting of the operators file belong to the new one?", n)
	}
}
