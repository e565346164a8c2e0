package test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// addressed are the types that hold no data, but addresses that partners have on their lists, or everything else.
var addressed = []string{"AWS::EC2::VPC", "AWS::EC2::EIP"}

const pinnedFile = "pinned.txt"

// readPinned reads the types of what is pinned, by stack and logical id, and the comment that leads them.
func readPinned(t *testing.T) (pinned map[string]string, comment string) {
	t.Helper()
	text, err := os.ReadFile(pinnedFile)
	if err != nil {
		t.Fatal(err)
	}
	pinned = map[string]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			comment += line
			continue
		}
		id, kind, _ := strings.Cut(strings.TrimSpace(line), " ")
		pinned[id] = kind
	}
	return pinned, comment
}

func TestStatefulResourcesKeepTheirLogicalIds(t *testing.T) {
	pinned, comment := readPinned(t)
	unseen := maps.Clone(pinned)
	for _, a := range synthesized(t).assemblies {
		// Pipelines are those of the tests: an adopter's services and environments have other names.
		if a.shipped == a.pipelines {
			continue
		}
		for _, r := range a.all(append(addressed, data...)...) {
			delete(unseen, r.key())
			switch kind, known := pinned[r.key()]; {
			case known && kind != r.kind:
				t.Errorf("%s: %s was %s and is %s: what it holds would be gone", a.environment.Name, r.key(), kind, r.kind)
			case !known && *update:
				pinned[r.key()] = r.kind
			case !known:
				t.Errorf("%s: %s (%s) is not pinned. If it is new, `make golden` pins it. If it was called something else before, this "+
					"would replace it: what it holds would be gone, or kept where nobody looks", a.environment.Name, r.key(), r.kind)
			}
		}
	}
	if *update {
		text := comment
		for _, id := range slices.Sorted(maps.Keys(pinned)) {
			text += fmt.Sprintln(id, pinned[id])
		}
		if err := os.WriteFile(pinnedFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, id := range slices.Sorted(maps.Keys(unseen)) {
		t.Errorf("%s (%s) is in no template any more: this would delete it, or replace it under another id. If it was taken out and "+
			"what it holds may go, take its line out of test/%s", id, unseen[id], pinnedFile)
	}
}
