package diff

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// template is one CloudFormation template as it is written.
type template struct {
	Description string               `json:"Description"`
	Parameters  map[string]parameter `json:"Parameters"`
	Mappings    map[string]any       `json:"Mappings"`
	Conditions  map[string]any       `json:"Conditions"`
	Resources   map[string]*resource `json:"Resources"`
	Outputs     map[string]output    `json:"Outputs"`
	Rules       map[string]any       `json:"Rules"`
	Metadata    map[string]any       `json:"Metadata"`
	Hooks       map[string]any       `json:"Hooks"`
	Transform   any                  `json:"Transform"`
	Version     string               `json:"AWSTemplateFormatVersion"`
}

type parameter struct {
	Type    string `json:"Type"`
	Default any    `json:"Default"`
}

type output struct {
	Value  any `json:"Value"`
	Export struct {
		Name any `json:"Name"`
	} `json:"Export"`
	Description string `json:"Description"`
	Condition   string `json:"Condition"`
}

type resource struct {
	Type                string         `json:"Type"`
	Properties          map[string]any `json:"Properties"`
	Condition           string         `json:"Condition"`
	DependsOn           any            `json:"DependsOn"`
	DeletionPolicy      any            `json:"DeletionPolicy"`
	UpdateReplacePolicy any            `json:"UpdateReplacePolicy"`
	CreationPolicy      any            `json:"CreationPolicy"`
	UpdatePolicy        any            `json:"UpdatePolicy"`
	Metadata            map[string]any `json:"Metadata"`
}

// templateSuffix ends the name of every template that the CDK writes.
const templateSuffix = ".template.json"

// read finds the templates of an assembly, nested ones included, or of any folder with *.template.json files. It fails
// for a folder without a template: a misspelt path must not look like an empty account.
func read(directory string) ([]*stack, error) {
	manifests := map[string]artifact{} // by template file
	var stacks []*stack
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != directory && strings.HasPrefix(entry.Name(), "asset."):
			return fs.SkipDir // somebody's files, not templates of this assembly
		case entry.Name() == "manifest.json" && !entry.IsDir():
			return readManifest(path, manifests)
		case entry.IsDir() || !strings.HasSuffix(entry.Name(), templateSuffix):
			return nil
		}
		parsed, err := readTemplate(path)
		if err != nil {
			return err
		}
		file := strings.TrimSuffix(entry.Name(), templateSuffix)
		stacks = append(stacks, &stack{name: file, file: file, path: path, template: parsed})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", directory, err)
	}
	if len(stacks) == 0 {
		return nil, fmt.Errorf("read %s: no *%s in it, want an assembly (cdk.out) or a folder of templates", directory, templateSuffix)
	}
	seen := map[string]string{}
	for _, s := range stacks {
		if described, ok := manifests[s.path]; ok {
			s.name, s.place = described.stackName, described.place
		}
		if other, twice := seen[s.name]; twice {
			return nil, fmt.Errorf("read %s: %s and %s are both the stack %s, want each once", directory, other, s.path, s.name)
		}
		seen[s.name] = s.path
	}
	return stacks, nil
}

func readTemplate(path string) (template, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return template{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	parsed, err := parseTemplate(file)
	if err != nil {
		return template{}, fmt.Errorf("template %s: %w", path, err)
	}
	return parsed, nil
}

// parseTemplate reads one template. What is no JSON object with Resources is refused; an empty stack of the CDK has a parameter
// at least, the version of its bootstrap.
func parseTemplate(from io.Reader) (template, error) {
	text, err := io.ReadAll(from)
	if err != nil {
		return template{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var parsed template
	if err := decoder.Decode(&parsed); err != nil {
		return template{}, placed(text, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return template{}, errors.New("something follows the template, want one JSON object")
	}
	if err := refuseRepeated(text); err != nil {
		return template{}, err
	}
	if parsed.Resources == nil && parsed.Parameters == nil {
		return template{}, errors.New("no Resources, want a CloudFormation template")
	}
	for id, r := range parsed.Resources {
		if r == nil || r.Type == "" {
			return template{}, fmt.Errorf("resource %s has no Type", id)
		}
	}
	return parsed, nil
}

// refuseRepeated finds a key that stands twice: of the two, encoding/json and CloudFormation know one only.
func refuseRepeated(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var value func() error
	value = func() error {
		token, err := decoder.Token()
		if err != nil || token != json.Delim('{') && token != json.Delim('[') {
			return err
		}
		seen := map[json.Token]bool{}
		for decoder.More() {
			if token == json.Delim('{') {
				key, err := decoder.Token()
				switch {
				case err != nil:
					return err
				case seen[key]:
					return fmt.Errorf("line %d: the key %q stands a second time, want it once", lineOf(text, decoder.InputOffset()), key)
				}
				seen[key] = true
			}
			if err := value(); err != nil {
				return err
			}
		}
		_, err = decoder.Token()
		return err
	}
	return value()
}

// placed adds the line to an error that knows only an offset, and says what JSON it is about and not what Go.
func placed(text []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("nothing in it, want one JSON object")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("line %d: the JSON ends too early", lineOf(text, int64(len(text))))
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: no JSON: %w", lineOf(text, syntax.Offset), err)
	case errors.As(err, &kind):
		want := "an object"
		if kind.Type.Kind() == reflect.String {
			want = "a string"
		}
		return fmt.Errorf("line %d: %s: JSON %s, want %s", lineOf(text, kind.Offset), cmp.Or(kind.Field, "all of it"), kind.Value, want)
	}
	return err
}

func lineOf(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(offset, int64(len(text)))], []byte("\n"))
}

// artifact is what the manifest of an assembly says of a template.
type artifact struct {
	stackName string
	place     place
}

// readManifest notes what a manifest of the CDK says of the templates that stand beside it.
func readManifest(path string, artifacts map[string]artifact) error {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	var manifest struct {
		Artifacts map[string]struct {
			Environment string `json:"environment"`
			Properties  struct {
				TemplateFile string `json:"templateFile"`
				StackName    string `json:"stackName"`
				LookupRole   struct {
					ARN string `json:"arn"`
				} `json:"lookupRole"`
			} `json:"properties"`
		} `json:"artifacts"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return fmt.Errorf("manifest %s: %w", path, placed(text, err))
	}
	for id, described := range manifest.Artifacts {
		properties := described.Properties
		if properties.TemplateFile == "" {
			continue
		}
		found := artifact{stackName: properties.StackName}
		if described.Environment != "" {
			if found.place, err = parsePlace(described.Environment, properties.LookupRole.ARN); err != nil {
				return fmt.Errorf("manifest %s, %s: %w", path, id, err)
			}
		}
		artifacts[filepath.Join(filepath.Dir(path), properties.TemplateFile)] = found
	}
	return nil
}
