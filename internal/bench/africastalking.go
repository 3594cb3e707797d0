package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// AfricasTalking plays the aggregator of that name: it calls the program over
// HTTP for each step of a phone.
type AfricasTalking struct {
	address string
	client  *http.Client
}

// NewAfricasTalking calls the given address, with the secret in it if there is
// one, over as many connections as there are phones.
func NewAfricasTalking(address string, phones int) *AfricasTalking {
	return &AfricasTalking{address: address, client: &http.Client{
		Transport: &http.Transport{MaxIdleConns: phones, MaxIdleConnsPerHost: phones},
	}}
}

// Close lets go of the connections.
func (a *AfricasTalking) Close() { a.client.CloseIdleConnections() }

// WebPhone is one handset behind the aggregator, in one pair of hands.
type WebPhone struct {
	behind *AfricasTalking
	number string
	code   string
	dials  int
	keyed  []string
}

// Phone puts a handset with this number, digits only, into the network.
func (a *AfricasTalking) Phone(number string) *WebPhone { return &WebPhone{behind: a, number: number} }

// Dial begins a dialogue; one that was live is lost.
func (p *WebPhone) Dial(ctx context.Context, code string) (Page, error) {
	p.dials++
	p.code, p.keyed = code, nil
	return p.step(ctx)
}

// Answer keys something in.
func (p *WebPhone) Answer(ctx context.Context, input string) (Page, error) {
	p.keyed = append(p.keyed, input)
	return p.step(ctx)
}

func (p *WebPhone) step(ctx context.Context) (Page, error) {
	form := url.Values{
		"sessionId":   {fmt.Sprintf("ATUid_%s_%d", p.number, p.dials)},
		"phoneNumber": {"+" + p.number}, "networkCode": {"99999"}, "serviceCode": {p.code}, "text": {strings.Join(p.keyed, "*")},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.behind.address, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, fmt.Errorf("bench: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.behind.client.Do(req)
	if err != nil {
		return Page{}, fmt.Errorf("bench: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return Page{}, fmt.Errorf("bench: %w", err)
	}
	word, text, _ := strings.Cut(string(body), " ")
	if resp.StatusCode != http.StatusOK || word != "CON" && word != "END" {
		return Page{}, errors.New("bench: the program answered a step with " + resp.Status)
	}
	return Page{Text: text, End: word == "END"}, nil
}
