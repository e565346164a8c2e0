package migrations

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Finding is a rule that a statement breaks, and the place.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Rule    string `json:"rule"`
	Why     string `json:"why"`
	Instead string `json:"instead"`
	// Allowed is the reason of the exception that holds, else empty.
	Allowed string `json:"allowed,omitempty"`
}

// Options say how the migrations are run, and what day it is.
type Options struct {
	// Transaction tells that the tool wraps each file in one.
	Transaction bool
	Today       time.Time
}

// allow is an exception, in a comment that leads a statement.
type allow struct {
	rule, reason string
	until        time.Time
	at           int
	used         bool
}

var (
	allowed = regexp.MustCompile(`^peakline:allow ([a-z-]+) until (\d{4}-\d{2}-\d{2}) because (\S.*)$`)
	meant   = regexp.MustCompile(`^peakline\b`)
)

// Lint finds what the statements of one file break. The history is that of the files before.
func (h *history) lint(file, sql string, options Options) ([]Finding, error) {
	read, err := parse(file, sql)
	if err != nil {
		return nil, err
	}
	h.created, h.dropped = map[string]bool{}, map[string]bool{}
	h.transaction, h.locked = options.Transaction, false
	var found []Finding
	add := func(rule Rule, at int) *Finding {
		line, column := position(sql, at)
		found = append(found, Finding{File: file, Line: line, Column: column, Rule: rule.Name, Why: rule.Why, Instead: rule.Instead})
		return &found[len(found)-1]
	}
	end := 0
	for _, statement := range read.Statements {
		comments, start := lead(sql, statement.Start)
		allows := h.allows(comments, add)
		for _, broken := range h.judge(statement.Node) {
			at := broken.at
			if at == 0 {
				at = start
			}
			one := add(broken.rule, at)
			for i := range allows {
				if allows[i].rule != one.Rule {
					continue
				}
				allows[i].used = true
				if options.Today.After(allows[i].until.AddDate(0, 0, 1)) {
					one.Why += fmt.Sprintf("; the exception has ended on %s", allows[i].until.Format(time.DateOnly))
				} else {
					one.Allowed = allows[i].reason
				}
			}
		}
		for _, unused := range allows {
			if !unused.used {
				add(exception, unused.at).Why = "the statement after it does not break " + unused.rule
			}
		}
		end = statement.Start + statement.Length
		if statement.Length == 0 {
			end = len(sql)
		}
	}
	if end < len(sql) {
		comments, _ := lead(sql, end+1)
		for _, unused := range h.allows(comments, add) {
			add(exception, unused.at).Why = "no statement comes after it"
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return found, nil
}

// allows reads the exceptions of the comments; one that is not understood is a finding.
func (h *history) allows(comments []comment, add func(Rule, int) *Finding) (found []allow) {
	for _, one := range comments {
		if !meant.MatchString(one.text) {
			continue
		}
		parts := allowed.FindStringSubmatch(one.text)
		if parts == nil {
			add(exception, one.at).Why = "it lacks its rule, its last day or its reason"
			continue
		}
		if !slices.ContainsFunc(rules, func(rule Rule) bool { return rule.Name == parts[1] && rule != exception }) {
			add(exception, one.at).Why = "there is no rule " + parts[1] + " that it could be for"
			continue
		}
		until, err := time.Parse(time.DateOnly, parts[2])
		if err != nil {
			add(exception, one.at).Why = parts[2] + " is no day of the calendar"
			continue
		}
		found = append(found, allow{rule: parts[1], until: until, reason: strings.TrimSpace(parts[3]), at: one.at})
	}
	return found
}

type comment struct {
	text string
	at   int
}

// lead reads the comments and blanks before a statement, and returns where it begins.
func lead(sql string, at int) (comments []comment, start int) {
	for at < len(sql) {
		rest := sql[at:]
		switch {
		case strings.HasPrefix(rest, "--"):
			line, _, _ := strings.Cut(rest, "\n")
			comments = append(comments, comment{strings.TrimSpace(line[2:]), at})
			at += len(line)
		case strings.HasPrefix(rest, "/*"):
			length := blockComment(rest)
			comments = append(comments, comment{strings.TrimSpace(strings.TrimSuffix(rest[2:length], "*/")), at})
			at += length
		case strings.ContainsRune(" \t\r\n\f\v;", rune(rest[0])):
			at++
		default:
			return comments, at
		}
	}
	return comments, at
}

// blockComment is the length of a comment, which may hold others.
func blockComment(text string) int {
	depth := 0
	for at := 0; at < len(text); at++ {
		switch {
		case strings.HasPrefix(text[at:], "/*"):
			depth++
			at++
		case strings.HasPrefix(text[at:], "*/"):
			depth--
			at++
			if depth == 0 {
				return at + 1
			}
		}
	}
	return len(text)
}
