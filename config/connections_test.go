package config

import "testing"

func TestSmallestInstanceBoundsConnections(t *testing.T) {
	capacity := Capacity{Min: 0.5, Max: 64}
	for name, test := range map[string]struct {
		database Database
		want     int
	}{
		"a small burstable class allows a few hundred": {
			Database{Writer: Instance{InstanceClass: "db.t4g.medium"}}, 396,
		},
		"a large class allows no more than PostgreSQL's ceiling": {
			Database{Writer: Instance{InstanceClass: "db.r8g.8xlarge"}}, 5000,
		},
		"the smallest reader counts, for it may become the writer": {
			Database{Writer: Instance{InstanceClass: "db.r8g.8xlarge"}, Readers: map[string]Instance{"one": {InstanceClass: "db.r8g.large"}}}, 1586,
		},
		"a serverless instance that may shrink to half a unit is capped": {
			Database{Writer: Instance{InstanceClass: ServerlessClass}, ServerlessCapacity: capacity}, 2000,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.database.SmallestInstance().MaxConnections; got != test.want {
				t.Errorf("%d connections, want %d: the alarm on connections would fire too late or for nothing", got, test.want)
			}
		})
	}
}
