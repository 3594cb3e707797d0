package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/text/language"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/fault"
	"github.com/wasl-sms/wasl/internal/text"
)

// cookie is the session's name. The prefix makes browsers refuse it from
// another host or without TLS; a demo on plain HTTP can't have it.
func (s *Server) cookie() string {
	if s.Secure {
		return "__Host-wasl"
	}
	return "wasl"
}

func (s *Server) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second),
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (s *Server) resume(r *http.Request, touch bool) (desk.Who, error) {
	c, err := r.Cookie(s.cookie())
	if err != nil {
		return desk.Who{}, fault.Forbidden("desk.session_over", nil)
	}
	return s.Desk.Resume(r.Context(), c.Value, touch)
}

// toLogin sends to the door and back to where the person wanted to go; what a
// form held can't be sent again.
func (s *Server) toLogin(w http.ResponseWriter, r *http.Request) {
	to := "/login"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// door is a page for whoever is not logged in.
func (s *Server) door(do func(*request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		q := &request{s: s, w: w, r: r, who: desk.Who{Lang: s.doorLang(w, r), Zone: time.UTC}}
		err := r.ParseForm()
		if err == nil {
			err = do(q)
		}
		if err != nil {
			q.fail(err)
		}
	}
}

// doorLang is the language asked for last, else what the browser prefers.
func (s *Server) doorLang(w http.ResponseWriter, r *http.Request) text.Lang {
	if l := text.Lang(r.URL.Query().Get("lang")); slices.Contains(text.Staff(), l) {
		s.setCookie(w, "lang", string(l), 365*24*time.Hour)
		return l
	}
	if c, err := r.Cookie("lang"); err == nil && slices.Contains(text.Staff(), text.Lang(c.Value)) {
		return text.Lang(c.Value)
	}
	matcher := language.NewMatcher([]language.Tag{language.French, language.Arabic, language.English})
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return []text.Lang{text.French, text.Arabic, text.English}[i]
}

type loginForm struct {
	Login, Next string
	Samples     []sampleNow
}

// sampleNow is a sample login with the code of this half minute.
type sampleNow struct {
	Sample
	Code string
}

func (q *request) loginForm() loginForm {
	f := loginForm{Login: q.field("login"), Next: q.field("next")}
	for _, s := range q.s.Samples {
		code, err := totp.GenerateCode(s.Secret, q.s.Now())
		if err != nil {
			continue // a sample that can't log in is not offered
		}
		f.Samples = append(f.Samples, sampleNow{s, code})
	}
	return f
}

func (s *Server) loginPage(q *request) error { return q.show("login", q.loginForm()) }

func (s *Server) login(q *request) error {
	token, err := s.Desk.Login(q.r.Context(), desk.Credentials{
		Login: q.field("login"), Password: q.r.PostForm.Get("password"), Code: digits(q.field("code")),
	})
	if kind := fault.KindOf(err); err != nil && (kind == fault.KindInvalid || kind == fault.KindForbidden) {
		return q.again("login", q.loginForm(), problem{"login", q.said(err)})
	}
	if err != nil {
		return err
	}
	s.setCookie(q.w, s.cookie(), token, 10*time.Hour)
	return q.see(inside(q.field("next")))
}

// inside refuses to lead anywhere else than to a page of ours.
func inside(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, "\\") {
		return "/"
	}
	return next
}

func (s *Server) logout(q *request) error {
	if err := s.Desk.Logout(q.r.Context(), q.who); err != nil {
		return err
	}
	s.setCookie(q.w, s.cookie(), "", -time.Second)
	return q.see("/login")
}

// me changes one's language or the role one works under.
func (s *Server) me(q *request) error {
	if l := q.field("lang"); l != "" {
		if err := s.Desk.SetLang(q.r.Context(), q.who, text.Lang(l)); err != nil {
			return err
		}
		s.setCookie(q.w, "lang", l, 365*24*time.Hour)
	}
	if r := q.field("role"); r != "" && desk.Role(r) != q.who.Role {
		if err := s.Desk.PutOn(q.r.Context(), q.who, desk.Role(r)); err != nil {
			return err
		}
		return q.see("/")
	}
	return q.see(inside(q.field("back")))
}

// home is where the work of a role begins.
func (s *Server) home(q *request) error {
	if q.who.Role == desk.Gate {
		return q.see("/gate")
	}
	if n := q.nav(); len(n) > 0 {
		return q.see(n[0].Path)
	}
	return q.see("/login")
}
