package interop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/smpp"
)

const serverName = "smsc.north.example"

// authority is one that an operator made for itself, and the certificate that
// it gave to its server.
type authority struct {
	pool              *x509.CertPool
	leaf              tls.Certificate
	ca, cert, keyFile string
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	dir := t.TempDir()
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sign := func(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parentKey == nil {
			parentKey = key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER, rootKey := sign(root, root, nil)
	leafDER, leafKey := sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName},
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, root, rootKey)
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(rootDER)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{
		pool: x509.NewCertPool(), leaf: tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey},
		ca: file("ca.pem", "CERTIFICATE", rootDER), cert: file("cert.pem", "CERTIFICATE", leafDER), keyFile: file("key.pem", "PRIVATE KEY", keyDER),
	}
	a.pool.AddCert(parsed)
	return a
}

func TestNodeAsSMSCOverTLS(t *testing.T) {
	a, stranger := newAuthority(t, "north"), newAuthority(t, "nobody")
	lines := program(t, "node", nodeScript(t, "smsc.js"), a.keyFile, a.cert)
	addr := "127.0.0.1:" + strings.TrimSuffix(after(t, <-lines, `{"port":`), "}")

	for _, c := range []struct {
		name string
		cfg  *tls.Config
		want string
	}{
		{"wrong authority", &tls.Config{RootCAs: stranger.pool, ServerName: serverName}, "from no authority that is trusted here"},
		{"wrong name", &tls.Config{RootCAs: a.pool, ServerName: "smsc.south.example"}, `not for the name "smsc.south.example"`},
		{"name from the address", &tls.Config{RootCAs: a.pool}, `not for the name "127.0.0.1"`},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		heard := make(chan error, 1)
		client := smpp.NewClient(smpp.ClientConfig{
			Addr: addr, TLS: c.cfg, SystemID: "wasl", Password: "secret",
			OnState: func(_ smpp.State, err error) {
				select {
				case heard <- err:
				default:
				}
				cancel()
			},
		}, nil)
		if err := client.Run(ctx); err != nil {
			t.Error(err)
		}
		if err := <-heard; err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	bound, ended := make(chan error, 4), make(chan error, 1)
	got := make(received)
	client := smpp.NewClient(smpp.ClientConfig{
		Addr: addr, TLS: &tls.Config{RootCAs: a.pool, ServerName: serverName, MinVersion: tls.VersionTLS12},
		SystemID: "wasl", Password: "secret",
		OnState: func(_ smpp.State, err error) { bound <- err },
	}, got)
	go func() { ended <- client.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if err := <-bound; err != nil {
		t.Fatal(err)
	}
	expect(t, lines, `{"bind":"wasl","password":"secret","version":52}`)
	r, err := client.Submit(context.Background(), menu(smpp.SubmitSM, "1 Permis"))
	if err != nil || r.MessageID != "A1" {
		t.Fatalf("got %+v, %v", r, err)
	}
	got.next(t)
	got.next(t)
}

func TestNodeAsESMEOverTLS(t *testing.T) {
	a, stranger := newAuthority(t, "north"), newAuthority(t, "nobody")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(received)
	port, bound := serveOn(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12}), got)

	lines := program(t, "node", nodeScript(t, "esme.js"), port, stranger.ca, serverName)
	expect(t, lines, `{"error":"UNABLE_TO_VERIFY_LEAF_SIGNATURE"}`)
	lines = program(t, "node", nodeScript(t, "esme.js"), port, a.ca, "smsc.south.example")
	expect(t, lines, `{"error":"ERR_TLS_CERT_ALTNAME_INVALID"}`)

	lines = program(t, "node", nodeScript(t, "esme.js"), port, a.ca, serverName)
	expect(t, lines, `{"bind":0,"system_id":"wasl","version":52}`)
	s := <-bound
	got.next(t)
	expectAll(t, lines, `{"enquire":0}`, `{"submit":0,"id":"W1"}`)
	if _, err := s.Submit(context.Background(), menu(smpp.DeliverSM, "x")); err != nil {
		t.Errorf("deliver: %v", err)
	}
	expectAll(t, lines, `{"deliver":"x","esm":0}`, `{"unbind":0}`)
	<-s.Done()
}
