package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// side is one of the two states that are compared, with all its stacks.
type side struct {
	stacks map[string]*stack
	// exporters are the stacks by the names of what they export.
	exporters map[string]*stack
}

// pair is one stack on both sides; old or new is nil where it is added or removed.
type pair struct {
	name     string
	old, new *stack
}

func newSide(stacks []*stack) *side {
	s := &side{map[string]*stack{}, map[string]*stack{}}
	for _, one := range stacks {
		one.understand()
		s.stacks[one.name] = one
		for name := range one.exports {
			s.exporters[name] = one
		}
	}
	return s
}

// matched pairs the stacks of both sides: by their names, and where one side's templates have no manifest by the names
// of the files.
func matched(old, new []*stack) []pair {
	byName, byFile := map[string]*stack{}, map[string]*stack{}
	for _, s := range new {
		byName[s.name], byFile[s.file] = s, s
	}
	taken := map[*stack]bool{}
	var pairs []pair
	for _, s := range old {
		n := cmp.Or(byName[s.name], byFile[s.file], byName[s.file], byFile[s.name])
		if taken[n] {
			n = nil
		}
		if n != nil {
			taken[n] = true
			s.name = moreTelling(s, n)
			n.name = s.name
		}
		pairs = append(pairs, pair{s.name, s, n})
	}
	for _, s := range new {
		if !taken[s] {
			pairs = append(pairs, pair{s.name, nil, s})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return pairs
}

// moreTelling is the name that a manifest gives, if one of the two has one.
func moreTelling(a, b *stack) string {
	if a.name == a.file {
		return b.name
	}
	return a.name
}

// all lists every resource of the side, in a stable order.
func (s *side) all() []*meaning {
	var all []*meaning
	for _, name := range slices.Sorted(maps.Keys(s.stacks)) {
		one := s.stacks[name]
		for _, id := range slices.Sorted(maps.Keys(one.resources)) {
			all = append(all, one.resources[id])
		}
	}
	return all
}

// key names a resource across the stacks of a side.
func (m *meaning) key() string { return m.stack.name + "/" + m.id }

// target is the resource that a normal form refers to, through an import if need be; nil when it refers to none.
func (s *side) target(from *stack, text string) *meaning {
	for _, name := range references(text) {
		if exported, imported := strings.CutPrefix(name, "import:"); imported {
			producer := s.exporters[exported]
			if producer == nil {
				continue
			}
			if found := s.target(producer, producer.exports[exported]); found != nil {
				return found
			}
			continue
		}
		if found := from.resources[name]; found != nil {
			return found
		}
	}
	return nil
}

// identity is what a reference means across stacks: the key of the resource, or the text as it is.
func (s *side) identity(from *stack, text string) string {
	if m := s.target(from, text); m != nil {
		return m.key()
	}
	return text
}
