package seed_test

import (
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/casework"
	"github.com/wasl-sms/wasl/internal/establishment"
	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/seed"
	"github.com/wasl-sms/wasl/internal/services/visit"
)

func TestSampleLoadsTwice(t *testing.T) {
	t.Parallel()
	db := dbtest.DB(t, postgres.Options{})
	ring := keys.New()
	places := establishment.New(db, ring, time.Now)
	book := casework.NewBook(db, nil, time.Now)
	visits := visit.New(db, book, places, ring, time.Now)
	counts := func() (n [4]int) {
		err := db.QueryRow(t.Context(), `select (select count(*) from establishment), (select count(*) from authority),
			(select count(*) from detainee), (select count(*) from occurrence)`).Scan(&n[0], &n[1], &n[2], &n[3])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var first [4]int
	for run := range 2 {
		if err := seed.Sample(t.Context(), db, establishment.NewRegister(places, book), visits, time.Now()); err != nil {
			t.Fatal(err)
		}
		if run == 0 {
			first = counts()
		}
	}
	if got := counts(); got != first || got[2] != 11 || got[3] == 0 {
		t.Errorf("after the second run %v, after the first %v", got, first)
	}
}
