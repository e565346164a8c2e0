package test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var mutateAll = flag.Bool("mutate", false, "break every resource of every environment in turn, not one for each mutation, and list the result")

// mutation breaks one property of one resource, as a careless change of a construct would.
type mutation struct {
	// row is the requirement that is broken; empty for what holds of every template.
	row string
	// name says what the change does.
	name string
	// of is the type of the resources that it breaks, one at a time.
	of string
	// when narrows it to some of them; nil means all.
	when func(a *assembly, r resource) bool
	edit edit
}

// edit changes a resource in place, or its stack.
type edit func(a *assembly, r resource)

// TestMutate breaks the templates on purpose. A requirement's assertions are worth something only if one of them, and not
// just a golden, notices each mutation of its row in every environment that the mutation changes.
//
// An ordinary run tries one resource for each mutation; `make mutate` tries all.
func TestMutate(t *testing.T) {
	assemblies := synthesized(t).assemblies
	tried, survived := map[string]int{}, map[string]int{}
	for _, m := range mutations {
		t.Run(titleOf(m.row, m.name), func(t *testing.T) {
			changes := 0
			for _, a := range assemblies {
				for i, whole := range a.all(m.of) {
					if m.when != nil && !m.when(a, whole) {
						continue
					}
					broken := a.clone(whole.stack)
					r := broken.all(m.of)[i]
					if !m.apply(broken, r) {
						continue
					}
					changes++
					tried[m.row]++
					if !notices(broken, m.row) {
						survived[m.row]++
						t.Errorf("%s, %s: no assertion of %s notices", a.environment.Name, r, rowName(m.row))
					}
					if !*mutateAll {
						return
					}
				}
			}
			if changes == 0 {
				t.Error("changes nothing in any environment, so it proves nothing: add a variant, or remove it")
			}
		})
	}
	if *mutateAll {
		t.Log(summary(tried, survived))
	}
}

// TestEveryRowIsMutated keeps a row from being claimed by assertions that nothing puts to the test.
func TestEveryRowIsMutated(t *testing.T) {
	for _, r := range requirements() {
		if !slices.ContainsFunc(mutations, func(m mutation) bool { return m.row == r.row }) {
			t.Errorf("no mutation breaks %s, so its assertions might notice nothing", rowName(r.row))
		}
	}
}

// apply tells whether the edit changed anything: what is off already cannot be switched off.
func (m mutation) apply(a *assembly, r resource) bool {
	before := written(r.stack)
	m.edit(a, r)
	r.stack.indexed = nil
	return !bytes.Equal(before, written(r.stack))
}

func written(s *stack) []byte {
	text, err := json.Marshal([]any{s.template, s.after, s.terminationProtection})
	if err != nil {
		panic(err) // decoded from JSON a moment ago
	}
	return text
}

// notices tells whether an assertion of the row finds something.
func notices(a *assembly, row string) bool {
	for _, r := range requirements() {
		if r.row == row && len(r.findings(a)) > 0 {
			return true
		}
	}
	return false
}

func summary(tried, survived map[string]int) string {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-16s %8s %8s\n", "row", "changes", "survived")
	rows := make([]string, 0, len(tried))
	for row := range tried {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	all, alive := 0, 0
	for _, row := range rows {
		fmt.Fprintf(&table, "%-16s %8d %8d\n", rowName(row), tried[row], survived[row])
		all, alive = all+tried[row], alive+survived[row]
	}
	fmt.Fprintf(&table, "%-16s %8d %8d", "all", all, alive)
	return table.String()
}

// The edits that mutations are made of.

// set gives a property another value.
func set(path string, value any) edit {
	return func(_ *assembly, r resource) { put(r.properties(), path, value) }
}

// drop removes a property.
func drop(path string) edit { return set(path, nil) }

// attribute sets what stands beside the properties: DeletionPolicy, DependsOn.
func attribute(name string, value any) edit {
	return func(_ *assembly, r resource) { put(r.body, name, value) }
}

// gone removes the resource.
func gone(_ *assembly, r resource) { delete(r.stack.section("Resources"), r.id) }

// extend adds an item to a list.
func extend(path string, item any) edit {
	return func(_ *assembly, r resource) { put(r.properties(), path, append(slices.Clone(r.list(path)), item)) }
}

// shorten removes the last item of a list.
func shorten(path string) edit {
	return func(_ *assembly, r resource) {
		if list := r.list(path); len(list) > 0 {
			put(r.properties(), path, list[:len(list)-1])
		}
	}
}

// again adds a copy of the resource, changed, beside it.
func again(change edit) edit {
	return func(a *assembly, r resource) {
		text, err := json.Marshal(r.body)
		if err != nil {
			panic(err)
		}
		twin := resource{stack: r.stack, id: r.id + "Again", kind: r.kind}
		if err := json.Unmarshal(text, &twin.body); err != nil {
			panic(err)
		}
		r.stack.section("Resources")[twin.id] = twin.body
		change(a, twin)
	}
}

// statementWith changes every statement of a policy that allows the action.
func statementWith(document, action string, change func(body map[string]any)) edit {
	return func(_ *assembly, r resource) {
		for _, s := range statementsOf(r, r.get(document)) {
			if slices.Contains(s.actions(), action) {
				change(s.body)
			}
		}
	}
}

// put follows the path and sets what it ends at; nil removes it. A path that ends nowhere changes nothing.
func put(container any, path string, value any) {
	parent, last := container, path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		parent, last = dig(container, path[:i]), path[i+1:]
	}
	switch parent := parent.(type) {
	case map[string]any:
		if value == nil {
			delete(parent, last)
		} else {
			parent[last] = value
		}
	case []any:
		for i := range parent {
			if fmt.Sprint(i) == last {
				parent[i] = value
			}
		}
	}
}

// Conditions under which a mutation applies.

// with narrows to resources whose property has a value.
func with(path string, value any) func(*assembly, resource) bool {
	return func(_ *assembly, r resource) bool { return r.get(path) == value }
}

// has narrows to resources that have the property at all.
func has(path string) func(*assembly, resource) bool {
	return func(_ *assembly, r resource) bool { return r.get(path) != nil }
}

// at narrows to resources with the text in their construct path.
func at(part string) func(*assembly, resource) bool {
	return func(_ *assembly, r resource) bool { return strings.Contains(r.path(), part) }
}

// ofTheTests narrows to resources of pipelines.yaml: those that are shipped are an adopter's to change.
func ofTheTests(part string) func(*assembly, resource) bool {
	return func(a *assembly, r resource) bool { return !a.shipped && strings.Contains(r.path(), part) }
}

// in narrows to resources of one stack.
func in(stack string) func(*assembly, resource) bool {
	return func(_ *assembly, r resource) bool { return r.stack.id == stack }
}

// inBody replaces a text wherever it stands in a dashboard.
func inBody(old, replacement string) edit {
	var replaced func(value any) any
	replaced = func(value any) any {
		switch value := value.(type) {
		case string:
			return strings.ReplaceAll(value, old, replacement)
		case []any:
			for i, item := range value {
				value[i] = replaced(item)
			}
		case map[string]any:
			for key, item := range value {
				value[key] = replaced(item)
			}
		}
		return value
	}
	return func(_ *assembly, r resource) { put(r.properties(), "DashboardBody", replaced(r.get("DashboardBody"))) }
}

// both narrows to what two conditions hold of.
func both(one, other func(*assembly, resource) bool) func(*assembly, resource) bool {
	return func(a *assembly, r resource) bool { return one(a, r) && other(a, r) }
}

// inUse leaves out the parameter groups of a version that is only prepared.
func inUse(a *assembly, r resource) bool {
	return a.target(a.cluster(), "DBClusterParameterGroupName").is(r)
}

func onAurora(a *assembly, _ resource) bool { return aurora(a.environment) }

func onMultiAZ(a *assembly, _ resource) bool { return multiAZ(a.environment) }

func inProduction(a *assembly, _ resource) bool { return production(a.environment) }

func alarmNamed(name string) func(*assembly, resource) bool {
	return func(a *assembly, r resource) bool { return r.text("AlarmName") == a.environment.Name+"-"+name }
}
