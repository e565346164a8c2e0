package config

import "math"

// InstanceLimits is what one database instance has to give.
type InstanceLimits struct {
	// MaxConnections is PostgreSQL's max_connections under Aurora's default formula.
	MaxConnections int
	// MemoryBytes is the instance's memory.
	MemoryBytes float64
}

// connectionsAllowed is what the instance takes for sure. A Serverless v2 instance at its smallest has the memory for fewer than it
// promises.
func (l InstanceLimits) connectionsAllowed() int {
	return min(l.MaxConnections, connections(l.MemoryBytes))
}

const (
	gibibyte              = 1 << 30
	gibibytesPerUnit      = 2   // memory of one Aurora capacity unit
	usableMemory          = .88 // DBInstanceClassMemory leaves out what the host and RDS take; AWS's table has 88 to 92 %
	bytesPerConnection    = 9531392
	mostConnections       = 5000
	mostConnectionsPaused = 2000 // of a Serverless v2 instance whose minimum is 0 or 0.5 units
)

// SmallestInstance returns the limits of the least of the file's instances: after a failover it may be the writer.
// A Serverless v2 instance has its connections from its maximum and, for sure, only the memory of its minimum.
// Formula: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html and
// https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
func (db Database) SmallestInstance() InstanceLimits {
	smallest := db.limits(db.Writer)
	for _, reader := range db.Readers {
		limits := db.limits(reader)
		smallest.MaxConnections = min(smallest.MaxConnections, limits.MaxConnections)
		smallest.MemoryBytes = min(smallest.MemoryBytes, limits.MemoryBytes)
	}
	return smallest
}

func (db Database) limits(instance Instance) InstanceLimits {
	if instance.Serverless() {
		capacity := db.ServerlessCapacity
		most := mostConnections
		if capacity.Min <= 0.5 {
			most = mostConnectionsPaused
		}
		return InstanceLimits{
			MaxConnections: min(connections(capacity.Max*gibibytesPerUnit*gibibyte), most),
			MemoryBytes:    max(capacity.Min, 0.5) * gibibytesPerUnit * gibibyte,
		}
	}
	hardware, _ := Hardware(instance.InstanceClass)
	memory := hardware.Gibibytes * gibibyte
	return InstanceLimits{MaxConnections: connections(memory), MemoryBytes: memory}
}

func connections(memoryBytes float64) int {
	return min(int(math.Floor(memoryBytes*usableMemory/bytesPerConnection)), mostConnections)
}
