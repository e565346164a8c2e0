package diff

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// differences lists the paths at which two normal forms differ, with both values.
func differences(path string, old, new any) []string {
	if reflect.DeepEqual(old, new) {
		return nil
	}
	oldMap, oldIs := old.(map[string]any)
	newMap, newIs := new.(map[string]any)
	if oldIs && newIs {
		var all []string
		for _, key := range slices.Sorted(maps.Keys(union(oldMap, newMap))) {
			all = append(all, differences(path+"."+key, oldMap[key], newMap[key])...)
		}
		return all
	}
	oldList, oldIs := old.([]any)
	newList, newIs := new.([]any)
	if oldIs && newIs && len(oldList) == len(newList) {
		var all []string
		for i := range oldList {
			all = append(all, differences(fmt.Sprintf("%s.%d", path, i), oldList[i], newList[i])...)
		}
		return all
	}
	before, after := apart(old, new)
	return []string{fmt.Sprintf("%s: %s to %s", strings.TrimPrefix(path, "."), before, after)}
}

func union[V any](a, b map[string]V) map[string]bool {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}

// longest is how much of a value a reason shows.
const longest = 60

// apart are two values as a reason shows them: long ones from shortly before they part.
func apart(old, new any) (before, after string) {
	a, b := []rune(render(old)), []rune(render(new))
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	if same <= longest/2 || max(len(a), len(b)) <= longest {
		return brief(old), brief(new)
	}
	from := same - longest/4
	return "…" + brief(string(a[from:])), "…" + brief(string(b[from:]))
}

func brief(value any) string {
	text := render(value)
	switch {
	case value == nil || value == (noValue{}):
		return "nothing"
	case text == "":
		return `""`
	case len([]rune(text)) > longest:
		return string([]rune(text)[:longest]) + "…"
	}
	return text
}
