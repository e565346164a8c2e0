package config

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const extension = ".yaml"

// Names lists the environments of a folder, sorted.
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the environments: %w", err)
	}
	var names []string
	for _, entry := range entries {
		name, isYAML := strings.CutSuffix(entry.Name(), extension)
		switch {
		case entry.IsDir() || strings.HasPrefix(entry.Name(), "."):
		case isYAML:
			names = append(names, name)
		case strings.HasSuffix(entry.Name(), ".yml"):
			return nil, fmt.Errorf("list the environments: %s would be overlooked, rename it to end in %s", filepath.Join(dir, entry.Name()), extension)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("list the environments: %s has no file *%s, want one for each environment", dir, extension)
	}
	return names, nil
}

// Load reads, completes and checks one environment of a folder. The other files of the folder are read as well,
// because two environments must not contradict each other, but only mistakes that concern this one are reported. The
// calendar is judged at now. The error is of type Mistakes when the file is at fault.
func Load(dir, name string, now time.Time) (Environment, error) {
	names, err := Names(dir)
	if err != nil {
		return Environment{}, err
	}
	loaded, err := readAll(dir, names, now)
	if err != nil {
		return Environment{}, err
	}
	checkTogether(loaded, name)
	for _, l := range loaded {
		if l.environment.Name != name {
			continue
		}
		if err := l.document.err(); err != nil {
			return Environment{}, err
		}
		return l.environment, nil
	}
	return Environment{}, unknownName(dir, name, names)
}

// LoadAll reads, completes and checks every environment of a folder, in the order of their names. The error holds the
// mistakes of all files at once.
func LoadAll(dir string, now time.Time) ([]Environment, error) {
	names, err := Names(dir)
	if err != nil {
		return nil, err
	}
	loaded, err := readAll(dir, names, now)
	if err != nil {
		return nil, err
	}
	checkTogether(loaded, "")
	var environments []Environment
	var mistakes Mistakes
	for _, l := range loaded {
		environments = append(environments, l.environment)
		mistakes = append(mistakes, l.document.mistakes...)
	}
	if len(mistakes) > 0 {
		mistakes.sort()
		return nil, slices.Compact(mistakes) // one in the shared catalogue is found in every environment
	}
	return environments, nil
}

// loaded is an environment with the document that it came from.
type loaded struct {
	environment Environment
	document    *document
}

func readAll(dir string, names []string, now time.Time) ([]loaded, error) {
	var all []loaded
	for _, name := range names {
		file := filepath.Join(dir, name+extension)
		text, err := fs.ReadFile(os.DirFS(dir), name+extension)
		if err != nil {
			return nil, fmt.Errorf("read environment %q: %w", name, err)
		}
		all = append(all, read(file, name, text, now))
	}
	return all, nil
}

// read turns the text of one file into an environment and finds everything wrong with it.
func read(file, name string, text []byte, now time.Time) loaded {
	d := parse(file, environmentSchema(), text)
	unreadable := len(d.mistakes) > 0 && len(d.root) == 0
	if !validName(name) {
		d.note(place{}, "", "the file makes an environment called %q, want 2 to 20 lower-case letters, digits and single hyphens, a letter first, none of them %q", name, DeliveryStage)
	}
	if unreadable {
		return loaded{Environment{Name: name}, d}
	}
	catalogue := parse(catalogueFile, environmentSchema(), catalogueText)
	d.refuseMisspelt(catalogue)
	d.under(catalogue)
	d.checkValues()
	environment := d.decode()
	environment.Name = name
	check(d, &environment, now)
	return loaded{environment, d}
}

// DeliveryStage is the stage of the pipelines. No environment can have its name.
const DeliveryStage = "delivery"

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// validName keeps physical names, which are built from the environment's, within every limit of AWS.
func validName(name string) bool {
	return len(name) >= 2 && len(name) <= 20 && namePattern.MatchString(name) && name != DeliveryStage
}

// decode fills the profile's defaults with what the file states.
func (d *document) decode() Environment {
	profile, _ := d.root["profile"].(string)
	environment := defaults(Profile(profile))
	text, err := json.Marshal(d.root)
	if err == nil {
		err = json.Unmarshal(text, &environment)
	}
	if err != nil {
		d.refuse("", "%v", err)
	}
	environment.complete(d)
	return environment
}

func (d *document) err() error {
	if len(d.mistakes) == 0 {
		return nil
	}
	d.mistakes.sort()
	return d.mistakes
}

// unknownName says which environments there are.
func unknownName(dir, name string, names []string) error {
	hint := "."
	if suggestion, found := nearest(name, names); found {
		hint = fmt.Sprintf("; did you mean %q?", suggestion)
	}
	return fmt.Errorf("no environment %q in %s%s There are: %s", name, dir, hint, strings.Join(names, ", "))
}
