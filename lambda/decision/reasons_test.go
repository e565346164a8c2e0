package decision

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

func TestEveryReasonIsExplainedAndDocumented(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/decide-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		codes++
		code := strings.Trim(literal.Value, `"`)
		text := Reasons[Reason(code)]
		if text == "" {
			t.Errorf("reason %q has no sentence in Reasons: `peakline scaler explain` would print a bare code", code)
		}
		if !strings.Contains(string(page), "| `"+code+"` | "+text+" |") {
			t.Errorf("docs/decide-protocol.md lacks the row | `%s` | %s |", code, text)
		}
		return true
	})
	if codes != len(Reasons) {
		t.Errorf("%d reason constants, but %d rows in Reasons", codes, len(Reasons))
	}
}
