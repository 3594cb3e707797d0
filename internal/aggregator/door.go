package aggregator

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proof is how a caller shows that it knows the secret.
type Proof string

// Ways to show it.
const (
	ByQuery  Proof = "query"  // a parameter of the address
	ByHeader Proof = "header" // a header
	ByBasic  Proof = "basic"  // HTTP basic authentication
	BySigned Proof = "hmac"   // HMAC-SHA256 of the body in a header, hex or base64
)

// Secret is known to an aggregator and us. It does not print.
type Secret string

// Format keeps every verb safe to log.
func (Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "secret") }

// Door says who may call an endpoint. What is not set is not asked for, but one
// of Secret and Allow must be.
type Door struct {
	Secret  Secret
	Proof   Proof
	Name    string   // of the parameter or header
	User    string   // of basic authentication, or of the format's parameter
	UserBy  string   // parameter that holds User
	Allow   Networks // of the aggregator
	Proxies Networks // of proxies of ours, whose X-Forwarded-For is believed
}

// Networks are where somebody may call from.
type Networks []netip.Prefix

// ParseNetworks reads addresses and networks in CIDR notation.
func ParseNetworks(list []string) (Networks, error) {
	var out Networks
	for _, s := range list {
		s = strings.TrimSpace(s)
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network: write it like 192.0.2.7 or 192.0.2.0/24", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Hold reports whether an address is in one of the networks, however it is
// written: as IPv4 in IPv6, with the zone it came by.
func (n Networks) Hold(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Door is what the format's own documents say of a caller; the settings go
// before it.
func (f Format) Door() Door {
	return Door{Proof: ByQuery, Name: f.secretName, UserBy: f.userName}
}

// Validate says, in a sentence, what of the door can't hold.
func (d Door) Validate() error {
	switch {
	case d.Secret == "" && len(d.Allow) == 0:
		return errors.New("anyone could speak for any phone: set secret or allow, better both")
	case d.Secret == "" && d.User != "":
		return errors.New("user has no effect without a secret: set secret too")
	case d.User != "" && d.Proof != ByBasic && (d.Proof != ByQuery || d.UserBy == ""):
		return errors.New("user has no effect here: remove it, or write secret_by = \"basic\"")
	case d.Secret != "" && len(d.Secret) < 8:
		return errors.New("the secret is too short: at least 8 characters")
	case !slices.Contains([]Proof{ByQuery, ByHeader, ByBasic, BySigned}, d.Proof):
		return fmt.Errorf("secret_by is %q: write query, header, basic or hmac", d.Proof)
	case d.Proof != ByBasic && d.Name == "":
		return fmt.Errorf("secret_by = %q needs secret_name, the name of the header or parameter", d.Proof)
	}
	return nil
}

// admits tells whether a request comes from where it may. An address that can't
// be read is none of those allowed.
func (d Door) admits(r *http.Request) bool {
	if len(d.Allow) == 0 {
		return true
	}
	a, ok := d.from(r)
	return ok && d.Allow.Hold(a)
}

// from is the caller's address: the nearest one that is no proxy of ours.
func (d Door) from(r *http.Request) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	a := ap.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && d.Proxies.Hold(a); i-- {
		if strings.TrimSpace(hops[i]) == "" && len(hops) == 1 {
			break // a proxy that called for itself
		}
		if a, err = netip.ParseAddr(strings.TrimSpace(hops[i])); err != nil {
			return netip.Addr{}, false
		}
		a = a.Unmap()
	}
	return a, true
}

// knows tells whether a request shows that its sender knows the secret. It
// takes as long for any wrong one.
func (d Door) knows(r *http.Request, m message) bool {
	if d.Secret == "" {
		return true
	}
	switch d.Proof {
	case ByHeader:
		return same(r.Header.Get(d.Name), string(d.Secret))
	case ByBasic:
		user, secret, _ := r.BasicAuth()
		return both(same(user, d.User), same(secret, string(d.Secret)))
	case BySigned:
		return d.signed(r.Header.Get(d.Name), m.body)
	case ByQuery:
	}
	secret := same(m.query.Get(d.Name), string(d.Secret))
	if d.User == "" {
		return secret
	}
	return both(same(m.query.Get(d.UserBy), d.User), secret)
}

func (d Door) signed(given string, body []byte) bool {
	given = strings.TrimPrefix(given, "sha256=")
	mac := hmac.New(sha256.New, []byte(d.Secret))
	mac.Write(body)
	want := mac.Sum(nil)
	if sum, err := hex.DecodeString(given); err == nil && hmac.Equal(sum, want) {
		return true
	}
	sum, err := base64.StdEncoding.DecodeString(given)
	return err == nil && hmac.Equal(sum, want)
}

// both has its two answers looked for whatever the first is.
func both(a, b bool) bool { return a && b }

func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
