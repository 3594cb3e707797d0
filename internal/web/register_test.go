package web_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/desk"
	"github.com/wasl-sms/wasl/internal/run/runtest"
	"github.com/wasl-sms/wasl/internal/text"
)

// attach hands a file in as the page's form does.
func (b *browser) attach(v url.Values, file string) int {
	b.w.T.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k := range v {
		b.w.Must(m.WriteField(k, v.Get(k)))
	}
	part, err := m.CreateFormFile("file", "registre.csv")
	b.w.Must(err)
	_, err = part.Write([]byte(file))
	b.w.Must(err)
	b.w.Must(m.Close())
	r, err := http.NewRequestWithContext(b.w.T.Context(), http.MethodPost, b.w.site.URL+"/register", &body)
	b.w.Must(err)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return b.do(r)
}

// work takes files until the test ends.
func (w *world) work() {
	runtest.Start(w.T, w.imports.Run)
}

// taken looks again, as the page does by itself, until there is no more to wait for.
func (b *browser) taken(path string) {
	b.w.T.Helper()
	runtest.Within(b.w.T, patience, path+" ends", func() bool {
		b.get(path)
		return !strings.Contains(b.last, `http-equiv="refresh"`)
	})
}

const registerFile = `source_key,event,at,detention_no,name_latin,name_ar,birth_date,sex,establishment,sector,category,legal_status
r-1,admitted,2027-02-20T09:00:00Z,47001,Anas Filali,أنس الفيلالي,1990-04-12,m,AINS,B2,A,convicted
r-2,admitted,not a day,47002,Said Alami,سعيد العلمي,1990-04-12,m,AINS,B2,A,convicted
r-3,admitted,2027-02-20T09:00:00Z,47003,Hicham Naji,هشام الناجي,1990-04-12,m,SALE,B2,A,convicted
r-4,released,2027-02-20T09:00:00Z,43001,,,,,AINS,,,
r-5,transferred,2027-02-21T09:00:00Z,43288,,,,,AINS,,,
r-6,too,short
`

// A file is stored before the page says so and taken outside the request; bad
// lines and lines about other houses are named and cost no other; the same file is one import.
func TestRegisterFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.staff("greffe", text.French, desk.Grant{Role: desk.Clerk, EstablishmentID: w.house("AINS")})
	w.staff("ailleurs", text.Arabic, desk.Grant{Role: desk.Clerk, EstablishmentID: w.house("SALE")})
	b := w.login("greffe")
	b.get("/register")
	form := b.fields("/register")
	if form.Get("key") == "" {
		t.Fatal("a form without a key")
	}
	for name, v := range map[string]struct {
		file, says string
	}{
		"nothing":     {"", "fichier est vide"},
		"a large one": {strings.Repeat("x", desk.FileMax+1), "16 Mo"},
		"a huge one":  {strings.Repeat("x", desk.FileMax+1<<17), "16 Mo"},
	} {
		if status := b.attach(form, v.file); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, status)
		}
		b.want(v.says)
	}
	if status := b.post("/register", form); status != http.StatusUnprocessableEntity {
		t.Errorf("no file: %d", status)
	}

	b.attach(form, registerFile)
	at := b.path
	if !strings.HasPrefix(at, "/register/") || !strings.Contains(b.last, `http-equiv="refresh"`) {
		t.Fatalf("after the file: %s: %s", at, b.text())
	}
	b.want("attend son tour")
	// A process had begun and died: what it left is taken up when its lease is over.
	_, err := w.DB.Exec(t.Context(), `update register_import set lease_until = $1, tries = 1, total = 6`, w.Now().Add(-time.Second))
	w.Must(err)
	w.work()
	b.taken(at)
	b.want("Fichier pris", "2 événements nouveaux", "4 lignes refusées", "date de l'événement manque", "autre établissement", "La ligne a 3 champs")
	for _, line := range []string{"> 3 <", "> 4 <", "> 5 <", "> 7 <"} {
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(b.last, ">", "> "), "<", " <"), line) {
			t.Errorf("line %s is not named", line)
		}
	}
	b.get("/register")
	b.want("Fichier pris")
	b.attach(b.fields("/register"), registerFile)
	if b.path != at {
		t.Errorf("the same file again: %s, was %s", b.path, at)
	}
	var rows, moves, sealed, noted int
	w.Scan(&rows, `select count(*) from register_import`)
	w.Scan(&moves, `select count(*) from detainee_movement where source = 'desk/AINS'`)
	w.Scan(&sealed, `select count(*) from register_import where file_sealed is not null`)
	w.Scan(&noted, `select count(*) from audit_event where action = 'register.hand_in' and actor_kind = 'staff'`)
	if rows != 1 || moves != 2 || sealed != 0 || noted != 1 {
		t.Errorf("%d imports, %d movements, %d files left, noted %d times", rows, moves, sealed, noted)
	}

	// A file without its columns is not taken, and says which is missing.
	b.get("/register")
	b.attach(b.fields("/register"), "source_key,event,at\nr-9,released,2027-02-20\n")
	b.taken(b.path)
	b.want("Rien de ce fichier", "detention_no")

	other := w.login("ailleurs")
	if status := other.get(at); status != http.StatusNotFound {
		t.Errorf("another house's file: %d", status)
	}
	v := url.Values{"key": {"made-up"}, "e": {fmt.Sprint(w.house("AINS"))}}
	if status := other.attach(v, registerFile); status != http.StatusNotFound {
		t.Errorf("a file for another house: %d", status)
	}
}
