package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
)

var update = flag.Bool("update", false, "write generated files instead of comparing them")

const (
	schemaFile = "environment.schema.json"
	docsFile   = "../docs/configuration.md"

	deliveryDocsFile = "../docs/delivery.md"
)

// generated is a kind of file whose schema comes from a type.
type generated struct {
	file, title, root string
	of                any
}

var (
	environmentFile = generated{schemaFile, "Peakline environment", "Environment", &Environment{}}
	deliveryFile    = generated{"delivery.schema.json", "Peakline pipelines", "Delivery", &Delivery{}}
)

// enums are the values that tables of this package list.
func enums() map[string]map[string][]any {
	return map[string]map[string][]any{
		"Environment": {"region": anys(regionNames())},
		"Delivery":    {"region": anys(regionNames())},
		"Backup":      {"copyRegion": anys(regionNames())},
		"Cache":       {"logRetentionDays": anys(logRetentionDays)},
		"Database":    {"logRetentionDays": anys(logRetentionDays)},
		"FlowLogs":    {"retentionDays": anys(logRetentionDays)},
		"Firewall":    {"logRetentionDays": anys(logRetentionDays)},
		"Exception":   {"safety": anys(safetyNames())},
		"Waiver":      {"stack": anys(StackNames)},
	}
}

// schema derives it from the type, its tags and its comments.
func (g generated) schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	reflector := jsonschema.Reflector{RequiredFromJSONSchemaTags: true, Anonymous: true}
	if err := reflector.AddGoComments("peakline/config", "."); err != nil {
		t.Fatalf("read the comments of the types: %v", err)
	}
	schema := reflector.Reflect(g.of)
	schema.Title = g.title
	for definition, values := range enums() {
		described, used := schema.Definitions[definition]
		if !used {
			continue
		}
		for property, enum := range values {
			option, found := described.Properties.Get(property)
			if !found {
				t.Fatalf("the table of enums names %s.%s, which the types do not have", definition, property)
			}
			option.Enum = enum
		}
	}
	if floors, used := schema.Definitions["Floors"]; used {
		tasks, _ := floors.Properties.Get("tasks")
		tasks.AdditionalProperties.Minimum, tasks.AdditionalProperties.Maximum = "1", "1000"
	}
	return schema
}

func anys[T any](values []T) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}

func TestTheSchemaIsGeneratedFromTheTypes(t *testing.T) {
	for _, g := range []generated{environmentFile, deliveryFile} {
		text, err := json.MarshalIndent(g.schema(t), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		compareOrUpdate(t, g.file, append(text, '\n'), "editors and Load would follow outdated rules")
	}
}

func TestTheOptionReferenceIsGeneratedFromTheTypes(t *testing.T) {
	page, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	page = section(t, page, "safeties", safetyTable())
	page = section(t, page, "options", optionTables(t, environmentFile))
	compareOrUpdate(t, docsFile, page, "operators would read of options that do not exist")
	if page, err = os.ReadFile(deliveryDocsFile); err != nil {
		t.Fatal(err)
	}
	compareOrUpdate(t, deliveryDocsFile, section(t, page, "options", optionTables(t, deliveryFile)), "operators would read of options that do not exist")
}

func compareOrUpdate(t *testing.T, file string, generated []byte, consequence string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, generated, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, generated) {
		t.Errorf("%s differs from the types, so that %s; run go test ./config -update", file, consequence)
	}
}

// section replaces the generated part of a page.
func section(t *testing.T, page []byte, name, content string) []byte {
	t.Helper()
	part := regexp.MustCompile(fmt.Sprintf(`(?s)(<!-- %s: generated -->\n).*(<!-- end of %s -->)`, name, name))
	if !part.Match(page) {
		t.Fatalf("the page has no generated part %q", name)
	}
	return part.ReplaceAll(page, []byte("${1}"+strings.ReplaceAll(content, "$", "$$")+"${2}"))
}

func safetyTable() string {
	var table strings.Builder
	table.WriteString("| safety | decided by | profiles |\n|---|---|---|\n")
	for _, s := range safeties {
		profiles := "production"
		if s.everywhere {
			profiles = "all"
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", s.name, s.path, profiles)
	}
	return table.String()
}

// optionTables has a table for each type, in the order in which the types are first used.
func optionTables(t *testing.T, g generated) string {
	t.Helper()
	schema := g.schema(t)
	var page strings.Builder
	queue, seen := []string{g.root}, map[string]bool{g.root: true}
	titles := map[string]string{g.root: "The file"}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		definition := schema.Definitions[name]
		fmt.Fprintf(&page, "\n<a id=\"option-%s\"></a>\n\n### %s\n\n%s\n\n| key | value | meaning |\n|---|---|---|\n", strings.ToLower(name), titles[name], withoutName(definition.Description))
		for option := definition.Properties.Oldest(); option != nil; option = option.Next() {
			if inner := typeName(option.Value); inner != "" && !seen[inner] {
				seen[inner], titles[inner] = true, strings.TrimPrefix(titles[name]+".", "The file.")+option.Key
				queue = append(queue, inner)
			}
			required := ""
			if slices.Contains(definition.Required, option.Key) {
				required = "**required** "
			}
			fmt.Fprintf(&page, "| `%s` | %s%s | %s |\n", option.Key, required, allowed(option.Value), strings.ReplaceAll(withoutName(option.Value.Description), "\n", " "))
		}
	}
	return strings.TrimPrefix(page.String(), "\n")
}

// typeName is the definition that a property, its items or its entries refer to.
func typeName(s *jsonschema.Schema) string {
	for s.Items != nil || s.AdditionalProperties != nil {
		if s.Items != nil {
			s = s.Items
		} else {
			s = s.AdditionalProperties
		}
	}
	return strings.TrimPrefix(s.Ref, "#/$defs/")
}

// withoutName turns "CIDR is the range." into a sentence for people who do not see the Go name.
func withoutName(comment string) string {
	_, rest, isNamed := strings.Cut(comment, " ")
	verb, rest, _ := strings.Cut(rest, " ")
	if !isNamed || !slices.Contains([]string{"is", "are", "says", "has"}, verb) {
		return comment
	}
	if verb == "says" || verb == "has" {
		return comment
	}
	return strings.ToUpper(rest[:1]) + rest[1:]
}

// allowed words the values that the schema allows.
func allowed(s *jsonschema.Schema) string {
	switch {
	case s.Items != nil:
		return "list of " + allowed(s.Items)
	case s.AdditionalProperties != nil:
		return allowed(s.AdditionalProperties) + ", by name"
	case s.Ref != "":
		return "[" + typeName(s) + "](#option-" + strings.ToLower(typeName(s)) + ")"
	case len(s.Enum) > 10:
		return fmt.Sprintf("one of %d, such as `%v`", len(s.Enum), s.Enum[len(s.Enum)/2])
	case len(s.Enum) > 0:
		var values []string
		for _, value := range s.Enum {
			values = append(values, fmt.Sprintf("`%v`", value))
		}
		return strings.Join(values, ", ")
	case s.Minimum != "" && s.Maximum != "":
		steps := ""
		if s.MultipleOf != "" {
			steps = " in steps of " + s.MultipleOf.String()
		}
		return fmt.Sprintf("%s to %s%s", s.Minimum, s.Maximum, steps)
	case len(s.Examples) > 0:
		return fmt.Sprintf("such as `%v`", s.Examples[0])
	case s.Type == "boolean":
		return "`true`, `false`"
	case s.Type == "string":
		return "text"
	}
	return s.Type
}

// workedExamples are the environments in the documentation.
func workedExamples(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for _, block := range regexp.MustCompile("(?s)```yaml\n(# yaml-language-server.*?)```").FindAllSubmatch(page, -1) {
		examples = append(examples, string(block[1]))
	}
	if len(examples) == 0 {
		t.Fatalf("%s has no worked example", docsFile)
	}
	return examples
}

func TestTheWorkedExamplesAreValid(t *testing.T) {
	for i, text := range workedExamples(t) {
		if mistakes := read(fmt.Sprintf("example %d", i+1), "prod", []byte(text), today).document.err(); mistakes != nil {
			t.Errorf("whoever copies it gets:\n%v", mistakes)
		}
	}
}

func TestTheWorkedExamplesUseEveryOption(t *testing.T) {
	used := map[string]bool{}
	for _, text := range workedExamples(t) {
		for path := range parse("example", environmentSchema(), []byte(text)).keys {
			used[generic(path)] = true
		}
	}
	for _, path := range everyOption(t) {
		if !used[path] {
			t.Errorf("%s is in no worked example, so that nobody can see how it is written", path)
		}
	}
}

// everyOption lists the paths that the schema has, with * for names and indices.
func everyOption(t *testing.T) []string {
	t.Helper()
	schema := environmentFile.schema(t)
	var paths []string
	var walk func(path string, s *jsonschema.Schema)
	walk = func(path string, s *jsonschema.Schema) {
		if s.Items != nil {
			walk(path+".*", s.Items)
		}
		if s.AdditionalProperties != nil && s.AdditionalProperties != jsonschema.FalseSchema {
			walk(path+".*", s.AdditionalProperties)
		}
		if s.Ref == "" {
			return
		}
		for option := schema.Definitions[typeName(s)].Properties.Oldest(); option != nil; option = option.Next() {
			paths = append(paths, join(path, option.Key))
			walk(join(path, option.Key), option.Value)
		}
	}
	walk("", &jsonschema.Schema{Ref: "#/$defs/Environment"})
	return paths
}

var (
	listIndex = regexp.MustCompile(`\[\d+\]`)
	namePart  = regexp.MustCompile(`(^database\.readers|^tags|^services|^secrets|^identity\.groups|^flags|^flags\.\*\.numbers|^firewall\.rateLimits|^services\.\*\.(?:environment|secrets|schedules)|\.floors\.tasks)\.[^.*]+`)
)

func generic(path string) string {
	path = listIndex.ReplaceAllString(path, ".*")
	for range strings.Count(path, ".") { // a name may stand below another
		path = namePart.ReplaceAllString(path, "${1}.*")
	}
	return path
}

func TestEveryShippedEnvironmentPointsEditorsAtTheSchema(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shipped, "*"+extension))
	if err != nil || len(files) == 0 {
		t.Fatalf("no environments in %s: %v", shipped, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# yaml-language-server: $schema=../environment.schema.json\n") {
			t.Errorf("%s does not start with the modeline, so that editors neither complete nor check it", file)
		}
	}
}

// TestTheDocumentedDefaultsAreTheDefaults reads what the comments say after "Default:" and looks it up.
func TestTheDocumentedDefaultsAreTheDefaults(t *testing.T) {
	checked := 0
	for name, definition := range environmentFile.schema(t).Definitions {
		for option := definition.Properties.Oldest(); option != nil; option = option.Next() {
			_, says, stated := strings.Cut(option.Value.Description, "Default: ")
			if !stated {
				continue
			}
			for _, profile := range []Profile{Development, Production} {
				claim := strings.TrimSuffix(says, ".")
				for _, part := range strings.Split(claim, ", ") {
					if text, of, found := strings.Cut(part, " in "); found && of == string(profile) {
						claim = text
					}
				}
				claim = strings.Trim(claim, "`")
				actual, found := defaultOf(t, profile, name, option.Key)
				if !found || !regexp.MustCompile(`^[a-z0-9:.-]+$`).MatchString(claim) {
					continue
				}
				checked++
				if claim == "none" && actual == "0" {
					continue
				}
				if actual != claim && strings.Trim(actual, "[]") != claim {
					t.Errorf("%s.%s is said to be %s in %s, it is %s", name, option.Key, claim, profile, actual)
				}
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d defaults were compared: the comments have a form that this test does not read", checked)
	}
}

// defaultOf finds a default by the type and the key of its option.
func defaultOf(t *testing.T, profile Profile, typeName, key string) (text string, found bool) {
	t.Helper()
	var find func(v reflect.Value)
	find = func(v reflect.Value) {
		if v.Kind() != reflect.Struct {
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if v.Type().Name() == typeName && tag == key {
				text, found = fmt.Sprint(v.Field(i).Interface()), true
				return
			}
			find(v.Field(i))
		}
	}
	find(reflect.ValueOf(defaults(profile)))
	if !found {
		find(reflect.ValueOf(serviceDefaults(profile)))
	}
	if !found {
		find(reflect.ValueOf(scheduleDefaults()))
	}
	return text, found
}
