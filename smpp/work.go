package smpp

import "sync"

// task is something the application does for a session.
type task interface{ run() }

// work runs tasks on at most limit goroutines, which end when there is
// nothing to do.
type work struct {
	limit, room int

	mu      sync.Mutex
	running int
	queue   []task
	idle    chan struct{} // closed when running falls to 0
}

// offer takes the task unless the queue is full.
func (w *work) offer(t task) bool { return w.take(t, w.room) }

// add takes the task whatever the queue.
func (w *work) add(t task) { w.take(t, int(^uint(0)>>1)) }

func (w *work) take(t task, room int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.running < w.limit:
		w.running++
		go w.serve(t)
	case len(w.queue) < room:
		w.queue = append(w.queue, t)
	default:
		return false
	}
	return true
}

func (w *work) serve(t task) {
	for t != nil {
		t.run()
		t = w.next()
	}
}

func (w *work) next() task {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 {
		t := w.queue[0]
		w.queue[0] = nil
		w.queue = w.queue[1:]
		return t
	}
	w.running--
	if w.running == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	return nil
}

// drained is closed once no task runs.
func (w *work) drained() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == 0 {
		c := make(chan struct{})
		close(c)
		return c
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	return w.idle
}
