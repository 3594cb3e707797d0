package smpp

import (
	"crypto/x509"
	"errors"
	"fmt"
)

// tlsError says what is wrong with a peer's certificate.
func tlsError(addr string, err error) error {
	why := ""
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		why = "its certificate is from no authority that is trusted here: "
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		why = fmt.Sprintf("its certificate is not for the name %q: ", e.Host)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		why = "its certificate is not valid today: "
	}
	return fmt.Errorf("%w with %s: %s%w", ErrTLS, addr, why, err)
}
