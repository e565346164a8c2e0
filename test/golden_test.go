package test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/aymanbagabas/go-udiff"
)

const goldenFolder = "golden"

// assetHash is in the key of everything that is uploaded beside a template; it changes with every compiler.
var assetHash = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// TestGoldenTemplates shows every change of a shipped template in review. `make golden` accepts them.
func TestGoldenTemplates(t *testing.T) {
	wanted := map[string]bool{}
	for _, a := range synthesized(t).assemblies {
		if !a.shipped {
			continue
		}
		for _, s := range a.stacks {
			file := filepath.Join(goldenFolder, a.environment.Name, s.id+".json")
			wanted[file] = true
			t.Run(a.environment.Name+"/"+s.id, func(t *testing.T) { compareWithGolden(t, file, s.template) })
		}
	}
	files, err := filepath.Glob(filepath.Join(goldenFolder, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		switch {
		case wanted[file]:
		case *update:
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s: no environment has this stack any more; its resources would be deleted. Accept it with `make golden`", file)
		}
	}
}

func compareWithGolden(t *testing.T, file string, template map[string]any) {
	t.Helper()
	got, err := blanked(template)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	golden, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Fatalf("%s does not exist: a new stack. Accept it with `make golden`", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(golden, got) {
		return
	}
	t.Errorf("the template changed; if that is what you meant, `make golden` accepts it:\n%s",
		udiff.Unified("golden", "now", string(golden), string(got)))
}

// blanked is the template as it is kept, without what changes although nothing of ours did.
func blanked(template map[string]any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(template); err != nil {
		return nil, err
	}
	return assetHash.ReplaceAll(text.Bytes(), []byte("HASH")), nil
}
