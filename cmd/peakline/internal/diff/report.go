package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

func writeJSON(out io.Writer, changes []Change) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Changes []Change `json:"changes"`
		Worst   Class    `json:"worst"`
	}{append([]Change{}, changes...), Worst(changes)})
}

func writeTable(out io.Writer, changes []Change) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(out, "No changes.")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CLASS\tSTACK\tRESOURCE\tTYPE\tWHAT")
	for _, change := range changes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", marked(change), change.Stack, change.LogicalID, change.Type, change.Reason)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n", summary(changes))
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
func writeMarkdown(out io.Writer, changes []Change) error {
	var page strings.Builder
	if len(changes) == 0 {
		page.WriteString("**No changes.**\n")
	} else {
		fmt.Fprintf(&page, "**%s**\n\n", summary(changes))
		dangerous := 0
		for dangerous < len(changes) && changes[dangerous].Class.Dangerous() {
			dangerous++
		}
		markdownRows(&page, changes[:dangerous])
		if rest := changes[dangerous:]; len(rest) > 0 {
			fmt.Fprintf(&page, "<details><summary>%d harmless changes</summary>\n\n", len(rest))
			markdownRows(&page, rest)
			page.WriteString("</details>\n")
		}
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
