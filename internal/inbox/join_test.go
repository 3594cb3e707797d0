package inbox_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/internal/inbox"
	"github.com/wasl-sms/wasl/smpp/gsm"
)

// parts cuts a long text as a handset does.
func parts(n int, ref uint16, wide bool, body string) []inbox.Arrival {
	cut, a := gsm.Split(body, gsm.Options{Ref: ref, Ref16: wide})
	list := make([]inbox.Arrival, len(cut))
	for i, p := range cut {
		c, err := gsm.ParseUDH(p.UDH)
		if err != nil {
			panic(err)
		}
		list[i] = inbox.Arrival{
			Operator: "north", From: number(n), To: "3690", Link: 1,
			DataCoding: a.DataCoding(), Payload: p.Payload, Concat: c,
		}
	}
	return list
}

// Parts of two people's texts with one reference, in any order, each twice.
func TestPartsInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := setUp(t, inbox.Flood{})
			random := rand.New(rand.NewPCG(seed, 1))
			wide := seed%2 == 1
			arabic := strings.Repeat("أطلب موعدا يوم الخميس 😀 ", 7)
			all := slices.Concat(parts(1, 7, wide, long), parts(2, 7, wide, arabic), parts(1, 7, wide, long), parts(2, 7, wide, arabic))
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			var wg sync.WaitGroup
			for _, a := range all {
				wg.Go(func() {
					if _, err := f.Keep(t.Context(), a); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			f.run(t)
			eventually(t, "both are done", func() bool { return f.states(t)["done"] == 2 })
			got := f.bodies()
			slices.Sort(got)
			if diff := cmp.Diff([]string{long, arabic}, got); diff != "" {
				t.Error(diff)
			}
			var left int
			if err := f.db.QueryRow(t.Context(), `select count(*) from inbound_part`).Scan(&left); err != nil || left != 0 {
				t.Errorf("%d parts left, %v", left, err)
			}
		})
	}
}

func TestMissingPartsAreNotWaitedForLong(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	f.run(t)
	all := parts(1, 7, false, long)
	f.keep(t, all[1], inbox.Waiting)
	f.clock.Advance(61 * time.Second)
	eventually(t, "what there is goes on", func() bool { return f.states(t)["done"] == 1 })
	f.mu.Lock()
	defer f.mu.Unlock()
	if in := f.got[0]; !in.Incomplete || !strings.HasPrefix(in.Body.Raw(), "…") {
		t.Errorf("handed on: %q, incomplete %v", in.Body.Raw(), in.Incomplete)
	}
}

func TestAReferenceUsedAnewMixesNothing(t *testing.T) {
	t.Parallel()
	f := setUp(t, inbox.Flood{})
	second := strings.NewReplacer("Je demande", "TU DEMANDES", "papiers", "PAPIERS").Replace(long)
	f.keep(t, parts(1, 7, false, long)[0], inbox.Waiting)
	f.keep(t, parts(1, 7, false, second)[0], inbox.Waiting)
	f.keep(t, parts(1, 7, false, second)[1], inbox.Stored)
	f.run(t)
	eventually(t, "both are done", func() bool { return f.states(t)["done"] == 2 })
	got := f.bodies()
	if got[1] != second || !strings.HasSuffix(got[0], "…") || strings.Contains(got[0], "PAPIERS") {
		t.Errorf("handed on: %q", got)
	}
}
