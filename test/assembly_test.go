package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"peakline/config"
)

// assembly is everything one environment deploys, as plain decoded JSON.
type assembly struct {
	environment config.Environment
	// delivery are the pipelines that it belongs to, and environments those that they may promote to.
	delivery     config.Delivery
	environments []config.Environment
	// pipelines tells the stage of the pipelines from that of an environment.
	pipelines bool
	// shipped tells an environment of config/environments from a variant.
	shipped bool
	folder  string
	missing []any // context that synthesis would have had to look up
	stacks  []*stack
}

// stack is one CloudFormation stack.
type stack struct {
	id              string // of the construct, "Network"
	name            string // CloudFormation's, "prod-Network"
	file            string
	account, region string
	after           []string // construct ids of the stacks that are deployed before, and deleted after this one

	terminationProtection bool
	template              map[string]any
	indexed               []resource // of the template, until it is changed
}

// resource is one resource of a stack. Paths into its properties are separated by slashes, "LockConfiguration/MinRetentionDays",
// because names of parameters contain dots.
type resource struct {
	stack *stack
	id    string
	kind  string // the CloudFormation type
	body  map[string]any
}

func (a *assembly) sort() {
	slices.SortFunc(a.stacks, func(x, y *stack) int { return strings.Compare(x.id, y.id) })
}

// placeIn reads the account and region of "aws://333333333333/eu-west-1".
func (s *stack) placeIn(environment string) error {
	account, region, found := strings.Cut(strings.TrimPrefix(environment, "aws://"), "/")
	if !found {
		return fmt.Errorf("stack %s: environment %q, want aws://ACCOUNT/REGION", s.name, environment)
	}
	s.account, s.region = account, region
	return nil
}

func (s *stack) section(name string) map[string]any {
	section, _ := s.template[name].(map[string]any)
	return section
}

// resources of the stack, in the order of their logical ids.
func (s *stack) resources() []resource {
	if s.indexed == nil {
		section := s.section("Resources")
		for _, id := range slices.Sorted(maps.Keys(section)) {
			body := section[id].(map[string]any)
			kind, _ := body["Type"].(string)
			s.indexed = append(s.indexed, resource{stack: s, id: id, kind: kind, body: body})
		}
	}
	return s.indexed
}

// stack by its construct id; nil if the environment has none.
func (a *assembly) stack(id string) *stack {
	for _, s := range a.stacks {
		if s.id == id {
			return s
		}
	}
	return nil
}

// all resources of the given types, or of every type.
func (a *assembly) all(kinds ...string) []resource {
	var found []resource
	for _, s := range a.stacks {
		for _, r := range s.resources() {
			if len(kinds) == 0 || slices.Contains(kinds, r.kind) {
				found = append(found, r)
			}
		}
	}
	return found
}

// where narrows all to the resources with a property of the given value.
func (a *assembly) where(kind, path string, value any) []resource {
	var found []resource
	for _, r := range a.all(kind) {
		if r.get(path) == value {
			found = append(found, r)
		}
	}
	return found
}

// clone lets a mutation break the template of one stack without breaking it for others.
func (a *assembly) clone(broken *stack) *assembly {
	copied := *a
	copied.stacks = nil
	for _, s := range a.stacks {
		if s != broken {
			copied.stacks = append(copied.stacks, s)
			continue
		}
		text, err := json.Marshal(s.template)
		if err != nil {
			panic(err) // decoded from JSON a moment ago
		}
		twin := *s
		twin.template, twin.indexed = nil, nil
		if err := json.Unmarshal(text, &twin.template); err != nil {
			panic(err)
		}
		copied.stacks = append(copied.stacks, &twin)
	}
	return &copied
}

// String is how a failure names the resource: by stack and logical id, which CloudFormation prints too.
func (r resource) String() string {
	if !r.exists() {
		return "(none)"
	}
	return r.stack.name + " " + r.id
}

// key identifies a resource within its assembly.
func (r resource) key() string {
	if !r.exists() {
		return ""
	}
	return r.stack.id + "/" + r.id
}

func (r resource) properties() map[string]any {
	properties, _ := r.body["Properties"].(map[string]any)
	return properties
}

// get is the value of a property, nil if it is not set.
func (r resource) get(path string) any { return dig(r.properties(), path) }

func (r resource) text(path string) string    { text, _ := r.get(path).(string); return text }
func (r resource) number(path string) float64 { number, _ := r.get(path).(float64); return number }
func (r resource) list(path string) []any     { return asList(r.get(path)) }

// isSet tells whether a property has a value that switches something on: false, "" and absence do not.
func (r resource) isSet(path string) bool {
	switch value := r.get(path).(type) {
	case nil:
		return false
	case bool:
		return value
	case string:
		return value != "" && value != "false"
	default:
		return true
	}
}

// tag of a resource, in either of the two forms CloudFormation has.
func (r resource) tag(key string) string {
	for name, property := range r.properties() {
		if !strings.HasSuffix(name, "Tags") {
			continue
		}
		switch tags := property.(type) {
		case map[string]any:
			value, _ := tags[key].(string)
			return value
		case []any:
			for _, tag := range tags {
				if dig(tag, "Key") == key {
					value, _ := dig(tag, "Value").(string)
					return value
				}
			}
		}
	}
	return ""
}

// dig follows a path of keys and list positions.
func dig(value any, path string) any {
	for _, step := range strings.Split(path, "/") {
		switch container := value.(type) {
		case map[string]any:
			value = container[step]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(container) {
				return nil
			}
			value = container[index]
		default:
			return nil
		}
	}
	return value
}

// asList treats a single value as a list of one, as IAM does.
func asList(value any) []any {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		return value
	default:
		return []any{value}
	}
}

// function is the name and the argument of an intrinsic function; the name is empty for any other value.
func function(value any) (name string, argument any) {
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		return "", nil
	}
	for name, argument := range object {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return name, argument
		}
	}
	return "", nil
}

// resolve writes a value of a stack's template as a string in which equal things are equal, whichever stack refers to
// them: a resource is "Stack/LogicalId", an attribute "Stack/LogicalId.Attribute", an import is what was exported.
func (a *assembly) resolve(s *stack, value any) string {
	switch name, argument := function(value); name {
	case "Ref":
		id := argument.(string)
		if pseudo, ok := map[string]string{"AWS::AccountId": s.account, "AWS::Region": s.region,
			"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": s.name}[id]; ok {
			return pseudo
		}
		return s.id + "/" + id
	case "Fn::GetAtt":
		id, attribute := getAtt(argument)
		return s.id + "/" + id + "." + attribute
	case "Fn::ImportValue":
		if exporter, exported := a.export(a.resolve(s, argument)); exporter != nil {
			return a.resolve(exporter, exported)
		}
	case "Fn::Join":
		parts := asList(dig(argument, "1"))
		resolved := make([]string, len(parts))
		for i, part := range parts {
			resolved[i] = a.resolve(s, part)
		}
		separator, _ := dig(argument, "0").(string)
		return strings.Join(resolved, separator)
	}
	if text, ok := value.(string); ok {
		return text
	}
	text, _ := json.Marshal(value)
	return string(text)
}

// getAtt splits the argument of Fn::GetAtt, which is a list in JSON and may be a dotted string.
func getAtt(argument any) (id, attribute string) {
	if text, ok := argument.(string); ok {
		id, attribute, _ = strings.Cut(text, ".")
		return id, attribute
	}
	id, _ = dig(argument, "0").(string)
	attribute, _ = dig(argument, "1").(string)
	return id, attribute
}

// export finds the stack that exports a name, and the exported value.
func (a *assembly) export(name string) (*stack, any) {
	for _, s := range a.stacks {
		for _, output := range s.section("Outputs") {
			if exported := dig(output, "Export/Name"); exported != nil && a.resolve(s, exported) == name {
				return s, dig(output, "Value")
			}
		}
	}
	return nil, nil
}

// target is the resource that a property refers to, by name or by attribute, in whichever stack; the zero resource if
// it refers to none of the environment's.
func (a *assembly) target(r resource, path string) resource { return a.targetOf(r.stack, r.get(path)) }

func (a *assembly) targetOf(s *stack, value any) resource { return a.named(a.resolve(s, value)) }

// named is the resource that a resolved value names, by reference or by attribute; the zero one if it names none.
func (a *assembly) named(value string) resource {
	id, rest, found := strings.Cut(value, "/")
	owner := a.stack(id)
	if !found || owner == nil {
		return resource{}
	}
	id, _, _ = strings.Cut(rest, ".")
	for _, candidate := range owner.resources() {
		if candidate.id == id {
			return candidate
		}
	}
	return resource{}
}

// exists tells a resource from the zero one.
func (r resource) exists() bool { return r.stack != nil }

// is tells whether two values name the same resource.
func (r resource) is(other resource) bool {
	return r.exists() && other.exists() && r.key() == other.key()
}

// mentions tells whether a value refers to the resource anywhere inside, as a joined ARN does.
func (a *assembly) mentions(s *stack, value any, r resource) bool {
	switch name, _ := function(value); name {
	case "Ref", "Fn::GetAtt", "Fn::ImportValue":
		return a.targetOf(s, value).is(r)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, inner := range value {
			if a.mentions(s, inner, r) {
				return true
			}
		}
	case []any:
		for _, inner := range value {
			if a.mentions(s, inner, r) {
				return true
			}
		}
	}
	return false
}
