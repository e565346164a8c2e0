// Package edgetest lets tests run the functions at the edge, as they are shipped, under Node.js.
package edgetest

import (
	"os"
	"path/filepath"
	"testing"
)

// cloudfront stands in for the module of CloudFront's runtime; a test puts what it does into a global.
const cloudfront = `export default {
  kvs: () => ({ get: (key, options) => globalThis.cloudfront.get(key, options) }),
  selectRequestOriginById: (id) => globalThis.cloudfront.select(id),
};
`

// Folder writes functions as modules, name.mjs, beside the stand-in. They export their handler.
func Folder(t testing.TB, functions map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	files := map[string]string{
		"node_modules/cloudfront/index.mjs":    cloudfront,
		"node_modules/cloudfront/package.json": `{"name": "cloudfront", "type": "module", "exports": "./index.mjs"}`,
	}
	for name, text := range functions {
		files[name+".mjs"] = text + "export { handler };\n"
	}
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
