package smpp

import "sync"

// task is something the application does for a session.
type task interface{ run() }

// work runs tasks on at most limit goroutines, which end when there is
// nothing to do.
type work struct {
	limit, room int
	serve       func() // serveTasks, bound once

	mu      sync.Mutex
	running int // goroutines
	taken   int // tasks not yet done
	queue   []task
	next    int           // of queue
	idle    chan struct{} // closed when running falls to 0
}

func (w *work) init(limit, room int) {
	w.limit, w.room = limit, room
	w.serve = w.serveTasks
}

// offer takes the task unless as many as room wait already.
func (w *work) offer(t task) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken >= w.limit+w.room {
		return false
	}
	w.take(t)
	return true
}

// add takes the task however many wait.
func (w *work) add(t task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take(t)
}

func (w *work) take(t task) {
	w.taken++
	if len(w.queue) == cap(w.queue) && w.next > 0 {
		n := copy(w.queue, w.queue[w.next:])
		clear(w.queue[n:])
		w.queue, w.next = w.queue[:n], 0
	}
	w.queue = append(w.queue, t)
	if w.running < w.limit {
		w.running++
		go w.serve()
	}
}

func (w *work) serveTasks() {
	for t := w.first(); t != nil; t = w.following() {
		t.run()
	}
}

func (w *work) first() task {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pop()
}

func (w *work) following() task {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken--
	return w.pop()
}

// pop is nil when nothing waits, and the goroutine then ends.
func (w *work) pop() task {
	if w.next < len(w.queue) {
		t := w.queue[w.next]
		w.queue[w.next] = nil
		if w.next++; w.next == len(w.queue) {
			w.queue, w.next = w.queue[:0], 0
		}
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
