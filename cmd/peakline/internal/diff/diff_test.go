package diff

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// templatePair is one entry of testdata/pairs.yaml.
type templatePair struct {
	Name           string
	Both, Old, New map[string]any
	Olds, News     map[string]any
	Want           map[string]Class
}

func readPairs(t *testing.T) []templatePair {
	t.Helper()
	text, err := os.ReadFile("testdata/pairs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []templatePair
	if err := yaml.UnmarshalWithOptions(text, &pairs, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return pairs
}

func (p templatePair) sides(t *testing.T) (old, new []*stack) {
	return stacksOf(t, p.Olds, p.Old, p.Both), stacksOf(t, p.News, p.New, p.Both)
}

func stacksOf(t *testing.T, templates, resources, both map[string]any) []*stack {
	t.Helper()
	if templates == nil {
		all := map[string]any{}
		maps.Copy(all, both)
		maps.Copy(all, resources)
		templates = map[string]any{"prod-Shop": map[string]any{"Resources": all}}
	}
	var stacks []*stack
	for name, body := range templates {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parseTemplate(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		stacks = append(stacks, &stack{name: name, file: name, template: parsed})
	}
	return stacks
}

// worstByResource is the gravest class of each resource.
func worstByResource(changes []Change) map[string]Class {
	worst := map[string]Class{}
	for _, change := range changes { // the gravest comes first
		if _, known := worst[change.LogicalID]; !known {
			worst[change.LogicalID] = change.Class
		}
	}
	return worst
}

func TestPairsOfTemplates(t *testing.T) {
	covered := map[Class]int{}
	for _, pair := range readPairs(t) {
		t.Run(pair.Name, func(t *testing.T) {
			changes := Compare(pair.sides(t))
			got := worstByResource(changes)
			if !maps.Equal(got, pair.Want) {
				t.Errorf("found %v, want %v\n%+v", got, pair.Want, changes)
			}
			for _, class := range pair.Want {
				covered[class]++
			}
		})
	}
	for _, one := range classes[Cosmetic.severity():] {
		if covered[one.class] < 3 {
			t.Errorf("class %s has %d pairs, want at least three", one.class, covered[one.class])
		}
	}
}

// A domain counts as one with data, which is graver, so that no pair of templates tells a refusal.
func TestAPoolHasOneDomainOfEachKind(t *testing.T) {
	prefix := map[string]any{"Domain": "shop", "UserPoolId": "pool"}
	name := func(name string) map[string]any {
		return map[string]any{"Domain": name, "UserPoolId": "pool", "CustomDomainConfig": map[string]any{"CertificateArn": "arn"}}
	}
	for _, move := range []struct {
		from, to map[string]any
		refused  bool
	}{
		{prefix, name("a.example.com"), false},
		{name("a.example.com"), prefix, false},
		{name("a.example.com"), name("b.example.com"), true},
		{prefix, map[string]any{"Domain": "store", "UserPoolId": "pool"}, true},
	} {
		domain := func(properties map[string]any) []*stack {
			return stacksOf(t, nil, map[string]any{"X": map[string]any{"Type": "AWS::Cognito::UserPoolDomain", "Properties": properties}}, nil)
		}
		changes := Compare(domain(move.from), domain(move.to))
		if refused := slices.ContainsFunc(changes, func(c Change) bool { return c.Class == RefusedByAWS }); refused != move.refused {
			t.Errorf("from %v to %v: refused is %t, want %t", move.from, move.to, refused, move.refused)
		}
	}
}

// Seen from the other side, what was added is deleted; nothing that differs may then look the same.
func TestADifferenceIsOneFromBothSides(t *testing.T) {
	for _, pair := range readPairs(t) {
		old, new := pair.sides(t)
		forth := Compare(old, new)
		old, new = pair.sides(t)
		back := Compare(new, old)
		if (len(forth) == 0) != (len(back) == 0) {
			t.Errorf("%s: %d changes forth and %d back", pair.Name, len(forth), len(back))
		}
	}
}

func TestNothingChangesBetweenATemplateAndItself(t *testing.T) {
	for _, environment := range []string{"local", "dev", "staging", "prod"} {
		// The golden templates are written NAME.json; a copy has the name that an assembly gives.
		directory := t.TempDir()
		files, err := os.ReadDir("../../../../test/golden/" + environment)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile("../../../../test/golden/" + environment + "/" + file.Name())
			if err != nil {
				t.Fatal(err)
			}
			name := environment + "-" + strings.TrimSuffix(file.Name(), ".json") + templateSuffix
			if err := os.WriteFile(directory+"/"+name, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		old, err := read(directory)
		if err != nil {
			t.Fatal(err)
		}
		new, err := read(directory)
		if err != nil {
			t.Fatal(err)
		}
		if changes := Compare(old, new); len(changes) > 0 {
			t.Errorf("%s: %+v", environment, changes)
		}
	}
}

// The table of types comes from an npm package that package.json pins.
func TestTheTableOfTypesIsThatOfThePackage(t *testing.T) {
	written := filepath.Join(t.TempDir(), "schema.json")
	node := exec.CommandContext(t.Context(), "../../../../node_modules/.bin/node", "schema.mjs", written)
	if output, err := node.CombinedOutput(); err != nil {
		t.Fatalf("node schema.mjs (make node_modules/.ready brings it): %v\n%s", err, output)
	}
	fresh, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	if string(fresh) != string(schemaText) {
		t.Error("schema.json is not what the package says: run make golden, or replacements would be overlooked")
	}
}

func TestAReasonShowsWhereLongValuesPart(t *testing.T) {
	same := strings.Repeat("x", 200)
	for _, c := range []struct {
		old, new any
		want     string
	}{
		{"a", "b", "P: a to b"},
		{nil, same, "P: nothing to " + same[:longest] + "…"},
		{same + "a", same + "b", "P: …xxxxxxxxxxxxxxxa to …xxxxxxxxxxxxxxxb"},
		{same, same + "b", "P: …xxxxxxxxxxxxxxx to …xxxxxxxxxxxxxxxb"},
	} {
		if got := differences("P", c.old, c.new); len(got) != 1 || got[0] != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "arn:aws:s3:::b/x/y", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b", false},
		{"s3:get*", "s3:getobject", true},
		{"s3:get*", "s3:*", false},
		{"a?c", "abc", true},
		{"a[b]c", "abc", false},
		{`a\*`, "a*", false},
		{"${Bucket.Arn}/*", "${Bucket.Arn}/x", true},
	} {
		if got := glob(c.pattern, c.name); got != c.want {
			t.Errorf("%q covers %q: %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(`{"Resources":{"A":{"Type":"AWS::S3::Bucket"}}}`, `{"Resources":{"A":{"Type":"AWS::IAM::Policy","Properties":{"PolicyDocument":"{"}}}}`)
	f.Add(`{"Conditions":{"C":{"Condition":"C"}},"Resources":{"A":{"Type":"T","Condition":"C","Properties":{"P":{"Fn::If":["C",1,[2]]}}}}}`,
		`{"Outputs":{"O":{"Value":{"Fn::ImportValue":"n"},"Export":{"Name":"n"}}},"Resources":{"A":{"Type":"T","Properties":{"P":{"Fn::ImportValue":"n"}}}}}`)
	f.Fuzz(func(t *testing.T, before, after string) {
		side := func(text string) []*stack {
			parsed, err := parseTemplate(strings.NewReader(text))
			if err != nil {
				return nil // most text is no template
			}
			return []*stack{{name: "prod-Shop", file: "prod-Shop", template: parsed}}
		}
		if side(before) == nil || side(after) == nil {
			return
		}
		changes := Compare(side(before), side(after))
		if !slices.IsSortedFunc(changes, func(a, b Change) int { return b.Class.severity() - a.Class.severity() }) {
			t.Errorf("not sorted: %+v", changes)
		}
		if same := Compare(side(before), side(before)); len(same) > 0 {
			t.Errorf("a template differs from itself: %+v", same)
		}
	})
}
