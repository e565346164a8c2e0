package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is what is told of a comparison.
type report struct {
	changes []Change
	// unused tells of waivers that match no change.
	unused []string
	// offers are the waivers that would let everything pass, by the file that they are for.
	offers map[string]string
}

func writeJSON(out io.Writer, r report) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Changes []Change `json:"changes"`
		Worst   Class    `json:"worst"`
		Unused  []string `json:"unusedWaivers,omitempty"`
	}{append([]Change{}, r.changes...), Worst(r.changes), r.unused})
}

func writeTable(out io.Writer, r report) error {
	var page strings.Builder
	if len(r.changes) == 0 {
		page.WriteString("No changes.\n")
	} else {
		table := tabwriter.NewWriter(&page, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "CLASS\tSTACK\tRESOURCE\tTYPE\tWHAT")
		for _, change := range r.changes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", marked(change), change.Stack, change.LogicalID, change.Type, change.Reason)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(&page, "\n%s\n", summary(r.changes))
	}
	for _, file := range slices.Sorted(maps.Keys(r.offers)) {
		fmt.Fprintf(&page, "\nTo let them pass, add this to %s, with the reason:\n\n%s", file, r.offers[file])
	}
	for _, waiver := range r.unused {
		fmt.Fprintf(&page, "\n%s.\n", waiver)
	}
	_, err := io.WriteString(out, page.String())
	return err
}

// marked is the class, with a mark where it needs attention.
func marked(change Change) string {
	switch {
	case change.Waived:
		return string(change.Class) + " (waived)"
	case change.Class.Dangerous():
		return "! " + string(change.Class)
	}
	return string(change.Class)
}

// summary counts the changes by class, the worst first.
func summary(changes []Change) string {
	counts := map[Class]int{}
	for _, change := range changes {
		counts[change.Class]++
	}
	var parts []string
	for _, one := range slices.Backward(classes) {
		if n := counts[one.class]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, one.class))
		}
	}
	return strings.Join(parts, ", ") + "."
}

// writeMarkdown writes a comment for a pull request: what is dangerous first and in full, the rest folded.
func writeMarkdown(out io.Writer, r report) error {
	var page strings.Builder
	if len(r.changes) == 0 {
		page.WriteString("**No changes.**\n")
	} else {
		fmt.Fprintf(&page, "**%s**\n\n", summary(r.changes))
	}
	dangerous := 0
	for dangerous < len(r.changes) && r.changes[dangerous].Class.Dangerous() {
		dangerous++
	}
	markdownRows(&page, r.changes[:dangerous])
	for _, file := range slices.Sorted(maps.Keys(r.offers)) {
		fmt.Fprintf(&page, "<details><summary>What lets them pass, in %s</summary>\n\n```yaml\n%s```\n</details>\n\n", file, r.offers[file])
	}
	for _, waiver := range r.unused {
		fmt.Fprintf(&page, "%s.\n\n", waiver)
	}
	if rest := r.changes[dangerous:]; len(rest) > 0 {
		fmt.Fprintf(&page, "<details><summary>%d harmless changes</summary>\n\n", len(rest))
		markdownRows(&page, rest)
		page.WriteString("</details>\n")
	}
	_, err := io.WriteString(out, page.String())
	return err
}

func markdownRows(page *strings.Builder, changes []Change) {
	if len(changes) == 0 {
		return
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;")
	page.WriteString("| class | stack | resource | type | what |\n|---|---|---|---|---|\n")
	for _, change := range changes {
		fmt.Fprintf(page, "| %s | %s | `%s` | %s | %s |\n", marked(change), change.Stack, change.LogicalID, change.Type, cell.Replace(change.Reason))
	}
	page.WriteString("\n")
}
