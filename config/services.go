package config

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"peakline/lambda/contract"
)

// Service is one entry of the service catalogue. The catalogue that every environment shares is services.yaml beside the
// environments' folder; an environment file states under the same name what differs there, or adds a service of its own.
// docs/service-contract.md says what the image of a service has to do.
type Service struct {
	// Paths are the path patterns that the load balancer sends to the service: a path, or a prefix and `*`. No two services share one. docs/configuration.md says how to change those of a live service.
	Paths []string `json:"paths" jsonschema:"required,minItems=1,maxItems=5,uniqueItems=true,example=/api/catalog/*"`
	// Priority is the place of the service's listener rule. It is stated, so that another service never renumbers it.
	Priority int `json:"priority" jsonschema:"required,minimum=1,maximum=50000,example=100"`
	// Health says how to find out whether a task can serve.
	Health Health `json:"health" jsonschema:"required"`
	// Owner is the team that the service's alarms are for. By default the owner of the services.
	Owner string `json:"owner,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Port is where the container listens. Default: 8080.
	Port int `json:"port,omitempty" jsonschema:"minimum=1024,maximum=65535"`
	// CPU is in CPU units, 1024 for one vCPU. Default: 512 in production, 256 in development.
	CPU int `json:"cpu,omitempty" jsonschema:"enum=256,enum=512,enum=1024,enum=2048,enum=4096,enum=8192,enum=16384"`
	// MemoryMiB is one of the sizes that Fargate offers for the CPU, for the service and the containers beside it, such as the collector of traces. Default: 1024.
	MemoryMiB int `json:"memoryMiB,omitempty" jsonschema:"minimum=512,maximum=122880"`
	// Environment holds environment variables of the container, none of them secret.
	Environment map[string]string `json:"environment,omitempty"`
	// Secrets names, for each environment variable, the third party's secret (`secrets`) that it holds. No other service can read them.
	Secrets map[string]string `json:"secrets,omitempty"`
	// Database gives the service a schema of its own in the database. Without it the service has none.
	Database *ServiceDatabase `json:"database,omitempty"`
	// SignIn lets the load balancer ask for a sign-in. Without it the service alone judges who asks.
	SignIn *SignIn `json:"signIn,omitempty"`
	// Release is what moves traffic to a new version: `ecs`, ECS itself, blue/green; `codedeploy`, AWS CodeDeploy, blue/green without Service Connect; or `rolling`, ECS task by task, without Service Connect, which `signIn` needs. A live service changes it together with its priority. Default: `ecs`.
	Release Release `json:"release,omitempty" jsonschema:"enum=ecs,enum=codedeploy,enum=rolling"`
	// Shift says how a release takes visitors over.
	Shift Shift `json:"shift,omitempty"`
	// SmokeTest are the requests that a release has to answer before any visitor meets it. Default: the first of `paths`.
	SmokeTest []SmokeTest `json:"smokeTest,omitempty" jsonschema:"minItems=1,maxItems=10"`
	// Migration changes the schema before a release of the service starts. Without it nothing does.
	Migration *Migration `json:"migration,omitempty"`
	// Calls are the services that this one calls. It finds the address of `inventory` in INVENTORY_URL.
	Calls []string `json:"calls,omitempty" jsonschema:"uniqueItems=true,maxItems=50"`
	// Caches are the caches that the service uses. No other service can read their passwords.
	Caches []CachePurpose `json:"caches,omitempty" jsonschema:"uniqueItems=true,enum=sessions,enum=products,enum=rateLimits"`
	// SamplePercent is the least share of the requests to the service that are traced. Default: the one of `tracing`.
	SamplePercent int `json:"samplePercent,omitempty" jsonschema:"minimum=0,maximum=100"`
	// LatencyMilliseconds is the service's share of the time that visitors wait: the response time that at most one of twenty requests to it may exceed. Default: `slos.p95Milliseconds`, and half of it for a service that others call.
	LatencyMilliseconds int `json:"latencyMilliseconds,omitempty" jsonschema:"minimum=5,maximum=60000"`
	// Flags are those of `flags` that the service reads, at FLAGS_URL.
	Flags []string `json:"flags,omitempty" jsonschema:"uniqueItems=true,maxItems=50"`
	// Scaling bounds the number of tasks and says what changes it.
	Scaling ServiceScaling `json:"scaling,omitempty"`
	// Publishes are the domain events that the service puts on the bus.
	Publishes []string `json:"publishes,omitempty" jsonschema:"uniqueItems=true,maxItems=50"`
	// Subscribes are the domain events that the service receives, through a queue of its own.
	Subscribes []string `json:"subscribes,omitempty" jsonschema:"uniqueItems=true,maxItems=50"`
	// Schedules are one-off tasks of the service's image, by name.
	Schedules map[string]Schedule `json:"schedules,omitempty"`
	// StopSeconds is how long a task may finish its work after SIGTERM. Default: 30.
	StopSeconds int `json:"stopSeconds,omitempty" jsonschema:"minimum=2,maximum=120"`
	// DrainSeconds is how long the load balancer leaves open connections, WebSockets say, to a task that it no longer sends new ones. Default: 30.
	DrainSeconds int `json:"drainSeconds,omitempty" jsonschema:"minimum=0,maximum=3600"`
}

// Health is checked twice: by the load balancer over HTTP, and by ECS inside the container.
type Health struct {
	// Path answers 200 while the task can serve.
	Path string `json:"path" jsonschema:"required,pattern=^/[A-Za-z0-9._~/-]*$,maxLength=128,example=/health"`
	// Command is run in the container, 0 means healthy. Default: wget of the path, with the image's own shell.
	Command []string `json:"command,omitempty" jsonschema:"minItems=2,maxItems=20"`
	// GraceSeconds is how long a new task may fail its checks. Default: 60.
	GraceSeconds int `json:"graceSeconds,omitempty" jsonschema:"minimum=10,maximum=300"`
}

// ServiceScaling follows CPU and requests, whichever asks for more tasks.
type ServiceScaling struct {
	// Min is the fewest tasks. Default: 2 in production, 1 in development.
	Min int `json:"min,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// Max is the most tasks. Default: 20 in production, 2 in development.
	Max int `json:"max,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// CPUPercent is the average CPU to aim at. Default: 60.
	CPUPercent int `json:"cpuPercent,omitempty" jsonschema:"minimum=20,maximum=90"`
	// RequestsPerMinute are the requests of one task to aim at. Default: 1000.
	RequestsPerMinute int `json:"requestsPerMinute,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// SpotPercent is the share of the tasks beyond the minimum that run on Fargate Spot, cheap and stopped at two minutes' notice. Default: 0 in production, 100 in development.
	SpotPercent int `json:"spotPercent,omitempty" jsonschema:"minimum=0,maximum=100"`
}

// Schedule starts a task of the service's released image, again and again.
type Schedule struct {
	// EveryMinutes is the time from one start to the next.
	EveryMinutes int `json:"everyMinutes" jsonschema:"required,minimum=1,maximum=1440,example=5"`
	// Command is given to the image's entry point.
	Command []string `json:"command" jsonschema:"required,minItems=1,maxItems=20"`
	// Retries is how often a start that failed is tried again. Default: 2.
	Retries int `json:"retries,omitempty" jsonschema:"minimum=0,maximum=20"`
}

// Secret is what a third party gives: a key, a password. Peakline makes the secret with a value that is none; the real
// one is put in by hand and never stands in a file.
type Secret struct {
	// Description says whose secret it is.
	Description string `json:"description" jsonschema:"required,minLength=3,maxLength=200,example=Key of the payment provider"`
}

func serviceDefaults(profile Profile) Service {
	return Service{
		Port:      8080,
		CPU:       byProfile(profile, 256, 512),
		MemoryMiB: 1024,
		Health:    Health{GraceSeconds: 60},
		Scaling: ServiceScaling{
			Min:               byProfile(profile, 1, 2),
			Max:               byProfile(profile, 2, 20),
			CPUPercent:        60,
			RequestsPerMinute: 1000,
			SpotPercent:       byProfile(profile, 100, 0),
		},
		StopSeconds:  30,
		DrainSeconds: 30,
		Release:      ReleaseECS,
		Shift:        Shift{Kind: ShiftAllAtOnce, BakeMinutes: byProfile(profile, 5, 10)},
	}
}

func scheduleDefaults() Schedule { return Schedule{Retries: 2} }

// catalogueFile is how mistakes in the shared catalogue name it.
const catalogueFile = "config/services.yaml"

//go:embed services.yaml
var catalogueText []byte

// refuseMisspelt finds an entry that is meant for a service of the catalogue: its name is nearly the same, and it has nothing of what a
// service of its own needs.
func (d *document) refuseMisspelt(catalogue *document) {
	shared, _ := catalogue.root["services"].(map[string]any)
	stated, _ := d.root["services"].(map[string]any)
	for name, entry := range stated {
		settings, isMap := entry.(map[string]any)
		own := slices.ContainsFunc([]string{"paths", "priority", "health"}, func(key string) bool { _, has := settings[key]; return has })
		suggestion, near := nearest(name, slices.Sorted(maps.Keys(shared)))
		if _, known := shared[name]; isMap && !known && !own && near {
			d.refuse(join("services", name), "there is no such service in %s, did you mean %s? One of its own wants paths, priority and health", catalogueFile, suggestion)
		}
	}
}

// completeServices fills each entry with the defaults of the profile, which a map cannot have before it is read.
func (e *Environment) completeServices(d *document) {
	stated, _ := d.root["services"].(map[string]any)
	for name := range e.Services {
		service := serviceDefaults(e.Profile)
		fill(&service, stated[name])
		entry, _ := stated[name].(map[string]any)
		schedules, _ := entry["schedules"].(map[string]any)
		for task := range service.Schedules {
			schedule := scheduleDefaults()
			fill(&schedule, schedules[task])
			service.Schedules[task] = schedule
		}
		if service.Database != nil {
			service.Database.complete(name, e.Profile)
		}
		service.Owner = cmp.Or(service.Owner, e.Owners.Services)
		service.Shift.complete()
		if service.Migration != nil {
			service.Migration.complete()
		}
		if len(service.SmokeTest) == 0 && len(service.Paths) > 0 {
			service.SmokeTest = defaultSmokeTest(service.Paths)
		}
		if len(service.Health.Command) == 0 {
			service.Health.Command = []string{"CMD-SHELL", fmt.Sprintf("wget -q -O /dev/null http://localhost:%d%s", service.Port, service.Health.Path)}
		}
		e.Services[name] = service
	}
	e.completeLatencies()
}

// fill overlays what a file states; the values have passed the schema.
func fill(into, stated any) {
	text, err := json.Marshal(stated)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		panic(fmt.Sprintf("decode a service that the schema has accepted: %v", err))
	}
}

// ServiceNames lists the catalogue, sorted.
func (e Environment) ServiceNames() []string { return slices.Sorted(maps.Keys(e.Services)) }

// mostServices is how many fit behind one load balancer: it has 100 target groups, and a service takes two.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const mostServices = 50

// ownVariables are set by the platform (docs/service-contract.md).
var ownVariables = []string{"ENVIRONMENT", "SERVICE", "PORT", "EVENT_BUS", "EVENT_QUEUE_URL", "FLAGS_URL", "AWS_REGION"}

var (
	// secretName is what variables are called that hold a secret.
	secretName = regexp.MustCompile(`(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRETS?|TOKEN|CREDENTIALS?|API_?KEY|PRIVATE_KEY|ACCESS_KEY|ACCESS_KEY_ID|SECRET_KEY)$`)
	// secretValue is what some secrets look like: keys of AWS and others, private keys, an address with a password.
	secretValue = regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@|\b[sr]k_live_|\bgh[pousr]_[A-Za-z0-9]{20}|\bxox[abprs]-`)
)

var serviceRules = []rule{
	{"a service has a name that AWS names can be made of", nil, func(i inspection) {
		if len(i.Services) > mostServices {
			i.refuse("services", "%d entries, want at most %d behind one load balancer", len(i.Services), mostServices)
		}
		i.refuseSharedIDs("services", i.ServiceNames())
		for _, name := range i.ServiceNames() {
			if len(name) > 20 || !namePattern.MatchString(name) {
				i.refuse(join("services", name), "no name that can be used, want at most 20 lower-case letters, digits and single hyphens, a letter first")
			}
			schedules := slices.Sorted(maps.Keys(i.Services[name].Schedules))
			i.refuseSharedIDs(join("services", name)+".schedules", schedules)
			for _, schedule := range schedules {
				if len(schedule) > 20 || !namePattern.MatchString(schedule) {
					i.refuse(join("services", name)+".schedules."+schedule, "no name that can be used, want at most 20 lower-case letters, digits and single hyphens, a letter first")
				}
			}
		}
	}},
	{"CPU and memory are a pair that Fargate offers", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			path, service := join("services", name), i.Services[name]
			if i.sound(path+".cpu", path+".memoryMiB") && !slices.Contains(fargateMemory(service.CPU), service.MemoryMiB) {
				i.refuse(path+".memoryMiB", "%d, but with cpu %d Fargate offers %s", service.MemoryMiB, service.CPU, offered(service.CPU))
			}
		}
	}},
	{"a health check is a command that ECS runs", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			path, command := join("services", name)+".health.command", i.Services[name].Health.Command
			switch {
			case !i.sound(path):
			case command[0] == "CMD-SHELL" && len(command) != 2:
				i.refuse(path, "%d texts after CMD-SHELL, and the shell runs the first alone; want one line, or CMD and the words", len(command)-1)
			case command[0] != "CMD" && command[0] != "CMD-SHELL":
				i.refuse(path, "starts with %q, want CMD and the words of a command, or CMD-SHELL and a line for the shell", shorten(command[0]))
			}
		}
	}},
	{"each path goes to one service", []string{"services.*.paths"}, func(i inspection) {
		type taken struct{ by, pattern string }
		var all []taken
		for _, name := range i.newestLast() {
			for n, pattern := range i.Services[name].Paths {
				path := index(join("services", name)+".paths", n)
				if i.refusePattern(path, pattern) {
					continue
				}
				for _, other := range all {
					if other.by != name && overlap(other.pattern, pattern) {
						i.refuse(path, "%s overlaps %s of services.%s, want paths of its own: which of the two would serve them is chance", pattern, other.pattern, other.by)
					}
				}
				all = append(all, taken{name, pattern})
			}
		}
	}},
	{"each service has a priority of its own", []string{"services.*.priority", "services.*.signIn"}, func(i inspection) {
		by := map[int]string{}
		highest := 0
		for _, service := range i.Services {
			highest = max(highest, service.Priority)
			if service.SignIn != nil {
				highest = max(highest, service.SignIn.Priority)
			}
		}
		for _, name := range i.newestLast() {
			service := i.Services[name]
			take := func(path string, priority int) {
				if other, twice := by[priority]; twice {
					i.refuse(path, "%d is the priority of services.%s, want one that is free, such as %d", priority, other, highest+100)
					return
				}
				by[priority] = name
			}
			take(join("services", name)+".priority", service.Priority)
			if service.SignIn != nil {
				take(join("services", name)+".signIn.priority", service.SignIn.Priority)
			}
		}
	}},
	{"environment variables are named once, and the platform's own are left alone", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			for section, variables := range map[string]map[string]string{"environment": i.Services[name].Environment, "secrets": i.Services[name].Secrets} {
				for variable := range variables {
					path := join("services", name) + "." + section + "." + variable
					_, plain := i.Services[name].Environment[variable]
					callee := slices.IndexFunc(i.Services[name].Calls, func(callee string) bool { return CallVariable(callee) == variable })
					switch {
					case !variableName.MatchString(variable):
						i.refuse(path, "the name is no environment variable's, want capital letters, digits and _, a letter first")
					case slices.Contains(ownVariables, variable):
						i.refuse(path, "set by the platform, want another name than %s", strings.Join(ownVariables, ", "))
					case callee >= 0:
						i.refuse(path, "set by the platform, the address of %s, want another name", i.Services[name].Calls[callee])
					case isTraceVariable(variable):
						i.refuse(path, "set by the platform, which leads the SDK to the collector; want another")
					case strings.HasPrefix(variable, cacheVariables):
						i.refuse(path, "names that start with %s are the platform's, want another", cacheVariables)
					case strings.HasPrefix(variable, contract.DatabaseVariables):
						i.refuse(path, "names that start with %s are the platform's, want another", contract.DatabaseVariables)
					case strings.HasPrefix(variable, contract.IdentityVariables):
						i.refuse(path, "names that start with %s are the platform's, want another", contract.IdentityVariables)
					case section == "secrets" && plain:
						i.refuse(path, "stands in environment too, want it once")
					}
				}
			}
		}
	}},
	{"what is secret stands in Secrets Manager", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			for variable, value := range i.Services[name].Environment {
				public := strings.Contains(variable, "PUBLIC") || strings.Contains(variable, "PUBLISHABLE")
				if secretValue.MatchString(value) || secretName.MatchString(variable) && !public && value != "" {
					i.refuse(join("services", name)+".environment."+variable, "looks like a secret, and whoever may see the task definition would read it; want it in secrets of the service")
				}
			}
		}
	}},
	{"secrets are among those of third parties", []string{"secrets"}, func(i inspection) {
		known := slices.Sorted(maps.Keys(i.Secrets))
		for _, name := range i.ServiceNames() {
			for variable, secret := range i.Services[name].Secrets {
				if !slices.Contains(known, secret) {
					i.refuse(join("services", name)+".secrets."+variable, "%s", unknown("secret", secret, known, "add it to secrets"))
				}
			}
		}
	}},
	{"a third party's secret has a name that Secrets Manager accepts", []string{"secrets"}, func(i inspection) {
		names := slices.Sorted(maps.Keys(i.Secrets))
		i.refuseSharedIDs("secrets", names)
		for _, name := range names {
			if len(name) > 40 || !namePattern.MatchString(name) {
				i.refuse(join("secrets", name), "no name that can be used, want at most 40 lower-case letters, digits and single hyphens, a letter first")
			}
		}
	}},
	{"a subscription is to events that someone publishes", []string{"services.*.publishes", "services.*.subscribes"}, func(i inspection) {
		var known []string
		for _, name := range i.ServiceNames() {
			for n, event := range i.Services[name].Publishes {
				if !eventName.MatchString(event) {
					i.refuse(index(join("services", name)+".publishes", n), "%q is no name of an event, want for example order_placed", shorten(event))
				}
				known = append(known, event)
			}
		}
		slices.Sort(known)
		known = slices.Compact(known)
		for _, name := range i.ServiceNames() {
			for n, event := range i.Services[name].Subscribes {
				if !slices.Contains(known, event) {
					i.refuse(index(join("services", name)+".subscribes", n), "%s", unknown("event", event, known, "let a service publish it"))
				}
			}
		}
	}},
	{"a service's fewest tasks are at most its most", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			path, scaling := join("services", name)+".scaling", i.Services[name].Scaling
			if i.sound(path) && scaling.Min > scaling.Max {
				i.refuse(path+".min", "%d, want at most max, %d", scaling.Min, scaling.Max)
			}
		}
	}},
	{"task floors are within what the service may have", []string{"services.*.scaling"}, func(i inspection) {
		for n, event := range i.Events {
			for _, name := range slices.Sorted(maps.Keys(event.Floors.Tasks)) {
				path, floor := index("events", n)+".floors.tasks."+name, event.Floors.Tasks[name]
				service, known := i.Services[name]
				switch {
				case !known:
					i.refuse(path, "%s", unknown("service", name, i.ServiceNames(), "add it to services"))
				case floor > service.Scaling.Max:
					i.refuse(path, "%d, want at most services.%s.scaling.max, %d", floor, name, service.Scaling.Max)
				case floor < service.Scaling.Min:
					i.refuse(path, "%d, want at least services.%s.scaling.min, %d: a floor counts all tasks", floor, name, service.Scaling.Min)
				}
			}
		}
	}},
}

// hyphenBeforeDigit is what two names may differ in and still become the same id of a resource.
var hyphenBeforeDigit = regexp.MustCompile(`-([0-9])`)

// refuseSharedIDs keeps names apart that the ids of resources do not, such as a-1 and a1.
func (i inspection) refuseSharedIDs(path string, names []string) {
	first := map[string]string{}
	for _, name := range names {
		id := hyphenBeforeDigit.ReplaceAllString(name, "$1")
		if before, twice := first[id]; twice {
			i.refuse(join(path, name), "CloudFormation could not tell it from %s, want a name that differs in more than a hyphen before a digit", before)
		}
		first[id] = name
	}
}

// newestLast lists the services of the shared catalogue before those of the file, which is the one to give way.
func (i inspection) newestLast() []string {
	names := i.ServiceNames()
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(i.at(join("services", b)).file, i.at(join("services", a)).file)
	})
	return names
}

// unknown says that a word is not among the known ones, which was probably meant, and what else to do.
func unknown(what, word string, known []string, remedy string) string {
	if suggestion, near := nearest(word, known); near {
		return fmt.Sprintf("there is no %s %q, did you mean %s?", what, shorten(word), suggestion)
	}
	return fmt.Sprintf("there is no %s %q, want one of %s; or %s", what, shorten(word), strings.Join(known, ", "), remedy)
}
