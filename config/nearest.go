package config

import "strings"

// nearest finds the known word that a misspelt one was probably meant to be: the one with the fewest edits, and no
// more than a third of the word's letters (at least one).
func nearest(word string, known []string) (suggestion string, found bool) {
	fewest := max(1, len(word)/3) + 1
	if len(word) < 2 {
		return "", false
	}
	for _, candidate := range known {
		if edits := distance(word, candidate); edits < fewest {
			fewest, suggestion, found = edits, candidate, true
		}
	}
	return suggestion, found
}

// distance counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment); two swapped
// letters, the commonest slip, count once. Upper and lower case are the same.
func distance(a, b string) int {
	s, t := strings.ToLower(a), strings.ToLower(b)
	row := func() []int { return make([]int, len(t)+1) }
	before, above, current := row(), row(), row()
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(s); i++ {
		current[0] = i
		for j := 1; j <= len(t); j++ {
			replaced := above[j-1]
			if s[i-1] != t[j-1] {
				replaced++
			}
			current[j] = min(replaced, above[j]+1, current[j-1]+1)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, above, current = above, current, before
	}
	return above[len(t)]
}
