package config

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
)

// Notifications has one channel for each severity of an alarm.
type Notifications struct {
	// Critical is for what needs a person now, at night too.
	Critical Channel `json:"critical,omitempty"`
	// Warning is for what can wait for working hours.
	Warning Channel `json:"warning,omitempty"`
}

// Channel says where the notifications of one severity go. All of its destinations receive each of them.
type Channel struct {
	// Emails are subscribed to the environment's own topic. Each has to confirm once.
	Emails []string `json:"emails,omitempty" jsonschema:"uniqueItems=true,maxItems=20"`
	// Endpoints are HTTPS addresses, of a paging service say, subscribed to the environment's own topic.
	Endpoints []string `json:"endpoints,omitempty" jsonschema:"uniqueItems=true,maxItems=20"`
	// Slack is a channel that the notifications are written to besides; AWS takes a channel once in an account. Those of the edge, where its region is another, reach the other destinations alone.
	Slack *SlackChannel `json:"slack,omitempty"`
	// TopicARN is an existing SNS topic of the same region that is used in place of the environment's own. The
	// subscriptions are then that topic's affair, and emails and endpoints stay empty.
	TopicARN string `json:"topicArn,omitempty"`
}

// SlackChannel is one of a workspace that Amazon Q Developer in chat applications was let into, once and by hand, in its console.
type SlackChannel struct {
	// Workspace is the id of the workspace, from that console.
	Workspace string `json:"workspace" jsonschema:"required,maxLength=255,pattern=^[0-9A-Z]+$,example=T0123ABCD"`
	// Channel is the id at the end of the channel's link.
	Channel string `json:"channel" jsonschema:"required,maxLength=255,pattern=^[A-Za-z0-9]+$,example=C0123ABCD"`
}

var topicARN = regexp.MustCompile(`^arn:aws:sns:([a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)

var notificationRules = []rule{
	{"destinations are addresses that SNS can deliver to", []string{"region"}, func(i inspection) {
		checkNotifications(i.document, i.Region, i.Notifications)
	}},
}

// channels are the Slack channels that are written to, each with its path.
func (n Notifications) channels() map[SlackChannel]string {
	all := map[SlackChannel]string{}
	for path, channel := range map[string]Channel{"notifications.critical.slack": n.Critical, "notifications.warning.slack": n.Warning} {
		if channel.Slack != nil && (all[*channel.Slack] == "" || path < all[*channel.Slack]) {
			all[*channel.Slack] = path
		}
	}
	return all
}

// refuseSharedChannels lets one environment of an account write to a Slack channel: AWS takes each once.
// https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1155
func refuseSharedChannels(d *document, account string, here Notifications, other Environment) {
	if account != other.Account || !d.sound("account", "notifications") {
		return
	}
	theirs := other.Notifications.channels()
	for channel, path := range here.channels() {
		if _, twice := theirs[channel]; twice {
			d.refuse(path, "channel %s is that of environment %s in the same account, and AWS takes a channel once in an account; want another", channel.Channel, other.Name)
		}
	}
}

// checkNotifications refuses destinations that SNS cannot deliver to from a region.
func checkNotifications(d *document, region string, notifications Notifications) {
	for path, channel := range map[string]Channel{"notifications.critical": notifications.Critical, "notifications.warning": notifications.Warning} {
		for n, email := range channel.Emails {
			if parsed, err := mail.ParseAddress(email); err != nil || parsed.Address != email || !strings.Contains(email, ".") {
				d.refuse(index(path+".emails", n), "%q is no e-mail address, want for example oncall@example.com", shorten(email))
			}
		}
		for n, endpoint := range channel.Endpoints {
			if parsed, err := url.Parse(endpoint); err != nil || parsed.Scheme != "https" || parsed.Hostname() == "" || parsed.User != nil {
				d.refuse(index(path+".endpoints", n), "%q is no HTTPS address, want for example https://events.example.com/alarm, without a password", shorten(endpoint))
			}
		}
		if channel.TopicARN == "" {
			continue
		}
		arn := topicARN.FindStringSubmatch(channel.TopicARN)
		switch {
		case arn == nil:
			d.refuse(path+".topicArn", "%q is no ARN of a standard topic, want for example arn:aws:sns:%s:123456789012:alarms", shorten(channel.TopicARN), region)
		case arn[1] != region:
			d.refuse(path+".topicArn", "a topic in %s, want one in %s: alarms reach their own region only", arn[1], region)
		case len(channel.Emails)+len(channel.Endpoints) > 0:
			d.refuse(path+".topicArn", "given beside emails or endpoints, want one or the other: the subscriptions of an existing topic are not Peakline's")
		}
	}
}
