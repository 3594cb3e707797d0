package gateway

import (
	"net"
	"testing"

	"github.com/wasl-sms/wasl/internal/aggregator"
)

// Whoever is listed is let in however the address is written.
func TestWhoMayCallToBeBound(t *testing.T) {
	t.Parallel()
	var o Outbind
	var err error
	if o.callers, err = aggregator.ParseNetworks([]string{"192.0.2.7", "fe80::/10"}); err != nil {
		t.Fatal(err)
	}
	for address, in := range map[string]bool{
		"192.0.2.7": true, "::ffff:192.0.2.7": true, "fe80::1": true, "192.0.2.8": false, "2001:db8::1": false,
	} {
		if o.admits(&net.TCPAddr{IP: net.ParseIP(address), Port: 2775}) != in {
			t.Errorf("%s: want %v", address, in)
		}
	}
	if !o.admits(&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 2775, Zone: "eth0"}) {
		t.Error("a link's own address is turned away for its zone")
	}
	if o.admits(&net.UnixAddr{Name: "pipe"}) {
		t.Error("no address is let in")
	}
}
