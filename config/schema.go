package config

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// schemas are generated from the types of this package. Editors and Load read the same text, so that a file which an
// editor finds in order has no mistake left but those between two values.
//
//go:embed environment.schema.json delivery.schema.json
var schemas embed.FS

var (
	environmentSchema = compiled("environment.schema.json")
	deliverySchema    = compiled("delivery.schema.json")
)

func compiled(file string) func() *jsonschema.Schema {
	return sync.OnceValue(func() *jsonschema.Schema {
		text, err := schemas.Open(file)
		if err != nil {
			panic(fmt.Sprintf("open %s: %v", file, err))
		}
		tree, err := jsonschema.UnmarshalJSON(text)
		if err != nil {
			panic(fmt.Sprintf("read %s: %v", file, err))
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(file, tree); err != nil {
			panic(fmt.Sprintf("load %s: %v", file, err))
		}
		return compiler.MustCompile(file)
	})
}

// checkValues applies the schema to each single value of the document and then drops the values it refuses, so that
// the rules between values never meet one of the wrong type.
func (d *document) checkValues() {
	d.root, _ = d.prune("", d.root).(map[string]any)
	d.refuseBlanks(nil, d.root)
	var failed *jsonschema.ValidationError
	if !errors.As(d.schema.Validate(d.root), &failed) {
		d.root, _ = d.prune("", d.root).(map[string]any)
		return
	}
	var leaves []*jsonschema.ValidationError
	var collect func(*jsonschema.ValidationError)
	collect = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			leaves = append(leaves, e)
		}
		for _, cause := range e.Causes {
			collect(cause)
		}
	}
	collect(failed)
	for _, leaf := range leaves {
		d.refuseValue(leaf)
	}
	for _, leaf := range leaves {
		if missing, isMissing := leaf.ErrorKind.(*kind.Required); isMissing {
			d.refuseMissing(leaf.InstanceLocation, missing.Missing)
		}
	}
	d.root, _ = d.prune("", d.root).(map[string]any)
}

// refuseBlanks refuses texts that have to say something and consist of spaces, which the schema counts as characters.
func (d *document) refuseBlanks(location []string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			d.refuseBlanks(append(slices.Clone(location), key), inner)
		}
	case []any:
		for n, inner := range v {
			d.refuseBlanks(append(slices.Clone(location), strconv.Itoa(n)), inner)
		}
	case string:
		if s := d.schemaAt(location); v != "" && strings.TrimSpace(v) == "" && s.MinLength != nil {
			d.refuse(d.pathOf(location), "nothing but spaces, want text")
		}
	}
}

// refuseValue words one finding of the schema. Missing keys come later, because a misspelt key explains a missing one.
func (d *document) refuseValue(e *jsonschema.ValidationError) {
	path := d.pathOf(e.InstanceLocation)
	value := d.value(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
	case *kind.AdditionalProperties:
		d.refuseUnknown(path, d.schemaAt(e.InstanceLocation), k.Properties)
		for _, name := range k.Properties {
			delete(value.(map[string]any), name)
		}
	case *kind.Type:
		d.refuse(path, "%s, want %s", describe(value), wantedType(k.Want, value))
	case *kind.Enum:
		d.refuse(path, "%s, %s", describe(value), choice(value, k.Want))
	case *kind.Pattern:
		d.refuse(path, "%s, want %s", describe(value), example(d.schemaAt(e.InstanceLocation), k.Want))
	case *kind.Minimum, *kind.Maximum, *kind.ExclusiveMinimum, *kind.ExclusiveMaximum, *kind.MultipleOf:
		d.refuse(path, "%v, want %s", value, span(d.schemaAt(e.InstanceLocation)))
	case *kind.MinLength, *kind.MaxLength:
		s := d.schemaAt(e.InstanceLocation)
		d.refuse(path, "%s, want %s", count(len([]rune(value.(string))), "character", "characters"), limits(s.MinLength, s.MaxLength))
	case *kind.MinItems, *kind.MaxItems:
		s := d.schemaAt(e.InstanceLocation)
		d.refuse(path, "%s, want %s", count(len(value.([]any)), "entry", "entries"), limits(s.MinItems, s.MaxItems))
	case *kind.UniqueItems:
		second := index(path, max(k.Duplicates[0], k.Duplicates[1]))
		d.doubtful[path] = true
		d.note(d.at(second), second, "%s is listed twice, want it once", describe(value.([]any)[k.Duplicates[0]]))
	default:
		d.refuse(path, "%s is not allowed here: %v", describe(value), e)
	}
}

func (d *document) refuseUnknown(path string, s *jsonschema.Schema, names []string) {
	known := slices.Sorted(maps.Keys(s.Properties))
	for _, name := range names {
		at, text := d.keys[join(path, name)], "unknown key, want one of "+strings.Join(known, ", ")
		if suggestion, found := nearest(name, known); found {
			text = fmt.Sprintf("unknown key, did you mean %s?", suggestion)
			d.bad[join(path, suggestion)] = true
		}
		d.note(at, join(path, name), "%s", text)
	}
}

func (d *document) refuseMissing(location, names []string) {
	for _, name := range names {
		want := ""
		if s := d.schemaAt(append(slices.Clone(location), name)); len(s.Examples) > 0 {
			want = "; want " + example(s, "")
		}
		d.refuse(join(d.pathOf(location), name), "missing, and it has no default%s", want)
	}
}

// value and pathOf follow the schema library's locations through the document.
func (d *document) value(location []string) any {
	var value any = d.root
	for _, step := range location {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			value = v[number(step)]
		}
	}
	return value
}

func (d *document) pathOf(location []string) string {
	path := ""
	for i, step := range location {
		if _, isList := d.value(location[:i]).([]any); isList {
			path += "[" + step + "]"
		} else {
			path = join(path, step)
		}
	}
	return path
}

func number(step string) int {
	i, err := strconv.Atoi(step)
	if err != nil {
		panic(fmt.Sprintf("schema library gave %q as the index of a list", step))
	}
	return i
}

// prune drops what has been refused. The items of a list keep their indices.
func (d *document) prune(path string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			at := join(path, key)
			if d.refused(at) {
				delete(v, key)
				continue
			}
			v[key] = d.prune(at, inner)
		}
	case []any:
		for i, inner := range v {
			if at := index(path, i); d.refused(at) {
				v[i] = nil
			} else {
				v[i] = d.prune(at, inner)
			}
		}
	}
	return value
}

// schemaAt is the part of the schema that a value answers to.
func (d *document) schemaAt(location []string) *jsonschema.Schema {
	s := resolve(d.schema)
	for _, step := range location {
		switch inner, isMap := s.AdditionalProperties.(*jsonschema.Schema); {
		case s.Properties[step] != nil:
			s = s.Properties[step]
		case isMap:
			s = inner
		case s.Items2020 != nil:
			s = s.Items2020
		}
		s = resolve(s)
	}
	return s
}

func resolve(s *jsonschema.Schema) *jsonschema.Schema {
	for s.Ref != nil {
		s = s.Ref
	}
	return s
}

// wantedType names a type in the words of someone who writes YAML.
func wantedType(types []string, found any) string {
	names := map[string]string{"string": "text", "integer": "a whole number", "number": "a number",
		"boolean": "true or false", "array": "a list", "object": "a mapping"}
	want := names[types[0]]
	if _, isScalar := found.(map[string]any); types[0] == "string" && found != nil && !isScalar {
		if _, isList := found.([]any); !isList {
			want += ": put it in quotes"
		}
	}
	return want
}

// choice names the values to choose from, or the one that was probably meant.
func choice(found any, from []any) string {
	words := make([]string, len(from))
	for i, value := range from {
		words[i] = fmt.Sprint(value)
	}
	text, _ := found.(string)
	if suggestion, near := nearest(text, words); near {
		return fmt.Sprintf("did you mean %s? There are: %s", suggestion, strings.Join(words, ", "))
	}
	return "want one of " + strings.Join(words, ", ")
}

// example explains a pattern by a value that fits.
func example(s *jsonschema.Schema, pattern string) string {
	if len(s.Examples) == 0 {
		return "text that matches " + pattern
	}
	return fmt.Sprintf("for example %q", s.Examples[0])
}

// span words the range of a number.
func span(s *jsonschema.Schema) string {
	text := func(r *big.Rat) string { f, _ := r.Float64(); return strconv.FormatFloat(f, 'f', -1, 64) }
	var words []string
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		words = append(words, text(s.Minimum)+" to "+text(s.Maximum))
	case s.ExclusiveMinimum != nil && s.Maximum != nil:
		words = append(words, "more than "+text(s.ExclusiveMinimum)+", up to "+text(s.Maximum))
	case s.Minimum != nil:
		words = append(words, "at least "+text(s.Minimum))
	case s.Maximum != nil:
		words = append(words, "at most "+text(s.Maximum))
	}
	if s.MultipleOf != nil {
		words = append(words, "in steps of "+text(s.MultipleOf))
	}
	return strings.Join(words, " ")
}

// limits words the size of a text or a list.
func limits(least, most *int) string {
	switch {
	case least == nil:
		return fmt.Sprintf("at most %d", *most)
	case most == nil:
		return fmt.Sprintf("at least %d", *least)
	}
	return fmt.Sprintf("%d to %d", *least, *most)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
