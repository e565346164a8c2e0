// Package logfilter tells which lines a JSON filter pattern of CloudWatch Logs matches. It knows what the patterns of Peakline use
// of the syntax, and refuses the rest.
package logfilter

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Pattern is a filter for lines that are JSON objects.
type Pattern struct {
	any, all []Pattern
	field    []string
	equal    bool
	value    *regexp.Regexp
}

// token is one of the words and signs of a pattern.
var token = regexp.MustCompile(`^\s*(\|\||&&|[(){}]|!=|=|\$(?:\.[A-Za-z0-9_]+)+|"(?:[^"\\]|\\.)*")`)

// Parse reads `{ ($.event = "a") || ($.event = "b*") }`. && binds tighter than ||, and * in a value is anything.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
func Parse(text string) (Pattern, error) {
	p := &parser{}
	for rest := text; strings.TrimSpace(rest) != ""; {
		match := token.FindStringSubmatch(rest)
		if match == nil {
			return Pattern{}, fmt.Errorf("%q is not understood at %q", text, rest)
		}
		p.tokens, rest = append(p.tokens, match[1]), rest[len(match[0]):]
	}
	pattern, err := p.braces()
	if err != nil {
		return Pattern{}, fmt.Errorf("%q: %w", text, err)
	}
	return pattern, nil
}

type parser struct{ tokens []string }

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	first := p.peek()
	if first != "" {
		p.tokens = p.tokens[1:]
	}
	return first
}

func (p *parser) expect(want string) error {
	if got := p.next(); got != want {
		return fmt.Errorf("want %s, got %q", want, got)
	}
	return nil
}

func (p *parser) braces() (Pattern, error) {
	if err := p.expect("{"); err != nil {
		return Pattern{}, err
	}
	pattern, err := p.disjunction()
	if err != nil {
		return Pattern{}, err
	}
	if err := p.expect("}"); err != nil {
		return Pattern{}, err
	}
	if p.peek() != "" {
		return Pattern{}, fmt.Errorf("%q follows the end", p.peek())
	}
	return pattern, nil
}

func (p *parser) disjunction() (Pattern, error) {
	var parts []Pattern
	for {
		part, err := p.conjunction()
		if err != nil {
			return Pattern{}, err
		}
		parts = append(parts, part)
		if p.peek() != "||" {
			return Pattern{any: parts}, nil
		}
		p.next()
	}
}

func (p *parser) conjunction() (Pattern, error) {
	var parts []Pattern
	for {
		part, err := p.term()
		if err != nil {
			return Pattern{}, err
		}
		parts = append(parts, part)
		if p.peek() != "&&" {
			return Pattern{all: parts}, nil
		}
		p.next()
	}
}

func (p *parser) term() (Pattern, error) {
	if p.peek() == "(" {
		p.next()
		inner, err := p.disjunction()
		if err != nil {
			return Pattern{}, err
		}
		return inner, p.expect(")")
	}
	field, operator, value := p.next(), p.next(), p.next()
	if !strings.HasPrefix(field, "$.") || operator != "=" && operator != "!=" || !strings.HasPrefix(value, `"`) {
		return Pattern{}, fmt.Errorf("%s %s %s is no comparison of a field with a text", field, operator, value)
	}
	var unquoted string
	if err := json.Unmarshal([]byte(value), &unquoted); err != nil {
		return Pattern{}, fmt.Errorf("the text %s: %w", value, err)
	}
	return Pattern{
		field: strings.Split(field, ".")[1:], equal: operator == "=",
		value: regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(unquoted), `\*`, `.*`) + `$`),
	}, nil
}

// Matches tells whether a line is counted. One that is no JSON object, or lacks the field, is not.
func (p Pattern) Matches(line string) bool {
	var object map[string]any
	if json.Unmarshal([]byte(line), &object) != nil {
		return false
	}
	return p.matches(object)
}

func (p Pattern) matches(object map[string]any) bool {
	for _, part := range p.any {
		if part.matches(object) {
			return true
		}
	}
	if p.field == nil {
		for _, part := range p.all {
			if !part.matches(object) {
				return false
			}
		}
		return len(p.all) > 0
	}
	var value any = object
	for _, step := range p.field {
		inner, ok := value.(map[string]any)
		if !ok {
			return false
		}
		value = inner[step]
	}
	text, ok := value.(string)
	return ok && p.value.MatchString(text) == p.equal
}
