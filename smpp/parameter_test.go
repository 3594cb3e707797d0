package smpp_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
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

func TestPlaceOfAPart(t *testing.T) {
	t.Parallel()
	var whole smpp.TLVs
	whole.SetSAR(0xFFFE, 3, 2)
	if ref, total, seq, ok := whole.SAR(); !ok || ref != 0xFFFE || total != 3 || seq != 2 {
		t.Errorf("read %d %d/%d, %v", ref, seq, total, ok)
	}
	for name, change := range map[string]func(*smpp.TLVs){
		"no reference":      func(p *smpp.TLVs) { *p = (*p)[1:] },
		"no number":         func(p *smpp.TLVs) { *p = (*p)[:2] },
		"part 0":            func(p *smpp.TLVs) { p.SetUint8(smpp.TagSARSegmentSeqnum, 0) },
		"beyond the last":   func(p *smpp.TLVs) { p.SetUint8(smpp.TagSARSegmentSeqnum, 4) },
		"more than 255":     func(p *smpp.TLVs) { p.SetUint16(smpp.TagSARTotalSegments, 256) },
		"a wide reference":  func(p *smpp.TLVs) { p.SetUint32(smpp.TagSARMsgRefNum, 0x10000) },
		"an empty one":      func(p *smpp.TLVs) { p.Set(smpp.TagSARTotalSegments, nil) },
		"of nothing at all": func(p *smpp.TLVs) { p.SetUint8(smpp.TagSARTotalSegments, 0) },
	} {
		p := slices.Clone(whole)
		change(&p)
		if _, _, _, ok := p.SAR(); ok {
			t.Errorf("%s passes", name)
		}
	}
}
