package config

import (
	"fmt"
	"slices"
	"strings"
)

// Safety names something that keeps an environment from harm and that a file may switch off for a written reason.
// Encryption, TLS and IAM authentication are not among them: they cannot be switched off.
type Safety string

// EngineSupport is the safety of an engine version in standard support. An exception for it buys extended support.
const EngineSupport Safety = "engine-support"

// Excepted tells whether the file switches a safety off.
func (e Environment) Excepted(safety Safety) bool {
	return slices.ContainsFunc(e.Exceptions, func(exception Exception) bool { return exception.Safety == safety })
}

// Exception is the written reason for a safety that this file switches off.
type Exception struct {
	// Safety is what is switched off.
	Safety Safety `json:"safety" jsonschema:"required"`
	// Reason is why, for whoever reads the file next.
	Reason string `json:"reason" jsonschema:"required,minLength=10,maxLength=500"`
}

// safety is one row of the table: where it is switched off, and how that is found out.
type safety struct {
	name Safety
	path string // of the value that decides
	// everywhere is for what development environments want too. The others are production's.
	everywhere bool
	// off says what is wrong when the safety is switched off, and what would be right; else it is empty.
	off func(i inspection) string
	// where is for a safety that several values decide: the path of the one that does.
	where func(i inspection) string
}

var safeties = []safety{
	{name: EngineSupport, path: "database.engineVersion", everywhere: true, off: func(i inspection) string {
		engine := engines[i.Database.Engine]
		major, _, known := engine.findMajor(i.Database.EngineVersion)
		return unless(!known || !major.outOfSupport(i.now), "%s left standard support on %s and costs extra, want %s",
			i.Database.EngineVersion, major.supported, engine.currentVersions(i.now))
	}},
	{name: "three-zones", path: "network.zones", off: func(i inspection) string {
		return unless(len(i.Network.Zones) >= 3, "%d entries, want 3", len(i.Network.Zones))
	}},
	{name: "nat-per-zone", path: "network.natGateways", off: func(i inspection) string {
		return unless(i.Network.NATGateways == NATPerZone, "%s, want %s", i.Network.NATGateways, NATPerZone)
	}},
	{name: "flow-logs", path: "network.flowLogs.enabled", off: func(i inspection) string {
		return unless(i.Network.FlowLogs.Enabled, "false, want true")
	}},
	{name: "closed-ingress", path: "network.ingress.from", off: func(i inspection) string {
		return unless(i.Network.Ingress.From != IngressInternet, "%s goes around CloudFront and its firewall, want %s or %s", IngressInternet, IngressCloudFront, IngressCIDRs)
	}},
	{name: "blocking-firewall", path: "firewall.mode", off: func(i inspection) string {
		return unless(i.Firewall.Mode == FirewallBlock || !i.HasEdge() && !i.Public(), "%s lets through what it finds, want %s", FirewallCount, FirewallBlock)
	}},
	{name: "readers-in-two-zones", path: "database.readers", off: func(i inspection) string {
		zones, certain := i.readerZones()
		besideWriter := slices.Contains(zones, i.Database.Writer.Zone) // a rule of its own refuses that
		return unless(len(zones) != 1 || besideWriter || !certain, "all in %s, want readers in at least two zones", strings.Join(zones, ""))
	}},
	{name: "full-speed-instances", path: "database.writer.instanceClass", off: func(i inspection) string {
		burstable := i.burstable()
		return unless(len(burstable) == 0, "%s burstable, throttled once its CPU credits are used up; want db.r classes or %s",
			strings.ReplaceAll(strings.Join(burstable, ", "), "database.", ""), ServerlessClass)
	}, where: func(i inspection) string { return i.burstable()[0] + ".instanceClass" }},
	{name: "awake-instances", path: "database.serverlessCapacity.min", off: func(i inspection) string {
		has, _ := i.serverless()
		return unless(i.Database.ServerlessCapacity.Min > 0 || !has, "0 pauses an idle instance and makes the first request wait, want at least 0.5")
	}},
	{name: "durable-commits", path: "database.synchronousCommit", off: func(i inspection) string {
		return unless(i.Database.SynchronousCommit == "on", "%s loses acknowledged writes in a crash, want on", i.Database.SynchronousCommit)
	}},
	{name: "deletion-protection", path: "database.deletionProtection", off: func(i inspection) string {
		return unless(i.Database.DeletionProtection, "false, want true")
	}},
	{name: "week-of-recovery", path: "database.backup.retentionDays", off: func(i inspection) string {
		return unless(i.Database.Backup.RetentionDays >= 7, "%d, want at least 7", i.Database.Backup.RetentionDays)
	}},
	{name: "backup-plan", path: "database.backup.plan", off: func(i inspection) string {
		return unless(len(i.Database.Backup.Plan.retentions()) > 0, "no rhythm, want dailyDays, weeklyDays or monthlyDays")
	}},
	{name: "backup-copy", path: "database.backup.copyRegion", off: func(i inspection) string {
		if i.Database.Engine == EngineRDS {
			return "missing, and AWS copies no snapshot of a Multi-AZ DB cluster, so that the backups are gone with the region"
		}
		return unless(i.Database.Backup.CopyRegion != "", "missing, want a second region")
	}},
	{name: "vault-lock", path: "database.backup.vaultLock.mode", off: func(i inspection) string {
		return unless(i.Database.Backup.VaultLock.Mode != LockNone, "%s, want %s or %s", LockNone, LockGovernance, LockCompliance)
	}},
	{name: "insights", path: "database.insights.mode", off: func(i inspection) string {
		return unless(i.Database.Insights.Mode != InsightsOff, "%s, want %s or %s", InsightsOff, InsightsStandard, InsightsAdvanced)
	}},
	{name: "enhanced-monitoring", path: "database.monitoringIntervalSeconds", off: func(i inspection) string {
		return unless(i.Database.MonitoringIntervalSeconds > 0, "0, want 1 to 60")
	}},
	{name: "separate-caches", path: "cache.layout", off: func(i inspection) string {
		return unless(i.Cache.Layout == CacheSeparate, "%s lets a full product cache take the room of the sessions, want %s", i.Cache.Layout, CacheSeparate)
	}},
	{name: "cache-failover", path: "cache.replicas", off: func(i inspection) string {
		return unless(len(i.cachesWithoutReplica()) == 0, "0, want at least 1: without a replica there is no failover")
	}, where: func(i inspection) string { return i.cachesWithoutReplica()[0] }},
	{name: "full-speed-caches", path: "cache.nodeType", off: func(i inspection) string {
		return unless(len(i.burstableCaches()) == 0, "burstable, throttled once its CPU credits are used up; want for example cache.m7g.large")
	}, where: func(i inspection) string { return i.burstableCaches()[0] }},
	{name: "second-factor", path: "identity.mfa", off: func(i inspection) string {
		return unless(i.Identity.MFA != MFAOff, "%s, want %s or %s", MFAOff, MFAOptional, MFARequired)
	}},
	{name: "threat-protection", path: "identity.threatProtection", off: func(i inspection) string {
		return unless(i.Identity.ThreatProtection == ThreatsEnforced, "%s lets leaked passwords in, want %s", i.Identity.ThreatProtection, ThreatsEnforced)
	}},
	{name: "own-email", path: "identity.email", off: func(i inspection) string {
		return unless(i.Identity.Email.IdentityARN != "" || !i.sound("identity.email"), "missing, and Cognito itself sends fifty messages a day: nobody else could confirm an account; want identityArn and from of SES")
	}},
	{name: "someone-to-call", path: "notifications.critical", off: func(i inspection) string {
		critical := i.Notifications.Critical
		return unless(critical.TopicARN != "" || len(critical.Emails)+len(critical.Endpoints) > 0 || !i.sound("notifications.critical"), "nobody hears of a critical alarm, want emails, endpoints or topicArn")
	}},
}

// burstable lists the paths of the instances that are and say so themselves, sorted.
func (i inspection) burstable() []string {
	var paths []string
	for path, instance := range i.Database.instances() {
		if hardware, found := Hardware(instance.InstanceClass); found && hardware.Burstable && i.has(path+".instanceClass") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// unless words a complaint when something is not fine.
func unless(fine bool, format string, args ...any) string {
	if fine {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// safetyNames lists what an exception can be for, in the order of the sections.
func safetyNames() []Safety {
	names := make([]Safety, len(safeties))
	for i, s := range safeties {
		names[i] = s.name
	}
	return names
}

var exceptionRules = []rule{
	{"a safety is switched off only for a written reason, and a reason is for a safety that is off", []string{"profile"}, func(i inspection) {
		reasons := map[Safety]string{}
		unclear := i.refused("exceptions")
		for n, exception := range i.Exceptions {
			path := index("exceptions", n)
			if i.refused(path + ".safety") {
				unclear = true // a misspelt safety may be the very one
				continue
			}
			if before, twice := reasons[exception.Safety]; twice {
				i.refuse(path, "%s has its reason in %s already, want one", exception.Safety, before)
				continue
			}
			reasons[exception.Safety] = path
		}
		for _, s := range safeties {
			if i.refused(s.path) {
				continue
			}
			off := ""
			if s.everywhere || i.Profile == Production {
				off = s.off(i)
			}
			reason, excused := reasons[s.name]
			switch {
			case off != "" && !excused && !unclear:
				path := s.path
				if s.where != nil {
					path = s.where(i)
				}
				i.refuse(path, "%s; or give the reason as an exception for the safety %s", off, s.name)
			case off == "" && excused:
				i.refuse(reason, "%s is not switched off in this file, remove the exception", s.name)
			}
		}
	}},
}
