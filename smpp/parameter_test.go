package smpp_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wasl-sms/wasl/smpp"
	"github.com/wasl-sms/wasl/smpp/smpptest"
)

// tags lists the constants of type Tag.
func tags(t *testing.T) []smpp.Tag {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "tlv.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []smpp.Tag
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "Tag" {
				v, err := strconv.ParseUint(spec.Values[0].(*ast.BasicLit).Value, 0, 16)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, smpp.Tag(v))
			}
		}
		return true
	})
	if len(all) < 40 {
		t.Fatalf("%d tags found", len(all))
	}
	return all
}

func TestEveryParameterPassesBothWays(t *testing.T) {
	all := append(tags(t), 0x060D, 0x1400, 0x3FFF, 0xFFFF)
	bubble(t, func(t *testing.T) {
		toESME, toSMSC := &recorder{}, &recorder{}
		esme, smsc := smpptest.Pair(t, smpptest.PairConfig{ESME: toESME, SMSC: toSMSC})
		var sent smpp.TLVs
		for i, tag := range all {
			if tag != smpp.TagMessagePayload {
				sent = append(sent, smpp.TLV{Tag: tag, Value: bytes.Repeat([]byte{byte(i)}, i%5)})
			}
		}
		sent = append(sent, smpp.TLV{Tag: smpp.TagCallbackNum, Value: []byte("repeated")})
		submitted, delivered, data := text("x"), mo("x"), text("x")
		data.Command, data.UsePayloadTLV = smpp.DataSM, true
		for _, c := range []struct {
			s  *smpp.Session
			m  smpp.ShortMessage
			at *recorder
		}{{esme, submitted, toSMSC}, {smsc, delivered, toESME}, {esme, data, toSMSC}, {smsc, data, toESME}} {
			c.m.TLVs = append(smpp.TLVs(nil), sent...)
			if _, err := c.s.Submit(ctx, c.m); err != nil {
				t.Fatalf("%v: %v", c.m.Command, err)
			}
			got := c.at.messages[len(c.at.messages)-1]
			if diff := cmp.Diff(sent, got.TLVs, cmp.Comparer(bytes.Equal)); diff != "" {
				t.Errorf("%v (-sent +arrived):\n%s", c.m.Command, diff)
			}
		}
	})
}
