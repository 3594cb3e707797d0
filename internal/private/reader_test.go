package private

import (
	"fmt"
	"testing"
)

// What is remembered is what reading anew gives, for each region, and it is
// bounded. A number that is refused is refused again.
func TestReaderReadsAsParseMsisdn(t *testing.T) {
	t.Parallel()
	var r Reader
	for range 3 {
		for _, s := range []string{"0612345678", "+212612345678", "212612345678", "0550123456", "12", ""} {
			for _, region := range []string{"MA", "DZ"} {
				want, refused := ParseMsisdn(s, region)
				got, err := r.Parse(s, region)
				if got.Raw() != want.Raw() || (err == nil) != (refused == nil) {
					t.Errorf("%q in %s: %v, %v", s, region, got.Raw() == want.Raw(), err)
				}
			}
		}
	}
	for n := range 2 * remembered {
		if _, err := r.Parse(fmt.Sprintf("+2126%08d", n), "MA"); err != nil {
			t.Fatal(err)
		}
		if len(r.known) > remembered {
			t.Fatalf("%d numbers are remembered", len(r.known))
		}
	}
}
