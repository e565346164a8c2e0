// Package diff is the subcommand `peakline diff`: what a deployment would do, by meaning and not by text. It owns the
// classes of changes and the rules that find them; waivers come from the environment files.
//
// Compare reads from top to bottom as the questions are asked: what goes and what is replaced, what changes in place, who
// may do more, what can be reached, which listener rules are rewritten, and what AWS would refuse.
package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// comparison is both sides, and what is found between them.
type comparison struct {
	old, new *side
	// replaced says why CloudFormation makes a resource anew, by the resource's key.
	replaced map[string]string
	found    map[finding][]string // reasons
}

// finding is a resource on either side and a class of change.
type finding struct {
	stack, id, kind string
	class           Class
}

// Compare lists what changes from one state to the other, the most severe first.
func Compare(old, new []*stack) []Change {
	matched(old, new)
	c := &comparison{old: newSide(old), new: newSide(new), replaced: map[string]string{}, found: map[finding][]string{}}
	c.findReplaced()
	for _, o := range c.old.all() {
		if n := c.counterpart(o); n != nil {
			c.compare(o, n)
		} else {
			c.removed(o)
		}
	}
	for _, n := range c.new.all() {
		if c.before(n) == nil {
			c.add(n, Configuration, "new")
			c.refuseTaken(n)
		}
	}
	c.comparePolicies()
	c.compareNetwork()
	c.compareTraffic()
	c.compareLimits()
	c.compareStacks()
	return c.changes()
}

// mostReasons is how many reasons one line gives.
const mostReasons = 3

func (c *comparison) changes() []Change {
	changes := make([]Change, 0, len(c.found))
	for f, reasons := range c.found {
		if f.class == Cosmetic && c.hasMore(f) {
			continue
		}
		reason := strings.Join(reasons[:min(len(reasons), mostReasons)], "; ")
		if more := len(reasons) - mostReasons; more > 0 {
			reason += fmt.Sprintf("; and %d more", more)
		}
		changes = append(changes, Change{Stack: f.stack, LogicalID: f.id, Type: f.kind, Class: f.class, Reason: reason})
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(b.Class.severity()-a.Class.severity(), strings.Compare(a.Stack, b.Stack), strings.Compare(a.LogicalID, b.LogicalID))
	})
	return changes
}

// hasMore tells whether something graver is known of the same resource: then its new tags are not worth a line.
func (c *comparison) hasMore(f finding) bool {
	for _, graver := range classes[Cosmetic.severity()+1:] {
		if _, found := c.found[finding{f.stack, f.id, f.kind, graver.class}]; found {
			return true
		}
	}
	return false
}

func (c *comparison) add(m *meaning, class Class, format string, args ...any) {
	if m.kind() == "AWS::CDK::Metadata" {
		class = Cosmetic // CloudFormation makes nothing of it
	}
	c.addTo(finding{m.stack.name, m.id, m.kind(), class}, fmt.Sprintf(format, args...))
}

func (c *comparison) addTo(f finding, reason string) {
	if !slices.Contains(c.found[f], reason) {
		c.found[f] = append(c.found[f], reason)
	}
}

// counterpart is the resource of the same stack and logical id after the change, before is the one before it.
func (c *comparison) counterpart(o *meaning) *meaning { return c.new.find(o) }
func (c *comparison) before(n *meaning) *meaning      { return c.old.find(n) }

func (s *side) find(m *meaning) *meaning {
	if one := s.stacks[m.stack.name]; one != nil {
		return one.resources[m.id]
	}
	return nil
}

// touched lists the top-level properties that change: those whose value differs, and those that name something that is
// replaced and so will have another id.
func (c *comparison) touched(o, n *meaning) map[string]string {
	touched := map[string]string{}
	for property := range union(o.properties, n.properties) {
		if how := c.change(n, property, o.properties[property], n.properties[property]); how != "" {
			touched[property] = how
		}
	}
	return touched
}

// change says how the value at a path changes; empty when it does not.
func (c *comparison) change(n *meaning, path string, before, after any) string {
	if !reflect.DeepEqual(before, after) {
		return shortened(differences(path, before, after))
	}
	for _, name := range references(after) {
		if other := c.new.target(n.stack, "${"+asReference(name)+"}"); other != nil && other != n && c.replaced[other.key()] != "" {
			return fmt.Sprintf("%s names %s, which is replaced", path, other.id)
		}
	}
	return ""
}

func asReference(name string) string {
	if exported, imported := strings.CutPrefix(name, "import:"); imported {
		return "Fn::ImportValue:" + exported
	}
	return name
}

func shortened(all []string) string {
	text := strings.Join(all[:min(len(all), mostReasons)], ", ")
	if more := len(all) - mostReasons; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// findReplaced finds what cannot change in place, and what follows: a resource whose immutable property names a replaced
// one is replaced too.
func (c *comparison) findReplaced() {
	for grown := true; grown; {
		grown = false
		for _, n := range c.new.all() {
			o := c.before(n)
			if o == nil || o.kind() != n.kind() || c.replaced[n.key()] != "" {
				continue
			}
			if why := c.replacedBy(o, n); why != "" {
				c.replaced[n.key()], grown = why, true
			}
		}
	}
}

// replacedBy says which change makes CloudFormation replace a resource; empty when none does.
func (c *comparison) replacedBy(o, n *meaning) string {
	touched := c.touched(o, n)
	for _, property := range slices.Sorted(maps.Keys(touched)) {
		switch replaces, certain := replacement(o, n, property); {
		case replaces && certain:
			return touched[property] + ", which cannot change in place"
		case replaces:
			return touched[property] + ", which may not change in place"
		}
	}
	for _, path := range schemas()[n.kind()].Within {
		if how := c.change(n, path, o.at(path), n.at(path)); how != "" {
			return how + ", which cannot change in place"
		}
	}
	return ""
}

// removed is a resource that is in the stack no more, deleted or moved.
func (c *comparison) removed(o *meaning) {
	class, reason := ReplacesStateless, "deleted"
	if c.renewedBy(o) {
		class = Rolling
	}
	if stateful(o.kind()) {
		class = DeletesStateful
		switch cmp.Or(scalar(o.written.DeletionPolicy), snapshotByDefault(o)) {
		case "Retain", "RetainExceptOnCreate":
			reason = "leaves the stack: it and its data stay behind, managed by nobody"
		case "Snapshot":
			reason = "deleted, after a snapshot"
		default:
			reason = "deleted with its data"
		}
	}
	if to := c.moved(o); to != nil {
		reason += fmt.Sprintf("; %s/%s looks like it and will be a new one", to.stack.name, to.id)
	}
	c.add(o, class, "%s", reason)
}

// snapshotByDefault is the policy that CloudFormation has for databases without one.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
func snapshotByDefault(o *meaning) string {
	if o.kind() == "AWS::RDS::DBCluster" || o.kind() == "AWS::RDS::DBInstance" && o.text("DBClusterIdentifier") == "" {
		return "Snapshot"
	}
	return ""
}

// renewedBy tells whether a new resource of the same stack takes over from one that is made anew under another logical id.
func (c *comparison) renewedBy(o *meaning) bool {
	return renewed[o.kind()] && slices.ContainsFunc(c.new.all(), func(n *meaning) bool {
		return n.kind() == o.kind() && n.stack.name == o.stack.name && c.before(n) == nil
	})
}

// moved is a new resource that looks like one that goes: to CloudFormation a moved or renamed resource is a deletion.
func (c *comparison) moved(o *meaning) *meaning {
	for _, n := range c.new.all() {
		if n.kind() == o.kind() && c.before(n) == nil && reflect.DeepEqual(n.properties, o.properties) {
			return n
		}
	}
	return nil
}

// compare finds what changes about one resource by itself.
func (c *comparison) compare(o, n *meaning) {
	if o.kind() != n.kind() {
		c.add(n, RefusedByAWS, "its type changes from %s: CloudFormation wants a new logical id", o.kind())
		if stateful(o.kind()) {
			c.add(n, DeletesStateful, "the %s of this logical id would go", o.kind())
		}
		return
	}
	c.compareCondition(o, n)
	touched := c.touched(o, n)
	if why := c.replaced[n.key()]; why != "" {
		c.add(n, replacementClass(n.kind()), "%s", why)
		c.refuseNamed(o, n)
		c.refuseTaken(n)
	}
	for _, property := range slices.Sorted(maps.Keys(touched)) {
		if replaces, _ := replacement(o, n, property); replaces {
			continue
		}
		class, why := effectOf(o, n, property)
		reason := touched[property]
		if why != "" {
			reason += ": " + why
		}
		c.add(n, class, "%s", reason)
	}
	c.compareAttributes(o, n)
	if len(touched) == 0 && !reflect.DeepEqual(o.written.Properties, n.written.Properties) {
		c.add(n, Cosmetic, "the same, written differently")
	}
}

func replacementClass(kind string) Class {
	switch {
	case stateful(kind):
		return ReplacesStateful
	case renewed[kind]:
		return Rolling
	}
	return ReplacesStateless
}

// compareCondition finds a resource that is there only sometimes from now on.
func (c *comparison) compareCondition(o, n *meaning) {
	switch {
	case o.condition == n.condition:
	case n.condition == "":
		c.add(n, Configuration, "no longer depends on a condition")
	case stateful(n.kind()):
		c.add(n, DeletesStateful, "depends on the condition %s from now on: where it does not hold, this is deleted", brief(n.condition))
	default:
		c.add(n, Configuration, "depends on the condition %s from now on", brief(n.condition))
	}
}

// compareAttributes looks beside the properties.
func (c *comparison) compareAttributes(o, n *meaning) {
	for _, attribute := range []struct {
		name     string
		old, new any
		class    Class
	}{
		{"Metadata", orNil(o.written.Metadata), orNil(n.written.Metadata), Cosmetic},
		{"DependsOn", o.stack.normal(list(o.written.DependsOn), "Roles"), n.stack.normal(list(n.written.DependsOn), "Roles"), Cosmetic},
		{"CreationPolicy", o.written.CreationPolicy, n.written.CreationPolicy, Configuration},
		{"UpdatePolicy", o.written.UpdatePolicy, n.written.UpdatePolicy, Configuration},
		{"DeletionPolicy", o.written.DeletionPolicy, n.written.DeletionPolicy, Configuration},
		{"UpdateReplacePolicy", o.written.UpdateReplacePolicy, n.written.UpdateReplacePolicy, Configuration},
	} {
		if !reflect.DeepEqual(attribute.old, attribute.new) {
			what := "changes"
			if attribute.class != Cosmetic {
				what = fmt.Sprintf("%s to %s", brief(attribute.old), brief(attribute.new))
			}
			c.add(n, attribute.class, "%s %s", attribute.name, what)
		}
	}
}

func orNil(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// compareStacks looks at what a template has beside resources.
func (c *comparison) compareStacks() {
	for _, name := range slices.Sorted(maps.Keys(c.new.stacks)) {
		n, o := c.new.stacks[name], c.old.stacks[name]
		if o == nil {
			continue
		}
		for _, part := range []struct {
			name     string
			old, new any
		}{
			{"Description", o.template.Description, n.template.Description},
			{"Metadata", orNil(o.template.Metadata), orNil(n.template.Metadata)},
		} {
			if !reflect.DeepEqual(part.old, part.new) {
				c.addTo(finding{name, part.name, "Template", Cosmetic}, part.name+" changes")
			}
		}
		if !reflect.DeepEqual(o.template.Transform, n.template.Transform) {
			c.addTo(finding{name, "Transform", "Template", Configuration}, fmt.Sprintf("%s to %s: what it makes of the template is not known here", brief(render(o.template.Transform)), brief(render(n.template.Transform))))
		}
		for _, id := range slices.Sorted(maps.Keys(union(o.template.Outputs, n.template.Outputs))) {
			before, had := o.output(id)
			after, has := n.output(id)
			old, new := o.told(before), n.told(after)
			switch {
			case !had && !has:
			case !had:
				c.addTo(finding{name, id, "Output", Configuration}, "new")
			case !has:
				c.addTo(finding{name, id, "Output", Configuration}, "deleted")
			case old != new:
				c.addTo(finding{name, id, "Output", Configuration}, fmt.Sprintf("%s to %s", brief(old), brief(new)))
			case before.Description != after.Description:
				c.addTo(finding{name, id, "Output", Cosmetic}, "Description changes")
			}
		}
	}
}
