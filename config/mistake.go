package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing wrong with an environment file.
type Mistake struct {
	File         string
	Line, Column int    // from 1; 0 when the mistake is about the file as a whole
	Path         string // of the key, such as `database.readers.one.zone`; empty for the whole file
	Text         string // what was found and what is allowed

	rule string // the rule between values that found it, for the tests
}

// Error is the mistake as one line that terminals and editors make clickable.
func (m Mistake) Error() string {
	var line strings.Builder
	line.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&line, ":%d:%d", m.Line, m.Column)
	}
	if m.Path != "" {
		line.WriteString(" " + m.Path)
	}
	return line.String() + ": " + m.Text
}

// Mistakes is everything wrong with one or more environment files, in the order of the files and their lines.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.Error()
	}
	return strings.Join(lines, "\n")
}

func (m Mistakes) sort() {
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
}
