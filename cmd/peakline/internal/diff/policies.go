package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
)

// grant is one combination of who, what and where that a policy statement allows or denies.
type grant struct {
	allow                       bool
	principal, action, resource pattern
	conditions                  map[string]any // operator, then key, then values
	carrier                     *meaning       // the resource whose template holds it
}

// pattern is a set of names with wildcards; not is for NotAction, NotResource and NotPrincipal, which mean all others.
type pattern struct {
	not   bool
	names []string
}

func (p pattern) String() string {
	text := strings.Join(p.names, ", ")
	if p.not {
		return "all but " + text
	}
	return text
}

func (g grant) String() string {
	words := fmt.Sprintf("%s on %s", g.action, g.resource)
	if len(g.principal.names) > 0 {
		words += " to " + g.principal.String()
	}
	if len(g.conditions) > 0 {
		words += " under conditions"
	}
	return words
}

// includes tells whether everything of the other grant is in this one.
func (g grant) includes(other grant) bool {
	return g.principal.includes(other.principal) && g.action.includes(other.action) &&
		g.resource.includes(other.resource) && looser(g.conditions, other.conditions)
}

func (p pattern) includes(other pattern) bool {
	switch {
	case p.not && other.not: // all but p.names holds all but other.names when other leaves out at least as much
		return !slices.ContainsFunc(p.names, func(name string) bool { return !matchesAny(other.names, name) })
	case p.not:
		return !slices.ContainsFunc(p.names, func(left string) bool {
			return slices.ContainsFunc(other.names, func(name string) bool { return glob(left, name) || glob(name, left) })
		})
	case other.not:
		return slices.Contains(p.names, "*")
	}
	return !slices.ContainsFunc(other.names, func(name string) bool { return !matchesAny(p.names, name) })
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return glob(pattern, name) })
}

// glob tells whether a pattern of IAM, with * and ?, covers a name, which may be a pattern itself.
func glob(pattern, name string) bool {
	// path.Match gives [ and \ a meaning that they do not have in IAM, and stops * at a slash.
	escape := strings.NewReplacer(`\`, `\\`, "[", `\[`, "/", "\x00")
	ok, err := path.Match(escape.Replace(pattern), strings.ReplaceAll(name, "/", "\x00"))
	return err == nil && ok
}

// looser tells whether the conditions of one statement let through all that those of the other do.
func looser(these, those map[string]any) bool {
	for operator, keys := range these {
		for key, values := range asMap(keys) {
			theirs, ok := asMap(those[operator])[key]
			if !ok && !strings.Contains(operator, "Not") { // values that are equal are alike
				theirs, ok = asMap(those[strings.Replace(operator, "Like", "Equals", 1)])[key]
			}
			if !ok {
				return false
			}
			mine, their := texts(values), texts(theirs)
			negated := strings.Contains(operator, "Not")
			if negated {
				mine, their = their, mine
			}
			switch {
			case reflect.DeepEqual(mine, their):
			case !simple(operator):
				return false
			case slices.ContainsFunc(their, func(value string) bool { return !matchesAny(wild(operator, mine), value) }):
				return false
			}
		}
	}
	return true
}

// simple are the operators under which more values let more through, or less where they are negated.
func simple(operator string) bool {
	return slices.Contains([]string{
		"StringEquals", "StringLike", "ArnEquals", "ArnLike", "StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike", "StringEqualsIgnoreCase",
	}, operator)
}

// wild makes the stars of an operator that takes them literally none.
func wild(operator string, values []string) []string {
	if strings.HasPrefix(operator, "String") && !strings.HasSuffix(operator, "Like") {
		escaped := make([]string, len(values))
		for i, value := range values {
			escaped[i] = strings.NewReplacer("*", `\*`, "?", `\?`).Replace(value)
		}
		return escaped
	}
	return values
}

func asMap(value any) map[string]any { m, _ := value.(map[string]any); return m }

func texts(value any) []string {
	var all []string
	for _, one := range list(value) {
		all = append(all, render(one))
	}
	slices.Sort(all)
	return all
}

// policies collects what a side allows and denies, by whom or what it is attached to: a statement that moves from one
// policy of a role to another changes nothing.
func (s *side) policies() map[string][]grant {
	all := map[string][]grant{}
	for _, m := range s.all() {
		schema := schemas()[m.kind()]
		for property, kind := range schema.Scrutinized {
			value := m.properties[property]
			switch kind {
			case "InlineIdentityPolicies":
				for _, policy := range list(value) {
					add(all, "who "+m.key(), s.grants(m, dig(policy, "PolicyDocument")))
				}
			case "ManagedPolicies":
				add(all, "who "+m.key(), s.attachments(m, value))
			case "InlineResourcePolicy":
				if value == nil && openByDefault[m.kind()] {
					value = everything
				}
				add(all, "on "+m.key()+" "+property, s.grants(m, value))
			}
		}
		switch schema.Is {
		case "IdentityPolicyResource":
			document := s.grants(m, m.at("PolicyDocument"))
			add(all, "managed "+m.key(), nil)
			if m.kind() == "AWS::IAM::ManagedPolicy" {
				add(all, "managed "+m.key(), document)
				document = s.attachments(m, "${"+m.id+"}")
			}
			for _, property := range []string{"Roles", "Users", "Groups", "RoleName", "UserName", "GroupName"} {
				for _, who := range list(m.properties[property]) {
					add(all, "who "+s.identity(m.stack, render(who)), document)
				}
			}
		case "ResourcePolicyResource":
			for _, target := range s.targets(m) {
				for _, value := range m.properties {
					add(all, "on "+target, s.grants(m, value))
				}
			}
		case "LambdaPermission":
			add(all, "on "+s.identity(m.stack, m.text("FunctionName")), []grant{s.invocation(m)})
		}
	}
	return all
}

func add(all map[string][]grant, key string, grants []grant) { all[key] = append(all[key], grants...) }

// openByDefault are the types that let everybody in while they have no policy, and everything is that policy.
var (
	openByDefault = map[string]bool{"AWS::EC2::VPCEndpoint": true, "AWS::EFS::FileSystem": true}
	everything    = map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "Principal": "*", "Action": []any{"*"}, "Resource": []any{"*"}}}}
)

// targets are the resources that a resource policy is attached to.
func (s *side) targets(m *meaning) []string {
	var all []string
	for _, property := range slices.Sorted(maps.Keys(m.properties)) {
		for _, value := range list(m.properties[property]) {
			if text, ok := value.(string); ok && !strings.Contains(text, `"Statement"`) {
				all = append(all, s.identity(m.stack, text))
			}
		}
	}
	if len(all) == 0 {
		return []string{m.key()} // of the account
	}
	return all
}

func (s *side) attachments(m *meaning, arns any) []grant {
	var all []grant
	for _, arn := range list(arns) {
		name := s.identity(m.stack, render(arn))
		all = append(all, grant{allow: true, action: pattern{names: []string{"the managed policy"}}, resource: pattern{names: []string{name}}, carrier: m})
	}
	return all
}

// invocation is what a Lambda permission allows.
func (s *side) invocation(m *meaning) grant {
	sources := map[string]any{}
	for _, property := range []string{"SourceArn", "SourceAccount", "EventSourceToken", "PrincipalOrgID", "FunctionUrlAuthType"} {
		if value := m.text(property); value != "" {
			sources[property] = value
		}
	}
	return grant{
		allow: true, principal: pattern{names: []string{m.text("Principal")}}, action: pattern{names: []string{strings.ToLower(m.text("Action"))}},
		resource: pattern{names: []string{"*"}}, conditions: map[string]any{"ArnLike": sources}, carrier: m,
	}
}

// grants reads a policy document, which may be text, and of which parts may depend on conditions: then all of them count.
func (s *side) grants(m *meaning, document any) []grant {
	if text, ok := document.(string); ok && strings.HasPrefix(strings.TrimSpace(text), "{") {
		var parsed map[string]any
		if json.Unmarshal([]byte(text), &parsed) != nil {
			return nil
		}
		// What is in normal form already must not be taken for text that looks like a reference.
		if json.Unmarshal([]byte(strings.ReplaceAll(render(m.stack.normal(parsed, "")), "${!", "${")), &document) != nil {
			return nil
		}
	}
	var all []grant
	for _, branch := range branches(document) {
		for _, statement := range list(dig(branch, "Statement")) {
			for _, some := range branches(statement) {
				for _, one := range list(some) {
					all = append(all, s.statement(m, asMap(one))...)
				}
			}
		}
	}
	return all
}

// branches are the values that an undecided Fn::If may have.
func branches(value any) []any {
	if choice, ok := asMap(value)["Fn::If"].([]any); ok && len(choice) == 3 {
		return append(branches(choice[1]), branches(choice[2])...)
	}
	return []any{value}
}

func (s *side) statement(m *meaning, statement map[string]any) []grant {
	if len(statement) == 0 {
		return nil
	}
	var all []grant
	for _, principal := range s.principals(m, statement) {
		for _, action := range patterns(statement, "Action", strings.ToLower) {
			for _, resource := range patterns(statement, "Resource", func(text string) string { return text }) {
				all = append(all, grant{
					allow: statement["Effect"] == "Allow", principal: principal, action: action, resource: resource,
					conditions: asMap(statement["Condition"]), carrier: m,
				})
			}
		}
	}
	return all
}

// patterns are the actions or resources of a statement, one by one; a negated list is one pattern.
func patterns(statement map[string]any, name string, shape func(string) string) []pattern {
	if negated, ok := statement["Not"+name]; ok {
		p := pattern{not: true}
		for _, text := range texts(negated) {
			p.names = append(p.names, shape(text))
		}
		return []pattern{p}
	}
	var all []pattern
	for _, value := range list(statement[name]) {
		for _, one := range branches(value) {
			for _, text := range texts(one) {
				all = append(all, pattern{names: []string{shape(text)}})
			}
		}
	}
	if len(all) == 0 {
		return []pattern{{names: []string{"*"}}} // a trust policy has no resource
	}
	return all
}

func (s *side) principals(m *meaning, statement map[string]any) []pattern {
	for _, name := range []string{"Principal", "NotPrincipal"} {
		value, ok := statement[name]
		if !ok {
			continue
		}
		var names []string
		if text, ok := value.(string); ok {
			names = append(names, text)
		}
		for kind, of := range asMap(value) {
			for _, text := range texts(of) {
				if kind == "AWS" {
					text = s.identity(m.stack, text)
				}
				if text == "*" {
					names = append(names, "*")
				} else {
					names = append(names, kind+" "+text)
				}
			}
		}
		slices.Sort(names)
		if name == "NotPrincipal" {
			return []pattern{{not: true, names: names}}
		}
		all := make([]pattern, len(names))
		for i := range names {
			all[i] = pattern{names: names[i : i+1]}
		}
		return all
	}
	return []pattern{{}}
}

// comparePolicies finds what is allowed that was not, and what is no longer denied.
func (c *comparison) comparePolicies() {
	old, new := c.old.policies(), c.new.policies()
	for _, key := range slices.Sorted(maps.Keys(new)) {
		for _, g := range new[key] {
			fresh := c.before(g.carrier) == nil && openByDefault[g.carrier.kind()]
			if g.allow && !fresh && !includedIn(old[key], g) {
				c.add(g.carrier, WidensIAM, "allows %s", g)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		for _, g := range old[key] {
			if g.allow || includedIn(new[key], g) || c.gone(key) {
				continue
			}
			carrier := g.carrier
			if n := c.counterpart(carrier); n != nil {
				carrier = n
			}
			c.add(carrier, WidensIAM, "no longer denies %s", g)
		}
	}
	c.compareIdentities()
}

func includedIn(grants []grant, one grant) bool {
	return slices.ContainsFunc(grants, func(g grant) bool { return g.allow == one.allow && g.includes(one) })
}

// gone tells whether what a policy was attached to is deleted: then what it denied protects nothing.
func (c *comparison) gone(key string) bool {
	subject, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(key, "who "), "on "), "managed "), " ")
	name, id, ok := strings.Cut(subject, "/")
	if !ok || c.old.stacks[name] == nil || c.old.stacks[name].resources[id] == nil {
		return false
	}
	return c.new.stacks[name] == nil || c.new.stacks[name].resources[id] == nil
}

// actsAs are the properties that say as whom a resource acts.
var actsAs = []string{
	"Role", "RoleArn", "RoleARN", "TaskRoleArn", "ExecutionRoleArn", "ServiceRole", "ServiceRoleArn", "JobRoleArn", "IamInstanceProfile", "InstanceProfile",
}

// compareIdentities finds rights that change hands without a policy that changes.
func (c *comparison) compareIdentities() {
	for _, n := range c.new.all() {
		o := c.before(n)
		if o == nil {
			switch n.kind() {
			case "AWS::IAM::AccessKey", "AWS::IAM::UserToGroupAddition", "AWS::SSO::Assignment", "AWS::Cognito::IdentityPoolRoleAttachment":
				c.add(n, WidensIAM, "new")
			}
			continue
		}
		if boundary := o.text("PermissionsBoundary"); boundary != "" && boundary != n.text("PermissionsBoundary") {
			c.add(n, WidensIAM, "PermissionsBoundary: %s to %s", brief(boundary), brief(n.at("PermissionsBoundary")))
		}
		if n.text("AllowUnauthenticatedIdentities") == "true" && o.text("AllowUnauthenticatedIdentities") != "true" {
			c.add(n, WidensIAM, "AllowUnauthenticatedIdentities: guests receive credentials")
		}
		for _, property := range actsAs {
			before, after := o.text(property), n.text(property)
			switch role := c.new.target(n.stack, after); {
			case after == "" || c.old.identity(o.stack, before) == c.new.identity(n.stack, after):
			case before != "":
				c.add(n, WidensIAM, "%s: it acts as %s instead of %s", property, brief(after), brief(before))
			case role == nil || c.before(role) != nil: // the rights of a new role are told where they stand
				c.add(n, WidensIAM, "%s: it acts as %s instead of nobody", property, brief(after))
			}
		}
		for _, property := range []string{"Users", "Groups"} {
			if n.kind() != "AWS::IAM::UserToGroupAddition" && n.kind() != "AWS::IAM::User" {
				continue
			}
			for _, who := range texts(n.properties[property]) {
				if !slices.Contains(texts(o.properties[property]), who) {
					c.add(n, WidensIAM, "%s: %s joins", property, who)
				}
			}
		}
	}
}
