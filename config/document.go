package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits that no environment file comes near, and that keep a hostile one from exhausting the parser.
const (
	maxFileBytes = 64 << 10
	maxNesting   = 16
)

// document is one parsed file: its values as encoding/json would have them, and where each of them stands.
type document struct {
	file     string
	schema   *jsonschema.Schema
	root     map[string]any
	places   map[string]place
	keys     map[string]place // where each key stands, for the mistakes that are about the key itself
	bad      map[string]bool  // paths whose value is refused and dropped
	doubtful map[string]bool  // paths whose value is kept, but which stand in the file twice
	mistakes Mistakes
}

// place is where a value stands: the key for a mapping or a list, the value itself for a scalar. Its file is empty for the
// document's own.
type place struct {
	line, column int
	file         string
}

// parse reads one YAML document. What cannot be read at all is a mistake of the document, never an error of parse, so
// that the mistakes of the other files are still found.
func parse(file string, schema *jsonschema.Schema, text []byte) *document {
	d := &document{file: file, schema: schema, root: map[string]any{}, places: map[string]place{"": {line: 1, column: 1}},
		keys: map[string]place{}, bad: map[string]bool{}, doubtful: map[string]bool{}}
	if len(text) > maxFileBytes {
		d.refuse("", "%d bytes, want at most %d", len(text), maxFileBytes)
		return d
	}
	if depth := nesting(string(text)); depth > maxNesting {
		d.refuse("", "nested %d levels deep, want at most %d", depth, maxNesting)
		return d
	}
	tree, err := parseYAML(bytes.TrimPrefix(text, []byte("\ufeff")))
	if err != nil {
		d.refuseSyntax(err)
		return d
	}
	bodies := tree.Docs[:0:0]
	for _, doc := range tree.Docs {
		if _, isDirective := doc.Body.(*ast.DirectiveNode); doc.Body != nil && !isDirective {
			bodies = append(bodies, doc)
		}
	}
	switch {
	case len(bodies) == 0:
		d.refuse("", "empty, want settings of the form \"key: value\"")
		return d
	case len(bodies) > 1:
		d.places[""] = placeOf(bodies[1].Body)
		d.refuse("", "%d YAML documents, want one; put each environment into a file of its own", len(bodies))
		return d
	}
	body := bodies[0].Body
	if value, isMap := d.read("", body).(map[string]any); isMap {
		d.root = value
	} else if len(d.mistakes) == 0 {
		d.refuse("", "%s, want settings of the form \"key: value\"", describe(d.read("", body)))
	}
	return d
}

// parseYAML turns a panic of the YAML library into an error: a file must never crash the tool that reads it.
func parseYAML(text []byte) (tree *ast.File, err error) {
	defer func() {
		if crash := recover(); crash != nil {
			err = fmt.Errorf("the text is not YAML (%v)", crash)
		}
	}()
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

// nesting estimates the depth to which a text makes the parser recurse: brackets opened at once, and dashes or question
// marks in a row at the start of a line. Depth by indentation costs its own square in bytes, which maxFileBytes bounds.
func nesting(text string) int {
	deepest, brackets := 0, 0
	for line := range strings.Lines(text) {
		content := strings.TrimLeft(line, " \t")
		markers := 0
		for len(content) > 1 && strings.ContainsRune("-?:", rune(content[0])) && (content[1] == ' ' || content[1] == '\t') {
			markers++
			content = strings.TrimLeft(content[1:], " \t")
		}
		if strings.HasPrefix(content, "#") {
			continue
		}
		deepest = max(deepest, markers)
		for _, r := range content {
			switch r {
			case '[', '{':
				brackets++
			case ']', '}':
				brackets = max(0, brackets-1)
			}
			deepest = max(deepest, brackets)
		}
	}
	return deepest
}

// read converts a node and remembers where it and everything below it stands.
func (d *document) read(path string, node ast.Node) any {
	switch n := node.(type) {
	case *ast.MappingNode:
		values := map[string]any{}
		for _, entry := range n.Values {
			d.readEntry(path, entry, values)
		}
		return values
	case *ast.MappingValueNode:
		values := map[string]any{}
		d.readEntry(path, n, values)
		return values
	case *ast.SequenceNode:
		items := make([]any, len(n.Values))
		for i, item := range n.Values {
			itemPath := index(path, i)
			d.places[itemPath] = placeOf(item)
			items[i] = d.read(itemPath, item)
		}
		return items
	case *ast.StringNode:
		if n.Token.Type == token.StringType && zeroFirst.MatchString(n.Value) {
			return d.refuseOdd(path, n)
		}
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode:
		if !plainDigits.MatchString(n.GetToken().Value) {
			return d.refuseOdd(path, n)
		}
		return n.Value
	case *ast.FloatNode:
		if math.IsInf(n.Value, 0) || math.IsNaN(n.Value) {
			return n.GetToken().Value
		}
		return n.Value
	case *ast.NullNode:
		return nil
	case *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value
	case *ast.AnchorNode, *ast.AliasNode:
		d.refuse(path, "a YAML anchor or alias, want the value itself: profiles are what environments share")
	case *ast.TagNode:
		d.refuse(path, "the YAML tag %s, want a plain value", n.Start.Value)
	default:
		d.refuse(path, "YAML syntax that environment files do without, want a plain value")
	}
	return unreadable{}
}

// plainDigits are a whole number that every tool reads alike: 010 is eight to some and ten to others. zeroFirst is what is no
// number to YAML only because of an 8 or a 9.
var (
	plainDigits = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)$`)
	zeroFirst   = regexp.MustCompile(`^[+-]?0[0-9_]+$`)
)

func (d *document) refuseOdd(path string, node ast.Node) any {
	d.refuse(path, "%s, want plain digits without a leading zero; or put it in quotes if it is no number", node.GetToken().Value)
	return unreadable{}
}

// unreadable stands for a value that has been refused already.
type unreadable struct{}

func (d *document) readEntry(path string, entry *ast.MappingValueNode, into map[string]any) {
	keyPlace := placeOf(entry.Key)
	switch entry.Key.(type) {
	case *ast.MergeKeyNode, *ast.MappingKeyNode, *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.note(keyPlace, path, "YAML syntax that environment files do without, want a plain key")
		return
	}
	name := entry.Key.GetToken().Value
	child := join(path, name)
	if _, twice := into[name]; twice {
		d.note(keyPlace, child, "stands here a second time, first on line %d, want it once", d.places[child].line)
		d.doubtful[child] = true
		return
	}
	d.places[child], d.keys[child] = keyPlace, keyPlace
	switch entry.Value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.NullNode:
	default:
		d.places[child] = placeOf(entry.Value)
	}
	into[name] = d.read(child, entry.Value)
}

// under adds what another file states and this one does not. Mappings are merged key by key; of anything else this file's
// value holds alone.
func (d *document) under(base *document) {
	d.mistakes = append(d.mistakes, base.mistakes...)
	d.merge("", d.root, base.root, base)
}

func (d *document) merge(path string, into, from map[string]any, base *document) {
	for key, value := range from {
		at := join(path, key)
		ours, stated := into[key]
		if !stated {
			into[key] = value
			d.adopt(at, base)
			continue
		}
		ourMap, isMap := ours.(map[string]any)
		if theirMap, bothMaps := value.(map[string]any); isMap && bothMaps {
			d.merge(at, ourMap, theirMap, base)
		}
	}
}

// adopt takes over where the base says things.
func (d *document) adopt(path string, base *document) {
	for _, pair := range []struct{ into, from map[string]place }{{d.places, base.places}, {d.keys, base.keys}} {
		for at, p := range pair.from {
			if within(at, path) {
				p.file = base.file
				pair.into[at] = p
			}
		}
	}
}

// has tells whether the file itself states the value, as opposed to the profile.
func (d *document) has(path string) bool {
	_, stated := d.places[path]
	return stated
}

// at is the place of a path, or of the nearest thing above it that the file has.
func (d *document) at(path string) place {
	for {
		if p, found := d.places[path]; found {
			return p
		}
		path = parent(path)
	}
}

// refuse records a mistake about a value, unless the value or what it is part of has one already: the first mistake
// is the cause, the rest would be its consequences. From here on no rule relies on the value.
func (d *document) refuse(path, format string, args ...any) {
	if !d.refused(path) {
		d.note(d.at(path), path, format, args...)
		d.bad[path] = true
	}
}

// note records a mistake that leaves the value itself usable, such as a key that stands in the file twice.
func (d *document) note(p place, path, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{File: cmp.Or(p.file, d.file), Line: p.line, Column: p.column, Path: path, Text: fmt.Sprintf(format, args...)})
}

// refused tells whether a value, or what it is part of, has a mistake.
func (d *document) refused(path string) bool {
	for !d.bad[path] {
		if path == "" {
			return false
		}
		path = parent(path)
	}
	return true
}

// sound tells whether the values at the paths, and everything inside them, can be relied on. A * in a path is any key.
func (d *document) sound(paths ...string) bool {
	for _, path := range paths {
		for _, unreliable := range []map[string]bool{d.bad, d.doubtful} {
			for at := range unreliable {
				if touches(at, path) {
					return false
				}
			}
		}
	}
	return true
}

// syntaxHints explain messages of the YAML library that leave the reader guessing.
var syntaxHints = map[string]string{
	"value is not allowed in this context. map key-value is pre-defined": "; does a quote further up stay open?",
	"non-map value is specified":                                         "; is the space after a colon missing?",
	"value is not allowed in this context":                               "; is the indentation that of the line above?",
	"found character '\t' that cannot start any token":                   "; YAML indents with spaces, never with tabs",
	"',' or ']' must be specified":                                       "; a list that opens with [ closes with ]",
	"could not find flow mapping end token '}'":                          "; a mapping that opens with { closes with }",
}

func (d *document) refuseSyntax(err error) {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		d.places[""] = placeOfToken(syntax.GetToken())
		d.refuse("", "not YAML: %s%s", syntax.GetMessage(), syntaxHints[syntax.GetMessage()])
		return
	}
	d.refuse("", "not YAML: %v", err)
}

func placeOf(node ast.Node) place {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return placeOf(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return placeOf(n.Key)
	}
	return placeOfToken(node.GetToken())
}

func placeOfToken(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{line: 1, column: 1}
	}
	return place{line: t.Position.Line, column: t.Position.Column}
}

// join, index, parent and within are the arithmetic of paths such as `network.zones[2]`.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, n int) string { return fmt.Sprintf("%s[%d]", path, n) }

func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

func within(path, of string) bool {
	rest, inside := strings.CutPrefix(path, of)
	return inside && (rest == "" || of == "" || rest[0] == '.' || rest[0] == '[')
}

// touches tells whether one of two paths is within the other; a * in the second is any key.
func touches(path, pattern string) bool {
	steps := func(path string) []string {
		return strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
	}
	wanted := steps(pattern)
	for n, step := range steps(path) {
		if n == len(wanted) {
			break
		}
		if wanted[n] != "*" && wanted[n] != step {
			return false
		}
	}
	return true
}

// describe says what a value is, for the message that refuses it.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("text %q", shorten(v))
	case bool:
		return fmt.Sprintf("%t", v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	default:
		return fmt.Sprintf("number %v", v)
	}
}

func shorten(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
