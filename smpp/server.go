package smpp

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Server is the SMSC side. Fill in the fields, then call Serve or ServeConn;
// do not change them afterwards.
type Server struct {
	// SystemID is our name in bind_resp.
	SystemID string
	// Auth decides on a bind: StatusOK accepts. Without Auth every bind is
	// refused.
	Auth func(context.Context, BindRequest) Status
	// Handler receives submit_sm and data_sm.
	Handler Handler
	Session SessionConfig
	// OnBind is called when a session is bound, before its bind_resp is
	// written: deliver_sm submitted from then on follow it. It must not wait
	// for the peer.
	// OnUnbind is called once for each such session, after its end.
	OnBind, OnUnbind func(*Session)

	mu       sync.Mutex
	sessions map[*Session]struct{}
	stop     chan struct{}
	conns    sync.WaitGroup
}

// Sessions lists the sessions that are bound now.
func (s *Server) Sessions() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Session, 0, len(s.sessions))
	for session := range s.sessions {
		if session.State().Bound() {
			list = append(list, session)
		}
	}
	return list
}

func (s *Server) stopped() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil {
		s.stop = make(chan struct{})
		s.sessions = make(map[*Session]struct{})
	}
	return s.stop
}

// Serve accepts connections until ctx ends or Shutdown is called; it closes l,
// ends all sessions in order and waits for them. It returns nil then, or the
// listener's error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := s.stopped()
	quit := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-stop:
		case <-quit:
		}
		_ = l.Close()
	})
	err := s.accept(ctx, l, stop)
	close(quit)
	watch.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.endTimeout())
	defer cancel()
	s.Shutdown(end)
	return err
}

func (s *Server) accept(ctx context.Context, l net.Listener, stop <-chan struct{}) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			select {
			case <-ctx.Done():
				return nil
			case <-stop:
				return nil
			default:
			}
			var temporary net.Error
			if errors.As(err, &temporary) && temporary.Timeout() {
				continue
			}
			return err
		}
		if !s.start(ctx, conn, stop) {
			return nil
		}
	}
}

// start serves conn, unless Shutdown came first and already waits.
func (s *Server) start(ctx context.Context, conn net.Conn, stop <-chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-stop:
		_ = conn.Close()
		return false
	default:
		s.conns.Go(func() { s.ServeConn(ctx, conn) })
		return true
	}
}

func (s *Server) endTimeout() time.Duration {
	cfg := s.Session.withDefaults(sideSMSC)
	return cfg.DrainTimeout + cfg.UnbindTimeout
}

// ServeConn serves one connection until its end, its handlers' included. The
// session ends with the link, with Shutdown or Session.Close, not with ctx.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) {
	s.serve(newSession(ctx, conn, sideSMSC, s.Session, s.Handler))
}

// Outbind asks the ESME at the other end of conn to bind, and then is
// ServeConn. [SMPP 3.4 §4.1.7]
func (s *Server) Outbind(ctx context.Context, conn net.Conn, r OutbindRequest) error {
	session := newSession(ctx, conn, sideSMSC, s.Session, s.Handler)
	var err error
	if session.out, err = AppendOutbind(session.out, session.pending.nextSeq(), r); err != nil {
		_ = conn.Close()
		return err
	}
	session.accountFor(0)
	session.wakeWriter()
	s.serve(session)
	return nil
}

func (s *Server) serve(session *Session) {
	stop := s.stopped()
	bound := false
	session.hooks = serverHooks{systemID: s.SystemID, auth: s.Auth, onBind: func(b *Session) {
		bound = true
		if s.OnBind != nil {
			s.OnBind(b)
		}
	}}
	s.mu.Lock()
	s.sessions[session] = struct{}{}
	s.mu.Unlock()
	select {
	case <-stop:
		session.fail(ErrClosed)
	default:
	}
	session.run()
	s.mu.Lock()
	delete(s.sessions, session)
	s.mu.Unlock()
	if bound && s.OnUnbind != nil {
		s.OnUnbind(session)
	}
	<-session.work.drained()
}

// Shutdown stops Serve and closes all sessions in order; when ctx ends first
// it cuts them off.
func (s *Server) Shutdown(ctx context.Context) {
	stop := s.stopped()
	s.mu.Lock()
	select {
	case <-stop:
	default:
		close(stop)
	}
	open := make([]*Session, 0, len(s.sessions))
	for session := range s.sessions {
		open = append(open, session)
	}
	s.mu.Unlock()
	var closing sync.WaitGroup
	for _, session := range open {
		closing.Go(func() { _ = session.Close(ctx) })
	}
	closing.Wait()
	s.conns.Wait()
}
