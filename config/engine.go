package config

// Engine names what runs PostgreSQL.
type Engine string

// Aurora shares one volume between its instances, and readers come and go; RDS here is a Multi-AZ DB cluster, a writer and
// two readable standbys with a volume each.
const (
	EngineAurora Engine = "aurora-postgres"
	EngineRDS    Engine = "rds-postgres"
)

// engine is what the rules know of an Engine.
type engine struct {
	title    string // as AWS calls it
	example  string // of an instance class
	versions []majorVersion
	families map[string]family
	// classOf is what a class is one of.
	classOf string
	// serverless tells whether there is ServerlessClass.
	serverless bool
}

var engines = map[Engine]engine{
	EngineAurora: {
		title: "Aurora PostgreSQL", example: "db.r8g.large, or " + ServerlessClass,
		versions: auroraVersions, families: auroraFamilies, classOf: "Aurora PostgreSQL", serverless: true,
	},
	EngineRDS: {
		title: "RDS for PostgreSQL", example: "db.r6gd.large",
		versions: rdsVersions, families: multiAZFamilies, classOf: "a Multi-AZ DB cluster",
	},
}
