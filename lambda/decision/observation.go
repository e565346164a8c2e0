package decision

import "time"

// Sample is one point of a metric: the value over the minute that starts at Minute.
type Sample struct {
	Minute int64 // minutes since the Unix epoch
	Value  float64
}

// Series is a metric's points. Any order, duplicates (the last one counts), gaps, points in the future and values
// that are not numbers are allowed: reading a series cleans it.
type Series []Sample

// Role says whether a member takes writes. The zero value is a reader.
type Role int

const (
	// Reader serves the reader endpoint.
	Reader Role = iota
	// Writer is the primary; it is never deleted.
	Writer
)

// Cluster is what DescribeDBClusters says of the cluster. The zero value is a missing cluster, on which nothing is
// done.
type Cluster struct {
	Status string // AWS's word, for example "available"
	// Serverless says that the readers are Serverless v2: their utilisation is ACUUtilization, not CPU.
	Serverless bool
	// GlobalSecondary marks the secondary of a global database: it has no writer of its own.
	GlobalSecondary bool
	// AutoScalingRegistered says that Application Auto Scaling manages the same cluster; two managers fight, so the
	// decision holds.
	AutoScalingRegistered bool
}

// Member is one instance of the cluster with its recent metrics: DescribeDBClusters' role joined with
// DescribeDBInstances' status.
type Member struct {
	ID     string
	Role   Role
	Status string  // AWS's word, for example "available", "creating"
	Class  string  // "db.r8g.large", "db.serverless"
	VCPU   float64 // 0: derived from Class
	Zone   string  // "us-east-1a"; empty while AWS has not placed it
	Tier   int     // promotion tier 0 to 15; below 2 it is never deleted
	// CreatedAt is when the creation was asked for; zero when unknown, and then a creation never counts as stuck. RDS
	// reports InstanceCreateTime only once the instance is available, so the caller has to remember or tag it.
	CreatedAt time.Time
	// AvailableAt is when the member began to serve (its first CPU point is as good); zero when unknown, which counts
	// as long ago.
	AvailableAt time.Time
	// Owned says that prefix and owner tag are both the scaler's. Anything else is foreign: counted, never deleted.
	Owned bool

	CPU            Series // percent, censored at 100 by CloudWatch
	DBLoad         Series // average active sessions; no points means idle or no Performance Insights
	LagMs          Series // AuroraReplicaLag, milliseconds
	Connections    Series // DatabaseConnections, count
	ACUUtilization Series // percent, Serverless v2 only
}

// Observation is the cluster as one tick sees it. The series need to reach back RecentWindow; what is older belongs
// in the History.
type Observation struct {
	Cluster Cluster
	Members []Member
}

// RecentWindow is how far back an observation's series are read: the trend's ten minutes and CloudWatch's delay.
const RecentWindow = 15 * time.Minute
