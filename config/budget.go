package config

import "regexp"

// Budget is what the environment may cost.
type Budget struct {
	// MonthlyUSD is what a month may cost, in US dollars. Who reads warnings is told at 80 % and at 100 % of it, and when AWS expects more. Without it nobody is told: what is normal depends on the traffic.
	MonthlyUSD int `json:"monthlyUsd,omitempty" jsonschema:"minimum=1,maximum=10000000"`
	// AnomalyUSD is what an unusual cost of an AWS service in the account has to amount to before it is told. Without it AWS looks for none.
	AnomalyUSD int `json:"anomalyUsd,omitempty" jsonschema:"minimum=1,maximum=1000000"`
	// AnomalyMonitorARN is the account's monitor of AWS services, which it has once: AWS makes one by itself in newer accounts, and another environment may have made it. Without it this environment makes it.
	AnomalyMonitorARN string `json:"anomalyMonitorArn,omitempty"`
}

var anomalyMonitorARN = regexp.MustCompile(`^arn:aws:ce::([0-9]{12}):anomalymonitor/[0-9a-f-]+$`)

var budgetRules = []rule{
	{"a monitor of unusual costs is the account's own, and is asked for what it finds", []string{"budget", "account"}, func(i inspection) {
		arn := i.Budget.AnomalyMonitorARN
		if arn == "" {
			return
		}
		path, parts := "budget.anomalyMonitorArn", anomalyMonitorARN.FindStringSubmatch(arn)
		switch {
		case i.Budget.AnomalyUSD == 0:
			i.refuse(path, "has no effect without anomalyUsd; remove it, or say from which amount on unusual costs are told")
		case parts == nil:
			i.refuse(path, "%q is no ARN of a monitor, want what aws ce get-anomaly-monitors gives, for example arn:aws:ce::%s:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef", shorten(arn), i.Account)
		case parts[1] != i.Account:
			i.refuse(path, "a monitor of account %s, want one of %s", parts[1], i.Account)
		}
	}},
}

// refuseSecondMonitor lets one environment alone make the account's monitor of AWS services.
func refuseSecondMonitor(other, here loaded) {
	makes := func(l loaded) bool {
		return l.environment.Budget.AnomalyUSD > 0 && l.environment.Budget.AnomalyMonitorARN == "" && l.document.sound("budget", "account")
	}
	if makes(other) && makes(here) && other.environment.Account == here.environment.Account {
		here.document.refuse("budget.anomalyUsd", "makes a second monitor of AWS services in the account, beside environment %s (%s), and AWS allows one; want anomalyMonitorArn with that one's, or no anomalyUsd",
			other.environment.Name, other.document.file)
	}
}
