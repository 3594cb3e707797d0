package smpptest

import (
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
	"testing"
	"time"
)

// Certificate is one that an authority of its own has signed.
type Certificate struct {
	Pair tls.Certificate
	Pool *x509.CertPool // trusts the authority, and nobody else

	authority []byte
}

// Certify makes an authority, as an operator makes one for itself, and a
// certificate of it for a name or an address.
func Certify(t testing.TB, authority, name string, from, until time.Time) Certificate {
	t.Helper()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail(err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: authority}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: from.AddDate(-1, 0, 0), NotAfter: until.AddDate(9, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	fail(err)
	signed, err := x509.ParseCertificate(caDER)
	fail(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail(err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	if ip := net.ParseIP(name); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	fail(err)
	c := Certificate{Pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, Pool: x509.NewCertPool(), authority: caDER}
	c.Pool.AddCert(signed)
	return c
}

// CertifyNow is Certify for a certificate that holds today.
func CertifyNow(t testing.TB, authority, name string) Certificate {
	t.Helper()
	return Certify(t, authority, name, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
}

// Write puts the certificate and its key into a folder, as name.pem and
// name.key, and gives their paths.
func (c Certificate) Write(t testing.TB, dir, name string) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.Pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, name+".pem", "CERTIFICATE", c.Pair.Certificate[0]), write(t, dir, name+".key", "PRIVATE KEY", der)
}

// WriteCA puts the authority's certificate into a folder, and gives its path.
func (c Certificate) WriteCA(t testing.TB, dir, file string) string {
	t.Helper()
	return write(t, dir, file, "CERTIFICATE", c.authority)
}

func write(t testing.TB, dir, file, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
