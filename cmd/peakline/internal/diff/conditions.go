package diff

import (
	"maps"
	"slices"
	"strings"
)

// deepestCondition bounds conditions that name each other; CloudFormation refuses a circle.
const deepestCondition = 20

// condition decides a condition of the template, where its values are known before deployment.
func (s *stack) condition(name string, depth int) (holds, known bool) {
	body, ok := s.template.Conditions[name]
	if !ok || depth > deepestCondition {
		return false, false
	}
	return s.decide(body, depth)
}

// spelled is a condition as text, without its own name and with the conditions that it names, by whatever way.
func (s *stack) spelled(name string) string {
	text := s.show(s.template.Conditions[name])
	seen := map[string]bool{name: true}
	for queue := conditionsIn(s.template.Conditions[name]); len(queue) > 0; queue = queue[1:] {
		if other := queue[0]; !seen[other] {
			seen[other] = true
			text += ", " + other + " = " + s.show(s.template.Conditions[other])
			queue = append(queue, conditionsIn(s.template.Conditions[other])...)
		}
	}
	return text
}

// conditionsIn lists the conditions that an expression names, in the order of its text.
func conditionsIn(expression any) []string {
	var names []string
	switch v := expression.(type) {
	case []any:
		for _, part := range v {
			names = append(names, conditionsIn(part)...)
		}
	case map[string]any:
		for _, function := range slices.Sorted(maps.Keys(v)) {
			if name, ok := v[function].(string); ok && function == "Condition" {
				names = append(names, name)
			}
			names = append(names, conditionsIn(v[function])...)
		}
	}
	return names
}

func (s *stack) decide(body any, depth int) (holds, known bool) {
	expression, ok := body.(map[string]any)
	if !ok || len(expression) != 1 {
		return false, false
	}
	for function, argument := range expression {
		arguments := list(argument)
		switch function {
		case "Condition":
			return s.condition(scalar(argument), depth+1)
		case "Fn::Equals":
			if len(arguments) != 2 {
				return false, false
			}
			a, b := s.show(arguments[0]), s.show(arguments[1])
			return a == b, a == b || !strings.Contains(a+b, "${")
		case "Fn::Not":
			if len(arguments) != 1 {
				return false, false
			}
			holds, known = s.decide(arguments[0], depth+1)
			return !holds, known
		case "Fn::And", "Fn::Or":
			decides := function == "Fn::Or" // one that holds decides Or, one that does not decides And
			known = true
			for _, part := range arguments {
				partHolds, partKnown := s.decide(part, depth+1)
				if partKnown && partHolds == decides {
					return decides, true
				}
				known = known && partKnown
			}
			return !decides, known
		}
	}
	return false, false
}

// output is an output that is there, for all that is known.
func (s *stack) output(id string) (out output, there bool) {
	out, there = s.template.Outputs[id]
	if out.Condition != "" {
		holds, known := s.condition(out.Condition, 0)
		there = holds || !known
	}
	return out, there
}

// told is what an output tells, and when.
func (s *stack) told(out output) string {
	text := s.show(out.Value) + " " + s.show(out.Export.Name)
	if _, known := s.condition(out.Condition, 0); out.Condition != "" && !known {
		text += " if " + s.spelled(out.Condition)
	}
	return text
}
