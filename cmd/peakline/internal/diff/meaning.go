package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// stack is one template of one side, and what it means: every value in a normal form, in which two ways to write the
// same are equal. A scalar is a string, a reference stands in it as ${LogicalId} or ${LogicalId.Attribute} and text that
// only looks like one as ${!text}, as in Fn::Sub; joined and substituted text is one string, a parameter is its default,
// and a condition that can be decided is decided.
type stack struct {
	name, file, path string
	place            place // empty where no manifest tells
	template         template

	resources map[string]*meaning
	exports   map[string]string // value by name
}

// meaning is one resource in normal form.
type meaning struct {
	stack      *stack
	id         string
	written    *resource
	properties map[string]any
	// condition is empty for a resource that is there without one, or whose condition is known to hold.
	condition string
}

func (m *meaning) kind() string { return m.written.Type }

// at is a property by its path; nil without it.
func (m *meaning) at(path string) any { return dig(m.properties, path) }

// text is a scalar property; empty without it.
func (m *meaning) text(path string) string { return scalar(m.at(path)) }

func dig(value any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch at := value.(type) {
		case map[string]any:
			value = at[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(at) {
				return nil
			}
			value = at[n]
		default:
			return nil
		}
	}
	return value
}

func scalar(value any) string {
	text, _ := value.(string)
	return text
}

// list is a property that may be one value or several.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

// understand brings the stack into normal form.
func (s *stack) understand() {
	s.resources, s.exports = map[string]*meaning{}, map[string]string{}
	for id, r := range s.template.Resources {
		holds, known := true, true
		if r.Condition != "" {
			holds, known = s.condition(r.Condition, 0)
		}
		if known && !holds {
			continue
		}
		m := &meaning{stack: s, id: id, written: r}
		if !known {
			m.condition = cmp.Or(s.spelled(r.Condition), r.Condition)
		}
		m.properties, _ = s.normal(anyMap(r.Properties), "").(map[string]any)
		if m.properties == nil {
			m.properties = map[string]any{}
		}
		s.resources[id] = m
	}
	for id := range s.template.Outputs {
		if out, there := s.output(id); there && out.Export.Name != nil {
			s.exports[s.show(out.Export.Name)] = s.show(out.Value)
		}
	}
}

func anyMap(m map[string]any) any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// noValue is what {"Ref": "AWS::NoValue"} means: the property is not there.
type noValue struct{}

// unordered names the lists whose order means nothing to AWS.
var unordered = map[string]bool{
	"Action": true, "NotAction": true, "Resource": true, "NotResource": true, "Statement": true, "AWS": true, "Service": true,
	"Tags": true, "SecurityGroupIngress": true, "SecurityGroupEgress": true, "SecurityGroupIds": true, "SecurityGroups": true,
	"VpcSecurityGroupIds": true, "VPCSecurityGroups": true, "SubnetIds": true, "Subnets": true, "ManagedPolicyArns": true,
	"AvailabilityZones": true, "EnableCloudwatchLogsExports": true, "AlarmActions": true, "OKActions": true, "Environment": true,
	"Secrets": true, "Dimensions": true, "Aliases": true, "Roles": true, "RouteTableIds": true, "CacheSecurityGroupNames": true,
}

// oneOrMore are the parts of a policy statement of which one and a list of one are the same; so are statements.
var oneOrMore = map[string]bool{
	"Action": true, "NotAction": true, "Resource": true, "NotResource": true, "AWS": true, "Service": true, "Federated": true,
}

// normal brings a value into normal form; name is the property it belongs to.
func (s *stack) normal(value any, name string) any {
	switch v := value.(type) {
	case nil:
		return noValue{}
	case string:
		return strings.ReplaceAll(v, "${", "${!") // no reference
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return number(v.String())
	case []any:
		all := make([]any, 0, len(v))
		for _, element := range v {
			if n := s.normal(element, ""); n != (noValue{}) {
				all = append(all, n)
			}
		}
		if unordered[name] {
			slices.SortFunc(all, func(a, b any) int { return strings.Compare(render(a), render(b)) })
		}
		return all
	case map[string]any:
		if len(v) == 1 {
			for function, argument := range v {
				if result, ok := s.intrinsic(function, argument); ok {
					return result
				}
			}
		}
		all := make(map[string]any, len(v))
		for key, element := range v {
			n := s.normal(element, key)
			if n == (noValue{}) {
				continue
			}
			if _, one := n.(string); one && oneOrMore[key] || key == "Statement" && asMap(n)["Effect"] != nil {
				n = []any{n}
			}
			all[key] = n
		}
		return all
	}
	return fmt.Sprint(value)
}

// number writes 5, 5.0 and 5e0 alike.
func number(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return text // whole, and perhaps longer than what a float holds
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return text
}

// show is the normal form as one line of text.
func (s *stack) show(value any) string { return render(s.normal(value, "")) }

// render is a normal form as text: a scalar as it is, anything else as JSON with sorted keys.
func render(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case nil, noValue:
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// intrinsic evaluates one of CloudFormation's functions; ok is false for a map that is none.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
func (s *stack) intrinsic(function string, argument any) (result any, ok bool) {
	arguments, isList := argument.([]any)
	switch function {
	case "Ref":
		return s.reference(scalar(argument)), true
	case "Fn::GetAtt":
		if isList && len(arguments) == 2 {
			return "${" + s.show(arguments[0]) + "." + s.show(arguments[1]) + "}", true
		}
		return "${" + s.show(argument) + "}", true
	case "Fn::Join":
		if !isList || len(arguments) != 2 {
			return nil, false
		}
		parts, isParts := arguments[1].([]any)
		if !isParts {
			return "${Join " + s.show(arguments[0]) + " " + s.show(arguments[1]) + "}", true
		}
		texts := make([]string, 0, len(parts))
		for _, part := range parts {
			if n := s.normal(part, ""); n != (noValue{}) {
				texts = append(texts, render(n))
			}
		}
		return strings.Join(texts, s.show(arguments[0])), true
	case "Fn::Sub":
		return s.substitute(argument), true
	case "Fn::If":
		if !isList || len(arguments) != 3 {
			return nil, false
		}
		if holds, known := s.condition(scalar(arguments[0]), 0); known {
			if holds {
				return s.normal(arguments[1], ""), true
			}
			return s.normal(arguments[2], ""), true
		}
		then, otherwise := s.normal(arguments[1], ""), s.normal(arguments[2], "")
		if reflect.DeepEqual(then, otherwise) {
			return then, true
		}
		return map[string]any{"Fn::If": []any{s.spelled(scalar(arguments[0])), optional(then), optional(otherwise)}}, true
	case "Fn::FindInMap":
		if isList && len(arguments) >= 3 {
			return s.lookup([]string{s.show(arguments[0]), s.show(arguments[1]), s.show(arguments[2])}, arguments[3:]), true
		}
	case "Fn::Select":
		if isList && len(arguments) == 2 {
			from, _ := s.normal(arguments[1], "").([]any)
			if n, err := strconv.Atoi(s.show(arguments[0])); err == nil && n >= 0 && n < len(from) {
				return from[n], true
			}
		}
	case "Fn::Split":
		if isList && len(arguments) == 2 {
			delimiter, text := s.show(arguments[0]), s.show(arguments[1])
			if delimiter != "" && !strings.Contains(text, "${") {
				var parts []any
				for _, part := range strings.Split(text, delimiter) {
					parts = append(parts, part)
				}
				return parts, true
			}
		}
	}
	if strings.HasPrefix(function, "Fn::") {
		return "${" + function + ":" + s.show(argument) + "}", true
	}
	return nil, false
}

// optional keeps the branch of an undecided Fn::If comparable.
func optional(value any) any {
	if value == (noValue{}) {
		return ""
	}
	return value
}

// lookup is Fn::FindInMap: what is found, the default, or all that may be found where a key is known after the deployment only.
func (s *stack) lookup(path []string, options []any) any {
	found := candidates(s.template.Mappings, path)
	unknown := strings.Contains(strings.Join(path, ""), "${")
	switch {
	case !unknown && found != nil:
		return s.normal(found, "")
	case !unknown && len(options) == 1 && asMap(options[0])["DefaultValue"] != nil:
		return s.normal(asMap(options[0])["DefaultValue"], "")
	}
	return "${Map " + strings.Join(path, " ") + " " + s.show(found) + s.show(options) + "}"
}

// candidates are what stands at a path of a mapping, under every key where the path has a reference.
func candidates(at any, path []string) any {
	within := asMap(at)
	switch {
	case len(path) == 0:
		return at
	case !strings.Contains(path[0], "${"):
		return candidates(within[path[0]], path[1:])
	}
	all := map[string]any{}
	for key, value := range within {
		if found := candidates(value, path[1:]); found != nil {
			all[key] = found
		}
	}
	return all
}

// reference is what a Ref means: a parameter's default, or the resource.
func (s *stack) reference(name string) any {
	if name == "AWS::NoValue" {
		return noValue{}
	}
	// The default of a parameter that names another parameter (AWS::SSM::Parameter::Value) is where the value is found.
	if p, ok := s.template.Parameters[name]; ok && p.Default != nil {
		value := s.normal(p.Default, "")
		if strings.HasPrefix(p.Type, "AWS::SSM::") {
			return "${ssm:" + render(value) + "}"
		}
		if strings.HasPrefix(p.Type, "List<") || p.Type == "CommaDelimitedList" {
			var parts []any
			for _, part := range strings.Split(render(value), ",") {
				parts = append(parts, strings.TrimSpace(part))
			}
			return parts
		}
		return value
	}
	return "${" + name + "}"
}

var substitution = regexp.MustCompile(`\$\{(!?)([^}]+)\}`)

// substitute is Fn::Sub, with and without variables.
func (s *stack) substitute(argument any) string {
	variables := map[string]any{}
	text, isText := argument.(string)
	if arguments, isList := argument.([]any); isList && len(arguments) == 2 {
		text, isText = arguments[0].(string)
		variables, _ = arguments[1].(map[string]any)
	}
	if !isText {
		return "${Fn::Sub:" + render(argument) + "}"
	}
	return substitution.ReplaceAllStringFunc(text, func(found string) string {
		match := substitution.FindStringSubmatch(found)
		name := match[2]
		if match[1] == "!" {
			return found
		}
		if value, ok := variables[name]; ok {
			return s.show(value)
		}
		if strings.Contains(name, ".") {
			return "${" + name + "}"
		}
		return render(s.reference(name))
	})
}

// named finds every logical id that a normal form refers to, and every import as "import:NAME".
var named = regexp.MustCompile(`\$\{(Fn::ImportValue:[^}]+|[A-Za-z0-9]+)(\.[^}]*)?\}`)

func references(value any) []string {
	var found []string
	for _, match := range named.FindAllStringSubmatch(render(value), -1) {
		if name, imported := strings.CutPrefix(match[1], "Fn::ImportValue:"); imported {
			found = append(found, "import:"+name)
			continue
		}
		found = append(found, match[1])
	}
	return found
}
