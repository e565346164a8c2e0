package constructs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbackup"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// BackupPlanProps says what is backed up, how often and for how long.
type BackupPlanProps struct {
	Vault awsbackup.BackupVault
	// CopyVaultARNs are vaults, in another region or account, that receive a copy of every recovery point.
	CopyVaultARNs []string
	// DailyDays, WeeklyDays and MonthlyDays are how long the recovery points of each rhythm are kept; 0 leaves it out.
	DailyDays, WeeklyDays, MonthlyDays int
	// StartUTC is the time of day, "05:00".
	StartUTC string
	// ResourceARNs are what the plan backs up.
	ResourceARNs  []*string
	Notifications *Notifications
}

// NewBackupPlan makes the plan and the alarms on its jobs.
func NewBackupPlan(scope construct.Construct, id string, props BackupPlanProps) awsbackup.BackupPlan {
	scope = construct.NewConstruct(scope, jsii.String(id))
	plan := awsbackup.NewBackupPlan(scope, jsii.String("Plan"), &awsbackup.BackupPlanProps{BackupVault: props.Vault})
	hour, minute, _ := strings.Cut(props.StartUTC, ":")
	at := func(day awsevents.CronOptions) awsevents.Schedule {
		day.Hour, day.Minute = jsii.String(hour), jsii.String(minute)
		return awsevents.Schedule_Cron(&day)
	}
	for _, rule := range []struct {
		name string
		days int
		day  awsevents.CronOptions
	}{
		{"daily", props.DailyDays, awsevents.CronOptions{}},
		{"weekly", props.WeeklyDays, awsevents.CronOptions{WeekDay: jsii.String("SUN")}},
		{"monthly", props.MonthlyDays, awsevents.CronOptions{Day: jsii.String("1")}},
	} {
		if rule.days == 0 {
			continue
		}
		plan.AddRule(awsbackup.NewBackupPlanRule(&awsbackup.BackupPlanRuleProps{
			RuleName:           jsii.String(rule.name),
			ScheduleExpression: at(rule.day),
			StartWindow:        awscdk.Duration_Hours(jsii.Number(1)),
			CompletionWindow:   awscdk.Duration_Hours(jsii.Number(6)),
			DeleteAfter:        awscdk.Duration_Days(jsii.Number(rule.days)),
			CopyActions:        copyActions(scope, props.CopyVaultARNs, rule.name, rule.days),
		}))
	}
	resources := make([]awsbackup.BackupResource, len(props.ResourceARNs))
	for i, arn := range props.ResourceARNs {
		resources[i] = awsbackup.BackupResource_FromArn(arn)
	}
	plan.AddSelection(jsii.String("Selection"), &awsbackup.BackupSelectionOptions{Resources: &resources})
	acknowledge(plan, "AWS's own policy for AWS Backup, which knows what a backup of each service takes",
		"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]")
	addBackupAlarms(scope, props)
	return plan
}

func copyActions(scope construct.Construct, vaults []string, rule string, days int) *[]*awsbackup.BackupPlanCopyActionProps {
	var actions []*awsbackup.BackupPlanCopyActionProps
	for i, arn := range vaults {
		id := fmt.Sprintf("%sCopy%d", pascalCase(rule), i+1)
		actions = append(actions, &awsbackup.BackupPlanCopyActionProps{
			DestinationBackupVault: awsbackup.BackupVault_FromBackupVaultArn(scope, jsii.String(id), jsii.String(arn)),
			DeleteAfter:            awscdk.Duration_Days(jsii.Number(days)),
		})
	}
	return &actions
}

// Metrics: https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html
func addBackupAlarms(scope construct.Construct, props BackupPlanProps) {
	inVault := map[string]*string{"BackupVaultName": props.Vault.BackupVaultName()}
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "backup-job-failed", Severity: Warning,
		Summary:    "A backup job failed.",
		Metric:     minutely("AWS/Backup", "NumberOfBackupJobsFailed", "Sum", inVault),
		Comparison: Above, Threshold: 0, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
	})
	if props.DailyDays > 0 {
		NewAlarm(scope, props.Notifications, AlarmProps{
			Name: "backup-missing", Severity: Critical,
			Summary:    "No backup has been completed for 26 hours, though one is due every day.",
			Metric:     orZero(metricEvery(time.Hour, "AWS/Backup", "NumberOfBackupJobsCompleted", "Sum", inVault)),
			Comparison: Below, Threshold: 1, Breaching: 26, Periods: 26, MissingData: MissingIsBreaching,
		})
	}
	if len(props.CopyVaultARNs) > 0 {
		NewAlarm(scope, props.Notifications, AlarmProps{
			Name: "backup-copy-failed", Severity: Warning,
			Summary:    "A copy of a backup to another region or account failed.",
			Metric:     minutely("AWS/Backup", "NumberOfCopyJobsFailed", "Sum", inVault),
			Comparison: Above, Threshold: 0, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
		})
	}
}
