package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// shapeCases are about the form of a file, whatever its settings.
var shapeCases = map[string]struct {
	text string
	want []string
}{
	"an empty file":                  {"", []string{"prod.yaml:1:1: empty, want settings of the form \"key: value\""}},
	"a file of comments":             {"# later\n---\n# today\n", []string{"prod.yaml:1:1: empty, want settings of the form \"key: value\""}},
	"a text":                         {"production\n", []string{`prod.yaml:1:1: text "production", want settings of the form "key: value"`}},
	"a list":                         {"- production\n", []string{"prod.yaml:1:1: a list, want settings of the form \"key: value\""}},
	"two documents":                  {valid + "---\n" + valid, []string{"prod.yaml:23:1: 2 YAML documents, want one; put each environment into a file of its own"}},
	"an unclosed bracket":            {strings.Replace(valid, "eu-west-1c]", "eu-west-1c", 1), []string{"prod.yaml:9:1: not YAML: ',' or ']' must be specified; a list that opens with [ closes with ]"}},
	"a missing space":                {strings.Replace(valid, "owner: platform", "owner:platform", 1), []string{"prod.yaml:4:1: not YAML: non-map value is specified; is the space after a colon missing?"}},
	"a line too far right":           {strings.Replace(valid, "  cidr", "   cidr", 1), []string{"prod.yaml:8:3: not YAML: value is not allowed in this context; is the indentation that of the line above?"}},
	"a byte order mark":              {"\ufeff" + valid, nil},
	"carriage returns":               {strings.ReplaceAll(valid, "\n", "\r\n"), nil},
	"a directive":                    {"%YAML 1.2\n---\n" + valid + "...\n", nil},
	"keys and values in quotes":      {strings.Replace(valid, "owner: platform", "\"owner\": 'platform'", 1), nil},
	"a value on several lines":       {strings.Replace(valid, "zones: [eu-west-1a,", "natGateways: single\n  zones: [eu-west-1a,", 1) + "exceptions:\n  - safety: nat-per-zone\n    reason: >-\n      It is\n      cheaper.\n", nil},
	"a window without an end":        {strings.Replace(valid, "  readers:", "  backupWindow: 03:00\n  readers:", 1), []string{`prod.yaml:11:17 database.backupWindow: text "03:00", want for example "03:00-04:00"`}},
	"an account with a leading zero": {strings.Replace(valid, `"333333333333"`, "012345670123", 1), []string{"prod.yaml:2:10 account: 012345670123, want plain digits without a leading zero; or put it in quotes if it is no number"}},
	"one that YAML takes for text":   {strings.Replace(valid, `"333333333333"`, "012345678901", 1), []string{"prod.yaml:2:10 account: 012345678901, want plain digits without a leading zero; or put it in quotes if it is no number"}},
	"a number in octal":              {strings.Replace(valid, "max: 6", "max: 010", 1), []string{"prod.yaml:15:15 scaler.max: 010, want plain digits without a leading zero; or put it in quotes if it is no number"}},
	"a number in hexadecimal":        {strings.Replace(valid, "max: 6", "max: 0xA", 1), []string{"prod.yaml:15:15 scaler.max: 0xA, want plain digits without a leading zero; or put it in quotes if it is no number"}},
	"a quote that stays open":        {strings.Replace(valid, "owner: platform", "owner: \"platform", 1), []string{"prod.yaml:16:33: not YAML: value is not allowed in this context. map key-value is pre-defined; does a quote further up stay open?"}},
	"a tab as indentation":           {strings.Replace(valid, "  cidr", "\tcidr", 1), []string{"prod.yaml:7:1: not YAML: found character '\t' that cannot start any token; YAML indents with spaces, never with tabs"}},
	"a key without a value":          {strings.Replace(valid, "owner: platform", "owner:", 1), []string{"prod.yaml:4:1 owner: nothing, want text"}},
	"a section without values":       {strings.Replace(valid, "scaler: {max: 6}", "scaler:", 1), []string{"prod.yaml:15:1 scaler: nothing, want a mapping"}},
	"a key twice": {strings.Replace(valid, "owner: platform", "owner: platform\nregion: us-east-1", 1),
		[]string{"prod.yaml:5:1 region: stands here a second time, first on line 3, want it once"}},
	"a reader twice": {strings.Replace(valid, "    two:", "    one:", 1),
		[]string{"prod.yaml:13:5 database.readers.one: stands here a second time, first on line 12, want it once"}},
	"an anchor and its alias": {strings.Replace(strings.Replace(valid, "one: {", "one: &a {", 1), "two: {zone: eu-west-1c}", "two: *a", 1), []string{
		"prod.yaml:12:10 database.readers.one: a YAML anchor or alias, want the value itself: profiles are what environments share",
		"prod.yaml:13:10 database.readers.two: a YAML anchor or alias, want the value itself: profiles are what environments share"}},
	"a merge key": {strings.Replace(valid, "one: {zone: eu-west-1b}", "one:\n      <<: {zone: eu-west-1b}\n      zone: eu-west-1b", 1),
		[]string{"prod.yaml:13:7 database.readers.one: YAML syntax that environment files do without, want a plain key"}},
	"a tag": {strings.Replace(valid, "owner: platform", "owner: !!binary platform", 1),
		[]string{"prod.yaml:4:8 owner: the YAML tag !!binary, want a plain value"}},
	"a number that is infinite": {strings.Replace(valid, "{max: 6}", "{max: .inf}", 1), []string{`prod.yaml:15:15 scaler.max: text ".inf", want a whole number`}},
	"an unknown key": {strings.Replace(valid, "owner: platform", "owner: platform\nbananas: 3", 1),
		[]string{"prod.yaml:5:1 bananas: unknown key, want one of account, budget, bus, cache, canary, database, edge, events, exceptions, featureFlags, firewall, flags, identity, loadBalancer, network, notifications, owner, owners, profile, region, scaler, secrets, services, slos, storage, tags, tracing, waivers"}},
	"a key in other letters is not taken for the real one": {strings.Replace(valid, "  zones: [", "  flowlogs: true\n  zones: [", 1),
		[]string{"prod.yaml:8:3 network.flowlogs: unknown key, did you mean flowLogs?"}},
	"a misspelt key that is required is reported once": {strings.Replace(valid, "region:", "regoin:", 1),
		[]string{"prod.yaml:3:1 regoin: unknown key, did you mean region?"}},
	"a misspelt key in a reader": {strings.Replace(valid, "one: {zone", "one: {Zone", 1),
		[]string{"prod.yaml:12:11 database.readers.one.Zone: unknown key, did you mean zone?"}},
	"required keys that are missing": {"profile: production\n", []string{
		`prod.yaml:1:1 account: missing, and it has no default; want for example "123456789012"`, "prod.yaml:1:1 database: missing, and it has no default",
		"prod.yaml:1:1 identity.email: missing, and Cognito itself sends fifty messages a day: nobody else could confirm an account; want identityArn and from of SES; or give the reason as an exception for the safety own-email",
		"prod.yaml:1:1 identity.mobile.callbackUrls: missing; want at least one address such as com.example.shop://auth/callback",
		"prod.yaml:1:1 identity.web.callbackUrls: missing; want at least one address such as https://www.example.com/auth/callback",
		"prod.yaml:1:1 network: missing, and it has no default", "prod.yaml:1:1 notifications.critical: nobody hears of a critical alarm, want emails, endpoints or topicArn; or give the reason as an exception for the safety someone-to-call",
		`prod.yaml:1:1 owner: missing, and it has no default; want for example "platform"`,
		"prod.yaml:1:1 region: missing, and it has no default"}},
	"an account without quotes": {strings.Replace(valid, `"333333333333"`, "333333333333", 1),
		[]string{"prod.yaml:2:10 account: number 333333333333, want text: put it in quotes"}},
	"a version without quotes": {strings.Replace(valid, "  readers:", "  engineVersion: 17.10\n  readers:", 1),
		[]string{"prod.yaml:11:18 database.engineVersion: number 17.1, want text: put it in quotes"}},
	"an account that is too short": {strings.Replace(valid, "333333333333", "33333333333", 1),
		[]string{`prod.yaml:2:10 account: text "33333333333", want for example "123456789012"`}},
	"a region that AWS does not have": {strings.Replace(valid, "region: eu-west-1", "region: eu-wset-1", 1),
		[]string{`prod.yaml:3:9 region: text "eu-wset-1", did you mean eu-west-1? There are: ` + strings.Join(regionNames(), ", ")}},
	"a profile that is none silences what depends on it": {strings.Replace(valid, "profile: production", "profile: prod", 1),
		[]string{`prod.yaml:1:10 profile: text "prod", want one of development, production`}},
	"capacity units out of steps": {strings.Replace(strings.Replace(valid, "db.r8g.large", "db.serverless", 1), "  readers:", "  serverlessCapacity: {min: 0.3, max: 256.5}\n  readers:", 1), []string{
		"prod.yaml:11:29 database.serverlessCapacity.min: 0.3, want 0 to 256 in steps of 0.5",
		"prod.yaml:11:39 database.serverlessCapacity.max: 256.5, want 1 to 256 in steps of 0.5"}},
	"one zone": {strings.Replace(valid, "[eu-west-1a, eu-west-1b, eu-west-1c]", "[eu-west-1a]", 1),
		[]string{"prod.yaml:8:3 network.zones: 1 entry, want 2 to 3"}},
	"a log retention that CloudWatch does not offer": {strings.Replace(valid, "  readers:", "  logRetentionDays: 31\n  readers:", 1),
		[]string{"prod.yaml:11:21 database.logRetentionDays: number 31, want one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"}},
	"mistakes of every kind at once, in the order of the file": {
		strings.NewReplacer("profile: production", "profile: prod-uction", "owner: platform", "onwer: platform", "10.30.0.0/16", "10.30.0.1/16", "max: 6", "max: 99").Replace(valid), []string{
			`prod.yaml:1:10 profile: text "prod-uction", did you mean production? There are: development, production`,
			"prod.yaml:4:1 onwer: unknown key, did you mean owner?",
			`prod.yaml:7:9 network.cidr: "10.30.0.1/16": bits set behind the prefix, want 10.30.0.0/16`,
			"prod.yaml:15:15 scaler.max: 99, want 1 to 15"}},
}

func TestTheFormOfAFile(t *testing.T) {
	for name, c := range shapeCases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, mistake := range mistakesOf(c.text) {
				got = append(got, mistake.Error())
			}
			matches := func(got, want string) bool {
				return got == want || strings.HasSuffix(want, ": ") && strings.HasPrefix(got, want)
			}
			if !slices.EqualFunc(got, c.want, matches) {
				t.Errorf("an operator reads the wrong thing\n got %s\nwant %s\nof\n%s", strings.Join(got, "\n     "), strings.Join(c.want, "\n     "), c.text)
			}
		})
	}
}

func TestAHostileFileIsRefusedQuickly(t *testing.T) {
	for name, text := range map[string]string{
		"deep flow lists":         "a: " + strings.Repeat("[", 30_000),
		"deep flow maps":          strings.Repeat("{a: ", 15_000),
		"deep block lists":        strings.Repeat("- ", 30_000) + "a",
		"deep block maps":         deepBlock(300),
		"deep explicit keys":      strings.Repeat("? ", 30_000) + "a",
		"a bomb of aliases":       "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
		"a file that is too long": strings.Repeat("# comment\n", maxFileBytes),
		"brackets in quotes":      `a: "` + strings.Repeat("[", 1000) + "\"\n",
		"a long key":              strings.Repeat("k", 60_000) + ": 1",
		"many keys":               strings.Join(numbered("k%d: 1", 5000), "\n"),
		"not UTF-8":               "owner: \xff\xfe\n\x00: \x80",
	} {
		t.Run(name, func(t *testing.T) {
			mistakes := mistakesOf(text)
			if len(mistakes) == 0 {
				t.Errorf("it is accepted")
			}
			for _, mistake := range mistakes {
				if len(mistake.Error()) > 200_000 {
					t.Errorf("a message of %d characters", len(mistake.Error()))
				}
			}
		})
	}
}

func deepBlock(levels int) string {
	var text strings.Builder
	for level := range levels {
		fmt.Fprintf(&text, "%sa:\n", strings.Repeat(" ", level))
	}
	return text.String()
}

// TestEveryOptionRefusesAWrongType replaces each value of the worked examples by one of another type.
func TestEveryOptionRefusesAWrongType(t *testing.T) {
	for n, example := range workedExamples(t) {
		d := parse("example.yaml", environmentSchema(), []byte(example))
		for _, path := range slices.Sorted(maps.Keys(d.places)) {
			value, isLeaf := leaf(d, path)
			if !isLeaf {
				continue
			}
			wrong := "[wrong]"
			if _, isText := value.(string); !isText {
				wrong = `"wrong"`
			}
			mistakes := mistakesOf(replaceAt(example, d.places[path], wrong))
			if len(mistakes) != 1 || mistakes[0].Path != path || !strings.Contains(mistakes[0].Text, "want") {
				t.Errorf("example %d: %s is %s in place of %v; want that refused and nothing because of it: %v", n+1, path, wrong, value, mistakes)
			}
		}
	}
}

// TestEveryNumberHasBounds sets each number of the worked examples to what no environment can mean.
func TestEveryNumberHasBounds(t *testing.T) {
	for n, example := range workedExamples(t) {
		d := parse("example.yaml", environmentSchema(), []byte(example))
		for path, p := range d.places {
			value, isLeaf := leaf(d, path)
			_, isText := value.(string)
			_, isBool := value.(bool)
			if !isLeaf || isText || isBool {
				continue
			}
			for _, wrong := range []string{"-1", "99999999999", "1e300", "0.123"} {
				if wrong == "0.123" && (path == "scaler.riskPercent") {
					continue
				}
				text := replaceAt(example, p, wrong)
				if !slices.ContainsFunc(mistakesOf(text), func(m Mistake) bool { return m.Path == path }) {
					t.Errorf("example %d: %s accepts %s", n+1, path, wrong)
				}
			}
		}
	}
}

// leaf finds a scalar of the document by its path.
func leaf(d *document, path string) (value any, isLeaf bool) {
	var find func(at string, v any) (any, bool)
	find = func(at string, v any) (any, bool) {
		if at == path {
			switch v.(type) {
			case map[string]any, []any:
				return nil, false
			}
			return v, true
		}
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				if found, ok := find(join(at, key), inner); ok {
					return found, true
				}
			}
		case []any:
			for i, inner := range v {
				if found, ok := find(index(at, i), inner); ok {
					return found, true
				}
			}
		}
		return nil, false
	}
	return find("", d.root)
}

// replaceAt replaces the scalar that stands at a place.
func replaceAt(text string, p place, by string) string {
	lines := strings.Split(text, "\n")
	line := lines[p.line-1]
	before, rest := line[:p.column-1], line[p.column-1:]
	end := len(rest)
	if rest[0] == '"' {
		end = strings.Index(rest[1:], `"`) + 2
	} else if at := strings.IndexAny(rest, ",}]#"); at >= 0 {
		end = at
	}
	lines[p.line-1] = before + by + rest[end:]
	return strings.Join(lines, "\n")
}

func TestNearestFindsTheSlipAndNothingElse(t *testing.T) {
	for word, want := range map[string]string{"prdo": "prod", "stagin": "staging", "PROD": "prod", "production": "", "x": "", "": "", "loca1": "local"} {
		if got, _ := nearest(word, []string{"dev", "local", "prod", "staging"}); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestWallClock(t *testing.T) {
	for name, c := range map[string]struct{ text, zone, want string }{
		"winter":                                 {"2026-11-27T00:00", "Europe/Berlin", "2026-11-26T23:00:00Z"},
		"summer":                                 {"2026-07-01T00:00", "Europe/Berlin", "2026-06-30T22:00:00Z"},
		"the repeated hour means its first pass": {"2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00Z"},
		"the repeated hour in America":           {"2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00Z"},
		"half an hour repeated":                  {"2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"},
		"the hour after the repeated one":        {"2026-10-25T03:00", "Europe/Berlin", "2026-10-25T02:00:00Z"},
		"the skipped hour is refused":            {"2026-03-29T02:30", "Europe/Berlin", ""},
		"the first minute after it is not":       {"2026-03-29T03:00", "Europe/Berlin", "2026-03-29T01:00:00Z"},
		"a skipped day":                          {"2011-12-30T12:00", "Pacific/Apia", ""},
		"no leap day":                            {"2027-02-29T00:00", "UTC", ""},
		"seconds":                                {"2026-11-27T00:00:00", "UTC", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wallClock(c.text, c.zone)
			switch {
			case c.want == "" && err == nil:
				t.Errorf("%s in %s is taken for %s", c.text, c.zone, got)
			case c.want != "" && (err != nil || got.UTC().Format(time.RFC3339) != c.want):
				t.Errorf("%s in %s is %s (%v), want %s", c.text, c.zone, got.UTC(), err, c.want)
			}
		})
	}
}

// FuzzLoad feeds whatever is found to the whole of Load: it must neither panic nor hang, and what it accepts must be
// complete and survive being written and read again.
func FuzzLoad(f *testing.F) {
	f.Add(valid)
	for _, c := range shapeCases {
		f.Add(c.text)
	}
	for _, seed := range []string{"a: [1, {b: !!str x}]", "? {a: b}\n: c", "%YAML 1.2\n---\na", "a: |\n  b\n c", "\"\\uD800\": 1", "- - - a: &x\n  <<: *x", "database: {readers: {'a.b[0]': {zone: x}}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := read("fuzz.yaml", "fuzz", []byte(text), today)
		checkTogether([]loaded{l, read("prod.yaml", "prod", []byte(valid), today)}, "")
		if err := l.document.err(); err != nil {
			_ = err.Error()
			return
		}
		e := l.environment
		if len(e.Database.Readers) == 0 || e.Scaler.Min < 1 || e.Network.Subnets.PrivatePrefix == 0 || math.IsNaN(e.Scaler.CapPercent) {
			t.Errorf("accepted and incomplete: %+v", e)
		}
		if err := e.ReplicaPolicy().Validate(); err != nil {
			t.Errorf("accepted, but the scaler refuses its policy: %v", err)
		}
		if _, err := json.Marshal(e); err != nil {
			t.Errorf("accepted, but cannot be written: %v", err)
		}
	})
}
