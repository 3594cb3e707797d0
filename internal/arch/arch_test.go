package arch

import (
	"os"
	"testing"
	"testing/fstest"
)

func TestImportRules(t *testing.T) {
	t.Parallel()
	broken, err := check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Error(b)
	}
}

// Each line breaks one rule, or shows where it does not hold.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, body string
		broken     bool
	}{
		{"smpp/client.go", `import "github.com/wasl-sms/wasl/internal/fault"`, true},
		{"smpp/client_test.go", `import "github.com/wasl-sms/wasl/internal/fault"`, true},
		{"smpp/client.go", `import "github.com/fiorix/go-smpp/smpp/pdu"`, true},
		{"smpp/codec.go", `import "github.com/fiorix/go-smpp/smpp/pdu"`, false},
		{"smpp/codec_test.go", `import "github.com/fiorix/go-smpp/smpp/pdu"`, false},
		{"internal/web/a.go", `import "github.com/fiorix/go-smpp/smpp/pdu"`, true},
		{"internal/services/permit/a.go", `import "net/http"`, true},
		{"internal/services/permit/a.go", `import "github.com/wasl-sms/wasl/smpp/gsm"`, true},
		{"internal/services/visit/a.go", `import "github.com/wasl-sms/wasl/internal/services/permit"`, true},
		{"internal/services/visit/a_test.go", `import "github.com/wasl-sms/wasl/internal/services/permit"`, false},
		{"internal/services/permit/a.go", `import "github.com/wasl-sms/wasl/internal/services/visit"`, false},
		{"internal/web/a.go", `import "github.com/jackc/pgx/v5"`, true},
		{"internal/web/a_test.go", `import "github.com/jackc/pgx/v5"`, false},
		{"internal/gateway/a.go", `import "github.com/wasl-sms/wasl/internal/services/visit"`, true},
		{"internal/aggregator/a.go", `import "github.com/jackc/pgx/v5"`, true},
		{"internal/aggregator/a.go", `import "github.com/wasl-sms/wasl/ussd"`, false},
		{"internal/form/a.go", `import "net/http"`, true},
		{"internal/casework/a.go", `import "github.com/wasl-sms/wasl/internal/person"`, true},
		{"internal/message/a.go", `import "github.com/wasl-sms/wasl/smpp/gsm"`, false},
		{"internal/desk/a.go", `import "github.com/wasl-sms/wasl/cmd/wasl"`, true},
		{"internal/smsc/a.go", `import "github.com/wasl-sms/wasl/internal/message"`, true},
		{"internal/web/a.go", `import "github.com/wasl-sms/wasl/internal/localdb/dbtest"`, true},
		{"internal/services/visit/visittest/a.go", `import "github.com/wasl-sms/wasl/internal/localdb/dbtest"`, false},
		{"internal/person/a.go", "const q = `\nselect n from account`", true},
		{"internal/person/store_pin.go", "const q = `\nselect n from account`", false},
		{"internal/person/a.go", `const q = "select one of these"`, false},
	} {
		broken, err := check(fstest.MapFS{c.file: {Data: []byte("package p\n" + c.body)}})
		if err != nil {
			t.Fatal(err)
		}
		if (len(broken) > 0) != c.broken {
			t.Errorf("%s with %s: %v", c.file, c.body, broken)
		}
	}
}
