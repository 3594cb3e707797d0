package gateway

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/wasl-sms/wasl/internal/aggregator"
)

// Door says in words what to give the aggregator, and who may call. base is
// where this Wasl is reached from outside; the secret is not printed.
func (h *HTTP) Door(base string) []string {
	d := h.endpoint.Door
	address := strings.TrimSuffix(base, "/") + h.Path
	if d.Secret != "" && d.Proof == aggregator.ByQuery {
		address += "?" + url.QueryEscape(d.Name) + "=THE-SECRET"
	}
	lines := []string{fmt.Sprintf("give the aggregator (%s) this address for USSD: %s", h.FormatName, address)}
	switch {
	case d.Secret == "":
		lines = append(lines, "no secret is set: who calls from an allowed address may speak for any phone")
	case d.Proof == aggregator.ByHeader:
		lines = append(lines, fmt.Sprintf("the secret is set; it is to come in the header %s", d.Name))
	case d.Proof == aggregator.ByBasic:
		lines = append(lines, fmt.Sprintf("the secret is set; it is the password of basic authentication, for the user %q", d.User))
	case d.Proof == aggregator.BySigned:
		lines = append(lines, fmt.Sprintf("the secret is set; it signs each request, in the header %s", d.Name))
	default:
		lines = append(lines, "the secret is set; it stands in the address")
	}
	if len(d.Allow) == 0 {
		return append(lines, "allow is not set: any address may call that knows the secret; better name the aggregator's")
	}
	var from []string
	for _, p := range d.Allow {
		from = append(from, p.String())
	}
	return append(lines, "calls are taken from "+strings.Join(from, ", ")+" alone")
}
