package diff

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"peakline/config"
)

// environmentOf splits the name of a stack into that of its environment and its own. What has no hyphen belongs to none.
func environmentOf(name string) (environment, stack string) {
	hyphen := max(strings.LastIndex(name, "-"), 0)
	return name[:hyphen], strings.TrimPrefix(name[hyphen:], "-")
}

// files are the environments that are compared and have a file, by the path of it. Waivers stand there.
type files map[string]config.Environment

// filesOf reads the files of the stacks' environments. A folder that is not there is a project without waivers.
func filesOf(directory string, stacks []*stack, now time.Time) (files, error) {
	if _, err := os.Stat(directory); os.IsNotExist(err) {
		return nil, nil
	}
	names, err := config.Names(directory)
	if err != nil {
		return nil, err
	}
	read := files{}
	for _, name := range names {
		if !slices.ContainsFunc(stacks, func(s *stack) bool { environment, _ := environmentOf(s.name); return environment == name }) {
			continue
		}
		environment, err := config.Load(directory, name, now)
		if err != nil {
			return nil, err
		}
		read[filepath.Join(directory, name+".yaml")] = environment
	}
	return read, nil
}

// waive marks the dangerous changes that a file has a waiver for that still holds, and tells which waivers match no change.
func (f files) waive(changes []Change, now time.Time) (unused []string) {
	for _, file := range slices.Sorted(maps.Keys(f)) {
		for n, waiver := range f[file].Waivers {
			matches := false
			for i := range changes {
				change := &changes[i]
				if change.Stack != f[file].Name+"-"+waiver.Stack || change.LogicalID != waiver.Resource || string(change.Class) != waiver.Class {
					continue
				}
				matches = true
				if !waiver.Valid(now) {
					change.Reason += fmt.Sprintf(" (its waiver ended on %s)", waiver.Expires)
					continue
				}
				change.Waived = true
				change.Reason += fmt.Sprintf(" (waived until %s: %s)", waiver.Expires, waiver.Reason)
			}
			if !matches {
				unused = append(unused, fmt.Sprintf("%s: waivers[%d] matches no change: nothing here is %s of %s in %s. Mend it, or take it out",
					file, n, waiver.Class, waiver.Resource, waiver.Stack))
			}
		}
	}
	return unused
}

// suggestedDays is how long a waiver lasts that is offered: a release and its delays.
const suggestedDays = 14

// offers are the lines that let the blocking changes pass, by the file that they are for. The reason is left to the author: the
// file is refused as long as there is none.
func (f files) offers(changes []Change, now time.Time) map[string]string {
	offers := map[string]string{}
	for file, environment := range f {
		var lines strings.Builder
		for _, change := range Blocking(changes) {
			if of, stack := environmentOf(change.Stack); of == environment.Name {
				fmt.Fprintf(&lines, "  - {stack: %s, resource: %s, class: %s, reason: , expires: %q}\n", stack, change.LogicalID, change.Class,
					now.UTC().AddDate(0, 0, suggestedDays).Format(time.DateOnly))
			}
		}
		if lines.Len() > 0 {
			offers[file] = "waivers:\n" + lines.String()
		}
	}
	return offers
}
