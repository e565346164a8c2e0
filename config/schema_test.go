package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/invopop/jsonschema"

	"peakline/config"
)

var update = flag.Bool("update", false, "write generated files instead of comparing them")

const schemaFile = "environment.schema.json"

// generateSchema derives the schema from the types, their tags and their comments.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	reflector := jsonschema.Reflector{RequiredFromJSONSchemaTags: true, Anonymous: true}
	if err := reflector.AddGoComments("peakline/config", "."); err != nil {
		t.Fatalf("read the comments of the types: %v", err)
	}
	schema := reflector.Reflect(&config.Environment{})
	schema.Title = "Peakline environment"
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatalf("write the schema: %v", err)
	}
	return append(text, '\n')
}

func TestTheSchemaIsGeneratedFromTheTypes(t *testing.T) {
	generated := generateSchema(t)
	if *update {
		if err := os.WriteFile(schemaFile, generated, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, generated) {
		t.Errorf("%s differs from the types, so that editors and Load would follow outdated rules; run go test ./config -update", schemaFile)
	}
}
