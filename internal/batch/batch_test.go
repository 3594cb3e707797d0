package batch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wasl-sms/wasl/internal/batch"
)

// recorder doubles numbers and remembers the batches.
type recorder struct {
	mu      sync.Mutex
	batches [][]int
	gate    chan struct{} // a batch goes on when it gives; nil: at once
	fail    func([]int) error
}

func (r *recorder) do(_ context.Context, list []int) ([]int, error) {
	r.mu.Lock()
	r.batches = append(r.batches, slices.Clone(list))
	r.mu.Unlock()
	if r.gate != nil {
		<-r.gate
	}
	if r.fail != nil {
		if err := r.fail(list); err != nil {
			return nil, err
		}
	}
	out := make([]int, len(list))
	for i, n := range list {
		out[i] = 2 * n
	}
	return out, nil
}

func TestThoseWhoComeMeanwhileGoTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{gate: make(chan struct{})}
		g := batch.New(batch.Config[int, int]{Do: r.do, Most: 6})
		for n := range 10 {
			go func() {
				if got, err := g.Do(t.Context(), n); err != nil || got != 2*n {
					t.Errorf("Do(%d) gives %d, %v", n, got, err)
				}
			}()
			synctest.Wait() // they wait in this order
		}
		for range 3 {
			r.gate <- struct{}{}
			synctest.Wait()
		}
		want := [][]int{{0}, {1, 2, 3, 4, 5, 6}, {7, 8, 9}}
		if !slices.EqualFunc(r.batches, want, slices.Equal) {
			t.Errorf("batches %v, want %v", r.batches, want)
		}
	})
}

func TestOneThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		poison := errors.New("poison")
		r := &recorder{gate: make(chan struct{}), fail: func(list []int) error {
			if slices.Contains(list, 13) {
				return poison
			}
			return nil
		}}
		g := batch.New(batch.Config[int, int]{Do: r.do, Apart: func(err error) bool { return errors.Is(err, poison) }})
		for n := range 40 {
			go func() {
				got, err := g.Do(t.Context(), n)
				if bad := errors.Is(err, poison); bad != (n == 13) || !bad && got != 2*n {
					t.Errorf("Do(%d) gives %d, %v", n, got, err)
				}
			}()
		}
		synctest.Wait()
		close(r.gate)
		synctest.Wait()
		if n := len(r.batches); n > 14 {
			t.Errorf("%d batches to set one of 40 aside", n)
		}
	})
}

func TestAnOutageIsNotTriedPieceByPiece(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{gate: make(chan struct{}), fail: func([]int) error { return errors.New("database is away") }}
		g := batch.New(batch.Config[int, int]{Do: r.do, Apart: func(error) bool { return false }})
		for n := range 9 {
			go func() {
				if _, err := g.Do(t.Context(), n); err == nil {
					t.Errorf("Do(%d) succeeds", n)
				}
			}()
		}
		synctest.Wait()
		close(r.gate)
		synctest.Wait()
		if len(r.batches) != 2 {
			t.Errorf("batches %v", r.batches)
		}
	})
}

func TestWhoLeavesHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{gate: make(chan struct{})}
		g := batch.New(batch.Config[int, int]{Do: r.do})
		go func() { _, _ = g.Do(t.Context(), 0) }()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Do(short, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the one who left got %v", err)
		}
		done := make(chan error)
		go func() { _, err := g.Do(t.Context(), 2); done <- err }()
		synctest.Wait()
		close(r.gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !slices.EqualFunc(r.batches, [][]int{{0}, {2}}, slices.Equal) {
			t.Errorf("batches %v", r.batches)
		}
	})
}

func TestOneBatchIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := batch.New(batch.Config[int, int]{Limit: time.Second, Do: func(ctx context.Context, list []int) ([]int, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if _, err := g.Do(t.Context(), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPanicReachesItsBatchOnly(t *testing.T) {
	t.Parallel()
	g := batch.New(batch.Config[int, int]{Do: func(_ context.Context, list []int) ([]int, error) {
		if list[0] == 0 {
			panic("as told")
		}
		return list, nil
	}})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_, _ = g.Do(t.Context(), 0)
	}()
	if got, err := g.Do(t.Context(), 7); err != nil || got != 7 {
		t.Errorf("the next one gets %d, %v", got, err)
	}
}
