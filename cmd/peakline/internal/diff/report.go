package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func writeJSON(out io.Writer, changes []Change, _ time.Time) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Changes []Change `json:"changes"`
		Worst   Class    `json:"worst"`
	}{append([]Change{}, changes...), Worst(changes)})
}

func writeTable(out io.Writer, changes []Change, now time.Time) error {
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
	fmt.Fprintf(out, "\n%s\n", summary(changes))
	if waivers := waiversFor(changes, now); waivers != "" {
		fmt.Fprintf(out, "\nTo let them pass, add this to the file of the environment, with the reason:\n\n%s", waivers)
	}
	return nil
}

// suggestedDays is how long a waiver lasts that is offered: a release and its delays.
const suggestedDays = 14

// waiversFor are the lines of an environment's file that let the blocking changes pass. The reason is left to the author: the
// file is refused as long as there is none.
func waiversFor(changes []Change, now time.Time) string {
	blocking := Blocking(changes)
	if len(blocking) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString("waivers:\n")
	for _, change := range blocking {
		stack := change.Stack[strings.LastIndex(change.Stack, "-")+1:]
		fmt.Fprintf(&text, "  - {stack: %s, resource: %s, class: %s, reason: , expires: %q}\n", stack, change.LogicalID, change.Class,
			now.UTC().AddDate(0, 0, suggestedDays).Format(time.DateOnly))
	}
	return text.String()
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
func writeMarkdown(out io.Writer, changes []Change, now time.Time) error {
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
		if waivers := waiversFor(changes, now); waivers != "" {
			fmt.Fprintf(&page, "<details><summary>What lets them pass, in the file of the environment</summary>\n\n```yaml\n%s```\n</details>\n\n", waivers)
		}
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
