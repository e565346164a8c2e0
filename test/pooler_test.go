package test

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"peakline/config"
	"peakline/lambda/contract"
	"peakline/lambda/pooler"
	"peakline/test/pgbouncer"
)

var poolerRequirements = []requirement{
	{row: "D7", name: "each task of a service with a database has a pooler: no root, no writable file system but a folder in memory, and the service starts once it answers",
		where: hasPoolers,
		check: func(a *assembly, fail failure) {
			a.forEachTask(func(service string, task resource) {
				container := a.container(task, "pooler")
				if a.environment.Services[service].Database == nil {
					if container != nil {
						fail("%s has a pooler, and no database", task)
					}
					return
				}
				for path, want := range map[string]any{
					"ReadonlyRootFilesystem":                true,
					"User":                                  "65532:65532",
					"Essential":                             true,
					"LinuxParameters/Capabilities/Drop/0":   "ALL",
					"LinuxParameters/Tmpfs/0/ContainerPath": pooler.Folder,
					"LogConfiguration/LogDriver":            "awslogs",
				} {
					if got := dig(container, path); got != want {
						fail("the pooler of %s has %s=%v, want %v", task, path, got, want)
					}
				}
				if got := texts(dig(container, "EntryPoint")); !slices.Equal(got, pooler.StartCommand(pooler.Folder)) {
					fail("the pooler of %s starts with %q: that is not what the tests run", task, got)
				}
				if got := texts(dig(container, "HealthCheck/Command")); !slices.Equal(got, append([]string{"CMD"}, pooler.HealthCommand(pooler.Folder)...)) {
					fail("the pooler of %s is healthy by %q: a task whose login ended would stay", task, got)
				}
				if interval, retries := dig(container, "HealthCheck/Interval"), dig(container, "HealthCheck/Retries"); interval != 10.0 || retries != 10.0 {
					fail("the pooler of %s is asked every %v seconds, %v times: one refusal, which counts for a minute, would end the task", task, interval, retries)
				}
				if dig(container, "PortMappings/0") != nil {
					fail("the pooler of %s is reached from outside the task, and asks for no password", task)
				}
				if on := task.get("ContainerDefinitions/0/DependsOn/0"); dig(on, "ContainerName") != "pooler" || dig(on, "Condition") != "HEALTHY" {
					fail("%s does not wait for its pooler: its first requests would fail, and its last ones", task)
				}
			})
		}},
	{row: "D7", name: "the pooler has the settings that the tests run, with the size of its entry, and the region's certificate authorities",
		check: func(a *assembly, fail failure) {
			a.forEachPooler(func(service string, task resource, value func(string) string) {
				size := a.environment.Services[service].Database.PoolSize
				if got, want := value(contract.EnvPoolerSettings), (pooler.Configuration{PoolSize: size}).Settings(); got != want {
					fail("the pooler of %s has the settings\n%s\nwant\n%s", task, got, want)
				}
				roots := x509.NewCertPool()
				if !roots.AppendCertsFromPEM([]byte(value(contract.EnvPoolerRoots))) || strings.Count(value(contract.EnvPoolerRoots), "BEGIN CERTIFICATE") < 3 {
					fail("the pooler of %s does not know the authorities that may sign for the database: a change of them would cut it off", task)
				}
			})
		}},
	{row: "D7", name: "only the pooler has the login, the service's own, and the task ends before the login does",
		check: func(a *assembly, fail failure) {
			a.forEachPooler(func(service string, task resource, value func(string) string) {
				login := a.login(a.environment.Services[service].Database.Schema, contract.ServiceAccess)
				found := map[string]string{}
				for _, entry := range asList(dig(a.container(task, "pooler"), "Secrets")) {
					from := dig(entry, "ValueFrom")
					if !a.mentions(task.stack, from, login) && !a.mentions(task.stack, from, a.attachment(login)) {
						fail("the pooler of %s reads another secret than %s", task, login)
					}
					name, _ := dig(entry, "Name").(string)
					parts := strings.Split(a.resolve(task.stack, from), ":")
					found[name] = parts[max(0, len(parts)-3)]
				}
				if found[contract.EnvPoolerUser] != "username" || found[contract.EnvPoolerPassword] != "password" {
					fail("the pooler of %s gets %v of its secret: it could not log in, or would after a rotation as the wrong role", task, found)
				}
				if !a.mayDecrypt(a.target(task, "ExecutionRoleArn"), a.target(login, "KmsKeyId")) {
					fail("%s may not decrypt %s: no task would start", a.target(task, "ExecutionRoleArn"), login)
				}
				interval := time.Duration(a.environment.Database.CredentialRotationDays) * 24 * time.Hour
				life, err := time.ParseDuration(value(contract.EnvPoolerTaskLife) + "s")
				if err != nil || life > interval-24*time.Hour || life <= 0 {
					fail("a task of %s lives for %s, its login for %s", service, life, interval)
				}
			})
		}},
	{row: "D7", name: "a pooler that is refused, or whose clients wait, is told",
		where: hasPoolers,
		check: func(a *assembly, fail failure) {
			for _, service := range a.environment.DatabaseServices() {
				for name, says := range map[string][]string{"pooler-refused": pooler.Refusals, "pooler-waiting": {"wait"}} {
					alarm := a.alarm(name + "-" + service)
					filters := a.where("AWS::Logs::MetricFilter", "MetricTransformations/0/MetricName", alarm.get("MetricName"))
					read := len(filters) == 1 && !slices.ContainsFunc(says, func(said string) bool {
						return !strings.Contains(filters[0].text("FilterPattern"), strconv.Quote(said))
					})
					if !alarm.exists() || !read {
						fail("%s: alarm %s and %d filters: nobody would hear of it", service, alarm, len(filters))
						continue
					}
					if group := a.target(filters[0], "LogGroupName"); !group.is(a.target(a.task(a.service(service)), "ContainerDefinitions/1/LogConfiguration/Options/awslogs-group")) {
						fail("%s reads the log of %s, where the pooler of %s does not write", filters[0], group, service)
					}
				}
			}
		}},
	{row: "D8", name: "each service with a database finds a writer URL, a reader URL, its pool's size, a lifetime with jitter and its staleness bound",
		check: func(a *assembly, fail failure) {
			a.forEachTask(func(service string, task resource) {
				settings := a.environment.Services[service].Database
				if settings == nil {
					return
				}
				if hasPooler(a, task) {
					for name, want := range map[string]string{
						"DATABASE_AUTHENTICATION": "none",
						"DATABASE_WRITER_URL":     "postgres://service@localhost:6432/rw?sslmode=disable",
						"DATABASE_READER_URL":     "postgres://service@localhost:6432/ro?sslmode=disable",
					} {
						if got := variable(task, name); got != want {
							fail("%s has %s=%v, want %s, as docs/connect-to-the-database.md says", task, name, got, want)
						}
					}
				}
				for name, want := range map[string]string{
					"DATABASE_POOL_SIZE":                 fmt.Sprint(settings.PoolSize),
					"DATABASE_CONNECTION_SECONDS":        "300",
					"DATABASE_CONNECTION_JITTER_SECONDS": "60",
					"DATABASE_STALENESS_MS":              fmt.Sprint(settings.StalenessMilliseconds),
				} {
					if got := variable(task, name); got != want {
						fail("%s has %s=%v, want %s, as docs/connect-to-the-database.md says", task, name, got, want)
					}
				}
			})
		}},
	{row: "D8", name: "rw leads to the writer, ro to the readers, and to the writer for a service that bears less than the lag objective",
		check: func(a *assembly, fail failure) {
			writer, reader := a.cluster().stack.id+"/"+a.cluster().id+".Endpoint.Address", a.cluster().stack.id+"/"+a.cluster().id+".ReadEndpoint.Address"
			a.forEachPooler(func(service string, task resource, value func(string) string) {
				settings := a.environment.Services[service].Database
				port := a.cluster().stack.id + "/" + a.cluster().id + ".Endpoint.Port"
				if a.environment.Database.Engine == config.EngineRDS { // its construct is told the port, and does not ask
					port = "5432"
				}
				c := pooler.Configuration{
					Writer: writer, Reader: reader, Port: port,
					PoolSize: settings.PoolSize, Pinned: settings.StalenessMilliseconds < a.environment.Scaler.LagObjectiveMilliseconds,
				}
				if got := value(contract.EnvPoolerWriter); got != c.WriterConnection() {
					fail("rw of %s is %q, want %q", task, got, c.WriterConnection())
				}
				if got := value(contract.EnvPoolerReader); got != c.ReaderConnection() {
					fail("ro of %s is %q, want %q", task, got, c.ReaderConnection())
				}
			})
		}},
	{row: "U4", name: "no pool is larger than the budget counts",
		check: func(a *assembly, fail failure) {
			a.forEachPooler(func(service string, task resource, value func(string) string) {
				size := fmt.Sprintf("pool_size=%d ", a.environment.Services[service].Database.PoolSize)
				for _, name := range []string{contract.EnvPoolerWriter, contract.EnvPoolerReader} {
					if !strings.Contains(value(name), size) {
						fail("%s of %s is %q, want %s: the database could be asked for more connections than it takes", name, task, value(name), size)
					}
				}
				if most := a.scalableTarget(service).number("MaxCapacity"); most != float64(a.environment.Services[service].Scaling.Max) {
					fail("%s may have %v tasks, the budget counts %d", service, most, a.environment.Services[service].Scaling.Max)
				}
			})
		}},
}

// forEachTask visits the task of each service and those of its schedules.
func (a *assembly) forEachTask(visit func(service string, task resource)) {
	for _, task := range a.servingTasks() {
		if service, ok := variable(task, "SERVICE").(string); ok {
			visit(service, task)
		}
	}
}

// forEachPooler visits the tasks that should have a pooler, with the values of its environment variables.
func (a *assembly) forEachPooler(visit func(service string, task resource, value func(string) string)) {
	a.forEachTask(func(service string, task resource) {
		if a.environment.Services[service].Database == nil || a.environment.UsesProxy() {
			return
		}
		container := a.container(task, "pooler")
		visit(service, task, func(name string) string {
			for _, entry := range asList(dig(container, "Environment")) {
				if dig(entry, "Name") == name {
					return a.resolve(task.stack, dig(entry, "Value"))
				}
			}
			return ""
		})
	})
}

// container is the one of this name; nil where there is none.
func (a *assembly) container(task resource, name string) any {
	for _, container := range task.list("ContainerDefinitions") {
		if dig(container, "Name") == name {
			return container
		}
	}
	return nil
}

// hasPooler tells the tasks that have one.
func hasPooler(a *assembly, task resource) bool { return a.container(task, "pooler") != nil }

// poolerVariable replaces one of the pooler's environment variables.
func poolerVariable(name string, value any) edit {
	return func(a *assembly, task resource) {
		for _, entry := range asList(dig(a.container(task, "pooler"), "Environment")) {
			if dig(entry, "Name") == name {
				entry.(map[string]any)["Value"] = value
			}
		}
	}
}

// The shipped settings are for an image that verifies a list of hosts, or reads would fail altogether.
func TestTheImageOfThePoolerIsOneThatItsSettingsAreFor(t *testing.T) {
	for _, a := range synthesized(t).assemblies {
		a.forEachPooler(func(_ string, task resource, _ func(string) string) {
			image, _ := dig(a.container(task, "pooler"), "Image").(string)
			if _, version, _ := strings.Cut(image, ":"); !pgbouncer.Suffices(version) {
				t.Errorf("%s runs %s, whose settings need PgBouncer 1.25", task, image)
			}
		})
	}
}
