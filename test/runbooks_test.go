package test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	runbookFolder = "../docs/runbooks"
	answersFile   = "../docs/automated-responses.md"
)

// runbookSections are what somebody who was just woken looks for, in this order. They are written by hand; what stands above
// them is generated from the templates.
var runbookSections = []string{"## What it means", "## What is done about it already", "## Look first", "## Likely causes", "## Escalate"}

// alarmsByRunbook are all alarms of a name, those of shipped environments where these have it.
func alarmsByRunbook(t *testing.T) map[string][]judgedAlarm {
	t.Helper()
	all := map[string][]judgedAlarm{}
	for _, shipped := range []bool{true, false} {
		found := map[string][]judgedAlarm{}
		for _, a := range synthesized(t).assemblies {
			if a.shipped != shipped {
				continue
			}
			for _, alarm := range a.all("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm") {
				found[runbookOf(alarm)] = append(found[runbookOf(alarm)], judgedAlarm{a, alarm})
			}
		}
		for name, alarms := range found {
			if all[name] == nil {
				all[name] = alarms
			}
		}
	}
	return all
}

// judgedAlarm is an alarm in its environment.
type judgedAlarm struct {
	in    *assembly
	alarm resource
}

func (j judgedAlarm) severity() string {
	return alarmDescription.FindStringSubmatch(j.alarm.text("AlarmDescription"))[1]
}
func (j judgedAlarm) owner() string {
	return alarmDescription.FindStringSubmatch(j.alarm.text("AlarmDescription"))[2]
}

var comparisonWords = map[string]string{
	"GreaterThanThreshold": "above", "GreaterThanOrEqualToThreshold": "at least", "LessThanThreshold": "below", "LessThanOrEqualToThreshold": "at most",
}

// compares says in words what the alarm compares with its threshold, and how.
func (j judgedAlarm) compares() string {
	query := j.in.queryOf(j.alarm)
	var metrics []string
	for _, id := range slices.Sorted(maps.Keys(query.metrics)) {
		name := query.metrics[id].Name
		if filter := j.in.environment.Name + "-"; strings.HasPrefix(name, filter) { // of a log, by environment and service
			name = name[strings.LastIndex(name, "-")+1:]
		}
		if text := fmt.Sprintf("`%s` (%s)", name, query.metrics[id].Statistic); !slices.Contains(metrics, text) {
			metrics = append(metrics, text)
		}
	}
	what := strings.Join(metrics, " and ")
	for _, item := range j.alarm.list("Metrics") {
		if label, ok := dig(item, "Label").(string); ok && len(metrics) > 1 {
			what = label + ", from " + what + ","
		}
	}
	return what + " " + comparisonWords[j.alarm.text("ComparisonOperator")]
}

func (j judgedAlarm) threshold() string {
	return strconv.FormatFloat(j.alarm.number("Threshold"), 'f', -1, 64)
}

// periods says for how long, "3 of 5 minutes".
func (j judgedAlarm) periods() string {
	return fmt.Sprintf("%v of %v %s", j.alarm.number("DatapointsToAlarm"), j.alarm.number("EvaluationPeriods"), lengthOf(metricsOf(j.alarm)[0].period))
}

func (j judgedAlarm) silence() string { return silenceWords[j.alarm.text("TreatMissingData")] }

func lengthOf(seconds int) string {
	switch {
	case seconds == 60:
		return "minutes"
	case seconds == 3600:
		return "hours"
	case seconds == 86_400:
		return "days"
	default:
		return fmt.Sprintf("spans of %d minutes", seconds/60)
	}
}

var silenceWords = map[string]string{"breaching": "it fires", "notBreaching": "it is quiet", "ignore": "it stays as it is"}

// answer is what is done about an alarm without a person.
type answer struct {
	what string
	// to tells whether it is the answer to an alarm: the templates connect the two.
	to func(a *assembly, alarm resource) bool
}

// answers are those that templates name alarms for, and those that AWS gives to what the alarm watches.
var answers = []answer{
	{"The replica scaler looks at the database at once, and adds readers as its policy allows", func(a *assembly, alarm resource) bool {
		return a.namedBy("AWS::Events::Rule", "EventPattern/detail/alarmName", alarm)
	}},
	{"ECS or CodeDeploy takes a release of the service back that is under way", func(a *assembly, alarm resource) bool {
		return a.namedBy("AWS::ECS::Service", "DeploymentConfiguration/Alarms/AlarmNames", alarm) ||
			a.namedBy("AWS::CodeDeploy::DeploymentGroup", "AlarmConfiguration/Alarms", alarm)
	}},
	{"AppConfig takes a change of flags back that is spreading", func(a *assembly, alarm resource) bool {
		return a.namedBy("AWS::AppConfig::Environment", "Monitors", alarm)
	}},
	{"Aurora or RDS makes another instance the writer, and replaces the lost one", func(a *assembly, alarm resource) bool {
		return reads(alarm, "AWS/RDS", "CPUUtilization", "LessThanThreshold")
	}},
	{"ECS starts tasks in place of those that end", func(a *assembly, alarm resource) bool {
		return reads(alarm, "ECS/ContainerInsights", "RunningTaskCount", "LessThanThreshold")
	}},
	{"ElastiCache makes a replica the primary where the primary is lost, and replaces the node", func(a *assembly, alarm resource) bool {
		return reads(alarm, "AWS/ElastiCache", "ReplicationLag", "GreaterThanThreshold")
	}},
}

// namedBy tells whether a resource of a type names the alarm, or its ARN, in one of its properties.
func (a *assembly) namedBy(kind, path string, alarm resource) bool {
	for _, r := range a.all(kind) {
		for _, value := range r.list(path) {
			for _, value := range []any{value, dig(value, "Name"), dig(value, "AlarmArn")} {
				if text := a.resolve(r.stack, value); text == alarm.text("AlarmName") || strings.HasSuffix(text, ":"+alarm.text("AlarmName")) || a.targetOf(r.stack, value).is(alarm) {
					return true
				}
			}
		}
	}
	return false
}

func reads(alarm resource, namespace, name, comparison string) bool {
	return alarm.text("ComparisonOperator") == comparison && slices.ContainsFunc(metricsOf(alarm), func(m metric) bool {
		return m.namespace == namespace && m.name == name
	})
}

// answersTo are what is done by itself about the alarms of a name.
func answersTo(alarms []judgedAlarm) (found []string) {
	for _, answer := range answers {
		if slices.ContainsFunc(alarms, func(j judgedAlarm) bool { return answer.to(j.in, j.alarm) }) {
			found = append(found, answer.what)
		}
	}
	return found
}

// head is what the templates say of an alarm, above what was written by hand.
func head(name string, alarms []judgedAlarm) string {
	var text strings.Builder
	each := func(of func(judgedAlarm) string) string { return perEnvironment(alarms, of) }
	fmt.Fprintf(&text, "# %s (%s)\n\n", name, alarms[0].severity())
	fmt.Fprintf(&text, "- **Owner**: %s.\n", each(judgedAlarm.owner))
	if children := childPages(alarms); len(children) > 0 {
		fmt.Fprintf(&text, "- **Fires**: while one of %s does.\n", strings.Join(children, ", "))
		fmt.Fprintf(&text, "- **Silent**: %s.\n", each(judgedAlarm.suppressor))
		return text.String() + "\n"
	}
	if windows := windowsOf(alarms); len(windows) > 0 {
		fmt.Fprintf(&text, "- **Fires**: while the budget goes more than %s times as fast as it may, in %s, and in %s.\n", perEnvironment(windows["long"], judgedAlarm.threshold),
			perEnvironment(windows["long"], judgedAlarm.periods), perEnvironment(windows["short"], judgedAlarm.periods))
		fmt.Fprintf(&text, "- **Without data**: %s.\n", perEnvironment(windows["long"], judgedAlarm.silence))
		return text.String() + "\n"
	}
	fmt.Fprintf(&text, "- **Fires**: %s %s, in %s.\n", each(judgedAlarm.compares), each(judgedAlarm.threshold), each(judgedAlarm.periods))
	fmt.Fprintf(&text, "- **Without data**: %s.\n", each(judgedAlarm.silence))
	if page := pageOf(alarms[0].alarm); page != "" {
		fmt.Fprintf(&text, "- **Pages as**: [%s](%s.md); the alarm itself tells those who read warnings.\n", page, page)
	}
	for _, what := range answersTo(alarms) {
		fmt.Fprintf(&text, "- **By itself**: %s.\n", what)
	}
	return text.String() + "\n"
}

// childPages are the runbooks of the alarms that composite ones name, as links.
func childPages(alarms []judgedAlarm) []string {
	found := map[string]bool{}
	for _, j := range alarms {
		for _, child := range childrenOf(j.alarm) {
			for _, alarm := range j.in.where("AWS::CloudWatch::Alarm", "AlarmName", child) {
				found[fmt.Sprintf("[%s](%s.md)", runbookOf(alarm), runbookOf(alarm))] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// windowsOf are the alarms of which the ones of a budget are made, by their end, "long" and "short".
func windowsOf(alarms []judgedAlarm) map[string][]judgedAlarm {
	windows := map[string][]judgedAlarm{}
	for _, j := range alarms {
		if name := j.alarm.text("AlarmName"); j.in.isPart(j.alarm) {
			end := name[strings.LastIndex(name, "-")+1:]
			windows[end] = append(windows[end], j)
		}
	}
	return windows
}

// suppressor says while what a composite alarm pages nobody.
func (j judgedAlarm) suppressor() string {
	arn := j.in.resolve(j.alarm.stack, j.alarm.get("ActionsSuppressor"))
	_, name, found := strings.Cut(arn, ":alarm:"+j.in.environment.Name+"-")
	if !found {
		return "never"
	}
	return fmt.Sprintf("while [%s](%s.md) fires, and %v minutes longer", name, name, j.alarm.number("ActionsSuppressorExtensionPeriod")/60)
}

// perEnvironment is a value that all alarms share, or each value with the environments that have it.
func perEnvironment(alarms []judgedAlarm, of func(judgedAlarm) string) string {
	environments := map[string][]string{}
	for _, j := range alarms {
		if value := of(j); !slices.Contains(environments[value], j.in.environment.Name) {
			environments[value] = append(environments[value], j.in.environment.Name)
		}
	}
	var texts []string
	for _, value := range slices.Sorted(maps.Keys(environments)) {
		if len(environments) == 1 {
			return value
		}
		texts = append(texts, fmt.Sprintf("%s (%s)", value, strings.Join(environments[value], ", ")))
	}
	return strings.Join(texts, ", ")
}

// TestRunbooksAreThoseOfTheAlarms keeps pages and alarms together: no alarm without a page, no page without an alarm, and above
// what was written by hand nothing but what the templates say.
func TestRunbooksAreThoseOfTheAlarms(t *testing.T) {
	alarms := alarmsByRunbook(t)
	pages, err := filepath.Glob(filepath.Join(runbookFolder, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(alarms)) {
		file := filepath.Join(runbookFolder, name+".md")
		page, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("docs/runbooks/%s.md is missing: whoever is paged by the alarm finds nothing", name)
			continue
		}
		at := bytes.Index(page, []byte(runbookSections[0]))
		if at < 0 {
			t.Errorf("docs/runbooks/%s.md does not say what it means", name)
			continue
		}
		compareOrUpdate(t, file, page, append([]byte(head(name, alarms[name])), page[at:]...))
		checkRunbook(t, name, string(page))
	}
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); alarms[name] == nil && name != "README" {
			t.Errorf("docs/runbooks/%s.md belongs to no alarm of any environment: remove it, or add a variant that has the alarm", name)
		}
	}
	compareOrUpdate(t, answersFile, nil, answersPage(alarms))
	file := filepath.Join(runbookFolder, "README.md")
	index, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const title = "## Alarms\n"
	above, below, _ := strings.Cut(string(index), title)
	compareOrUpdate(t, file, index, []byte(above+title+runbookIndex(t, below, alarms)))
}

// compareOrUpdate fails where a document is not what it should be, or makes it so.
func compareOrUpdate(t *testing.T, file string, is, want []byte) {
	t.Helper()
	if is == nil {
		is, _ = os.ReadFile(file) // a document that is not there differs
	}
	switch {
	case bytes.Equal(is, want):
	case *update:
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the templates say: `make golden` writes it", strings.TrimPrefix(file, "../"))
	}
}

var (
	indexed       = regexp.MustCompile(`\]\(([a-z0-9-]+)\.md\)`)
	firstSentence = regexp.MustCompile(`(?s)^.*?[.](\s|$)`)
)

// runbookIndex lists the pages in the order that they have, which says where to begin; new ones come last among their severity. It
// ends with how many alarms each environment has.
func runbookIndex(t *testing.T, before string, alarms map[string][]judgedAlarm) string {
	t.Helper()
	var order []string
	for _, match := range indexed.FindAllStringSubmatch(before, -1) {
		order = append(order, match[1])
	}
	var text strings.Builder
	text.WriteString("| alarm | severity | what it means |\n|---|---|---|\n")
	for _, severity := range []string{"critical", "warning"} {
		names := slices.Sorted(maps.Keys(alarms))
		slices.SortStableFunc(names, func(x, y string) int {
			place := func(name string) int {
				if at := slices.Index(order, name); at >= 0 {
					return at
				}
				return len(order)
			}
			return place(x) - place(y)
		})
		for _, name := range names {
			if alarms[name][0].severity() != severity {
				continue
			}
			page, err := os.ReadFile(filepath.Join(runbookFolder, name+".md"))
			if err != nil {
				continue // said elsewhere
			}
			_, meaning, _ := strings.Cut(string(page), runbookSections[0]+"\n")
			fmt.Fprintf(&text, "| [%s](%s.md) | %s | %s |\n", name, name, severity, strings.Join(strings.Fields(firstSentence.FindString(meaning)), " "))
		}
	}
	text.WriteString("\n## How many\n| environment | critical | warning |\n|---|---|---|\n")
	for _, a := range synthesized(t).assemblies {
		if !a.shipped {
			continue
		}
		count := map[string]int{}
		for _, alarm := range a.all("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm") {
			count[judgedAlarm{a, alarm}.severity()]++
		}
		fmt.Fprintf(&text, "| %s | %d | %d |\n", a.environment.Name, count["critical"], count["warning"])
	}
	return text.String()
}

// answersPage lists what is done without a person.
func answersPage(alarms map[string][]judgedAlarm) []byte {
	var text bytes.Buffer
	text.WriteString(`# What is done without a person

Generated by ` + "`make golden`" + ` from the templates: which alarm wakes what, and what AWS does about that which an alarm watches. Nothing here
deletes data or widens rights; everything is undone by the next deployment or by itself.

| what | about |
|---|---|
`)
	for _, answer := range answers {
		var about []string
		for _, name := range slices.Sorted(maps.Keys(alarms)) {
			if slices.Contains(answersTo(alarms[name]), answer.what) {
				about = append(about, fmt.Sprintf("[%s](runbooks/%s.md)", name, name))
			}
		}
		fmt.Fprintf(&text, "| %s | %s |\n", answer.what, strings.Join(about, ", "))
	}
	text.WriteString(`
Without any alarm: Application Auto Scaling adds tasks by CPU and requests; SQS and EventBridge try a message again, and set it aside
after the last attempt; Secrets Manager tries a rotation again.
`)
	return text.Bytes()
}

// awsCommand is a call of the AWS CLI.
var awsCommand = regexp.MustCompile(`\baws [a-z0-9-]+ [a-z0-9-]+`)

func checkRunbook(t *testing.T, name, page string) {
	t.Helper()
	last := -1
	for _, section := range runbookSections {
		at := strings.Index(page, section+"\n")
		if at <= last {
			t.Errorf("docs/runbooks/%s.md has no section %q in its place", name, section)
		}
		last = at
	}
	if commands := awsCommand.FindAllString(page, -1); len(commands) < 3 {
		t.Errorf("docs/runbooks/%s.md has %d AWS CLI commands, want the three to begin with", name, len(commands))
	}
}

var (
	documentLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	explicit     = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	heading      = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	codeBlock    = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	noAnchor     = regexp.MustCompile(`[^\pL\pN _-]`)
)

// TestLinksOfDocumentsResolve follows every link from one document to a file, and to a heading in it.
func TestLinksOfDocumentsResolve(t *testing.T) {
	var documents []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/*/*.md", "../test/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	anchors := map[string][]string{}
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return codeBlock.ReplaceAllString(string(text), "")
	}
	for _, document := range documents {
		for _, match := range explicit.FindAllStringSubmatch(read(document), -1) {
			anchors[document] = append(anchors[document], match[1])
		}
		for _, match := range heading.FindAllStringSubmatch(read(document), -1) {
			anchors[document] = append(anchors[document], strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
		}
	}
	for _, document := range documents {
		for _, match := range documentLink.FindAllStringSubmatch(read(document), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue // of the web
			}
			file := document
			if target != "" {
				file = filepath.Join(filepath.Dir(document), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which does not exist", strings.TrimPrefix(document, "../"), match[1])
			} else if anchor != "" && strings.HasSuffix(file, ".md") && !slices.Contains(anchors[file], anchor) {
				t.Errorf("%s links to %s, which has no such heading", strings.TrimPrefix(document, "../"), match[1])
			}
		}
	}
}
