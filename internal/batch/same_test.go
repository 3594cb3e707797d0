package batch_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/wasl-sms/wasl/internal/batch"
)

// An answer is shared by those who asked before it was looked up, and by nobody
// who asked after.
func TestWhoAsksLaterIsGivenALaterAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looks := map[string]int{}
		gate := make(chan struct{})
		s := batch.NewSame(func(_ context.Context, k string) (int, error) {
			looks[k]++ // synctest.Wait orders these
			n := looks[k]
			<-gate
			return n, nil
		})
		got := make(chan int, 9)
		ask := func(k string) {
			go func() {
				n, err := s.Ask(t.Context(), k)
				if err != nil {
					t.Error(err)
				}
				got <- n
			}()
			synctest.Wait()
		}
		ask("a")
		for range 5 {
			ask("a")
		}
		ask("b") // waits for nobody who asks for something else
		if looks["a"] != 1 || looks["b"] != 1 {
			t.Errorf("looks: %v", looks)
		}
		close(gate)
		synctest.Wait()
		count := map[int]int{}
		for range 7 {
			count[<-got]++
		}
		if looks["a"] != 2 || count[1] != 2 || count[2] != 5 {
			t.Errorf("looks %v, answers %v", looks, count)
		}
		ask("a")
		if n := <-got; n != 3 {
			t.Errorf("answer %d is an old one", n)
		}
	})
}
