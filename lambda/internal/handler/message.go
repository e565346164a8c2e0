package handler

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
)

// Trigger is what woke the scaler. Every trigger but Drain leads to the same run, which reads everything anew; the
// trigger is for the log.
type Trigger string

// The triggers. The zero value is a payload that the scaler does not know.
const (
	Unknown       Trigger = ""
	Schedule      Trigger = "schedule"
	Alarm         Trigger = "alarm"
	DatabaseEvent Trigger = "database-event"
	Drain         Trigger = "drain"
)

// Message is an invocation's payload, understood.
type Message struct {
	Trigger Trigger
	Subject string    // alarm, event or rule; empty when the payload names none
	Cluster string    // the DB cluster that the payload names; empty when it names none
	At      time.Time // when it happened; zero when the payload does not say

	resource *cfn.Event // of a Drain
}

// envelope is the union of what EventBridge, CloudWatch alarms (direct), SNS and CloudFormation send.
type envelope struct {
	// EventBridge and direct alarms
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Time       string          `json:"time"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
	AlarmARN   string          `json:"alarmArn"`
	AlarmData  alarmData       `json:"alarmData"`
	// SNS, and the two shapes it carries: alarms and RDS event notifications
	Records []struct {
		SNS struct {
			Message string `json:"Message"`
		} `json:"Sns"`
	} `json:"Records"`
	AlarmName       string `json:"AlarmName"`
	StateChangeTime string `json:"StateChangeTime"`
	MetricTrigger   struct {
		Dimensions []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"Dimensions"`
	} `json:"Trigger"`
	EventSource  string `json:"Event Source"`
	EventTime    string `json:"Event Time"`
	EventSubject string `json:"Event Message"`
	SourceID     string `json:"Source ID"`
}

type alarmData struct {
	Name  string `json:"alarmName"`
	State struct {
		Timestamp string `json:"timestamp"`
	} `json:"state"`
	Configuration struct {
		Metrics []struct {
			MetricStat struct {
				Metric struct {
					Dimensions map[string]string `json:"dimensions"`
				} `json:"metric"`
			} `json:"metricStat"`
		} `json:"metrics"`
	} `json:"configuration"`
}

type databaseEvent struct {
	EventID    string `json:"EventID"`
	Message    string `json:"Message"`
	SourceType string `json:"SourceType"`
	SourceID   string `json:"SourceIdentifier"`
}

// deepestEnvelope is how many envelopes are opened: EventBridge in SNS in Lambda is two.
const deepestEnvelope = 3

// ParseMessage understands any payload. One that it does not know is a value, not an error: it still is a wake-up.
func ParseMessage(payload []byte) Message { return parse(payload, deepestEnvelope) }

func parse(payload []byte, depth int) Message {
	var resource cfn.Event
	if json.Unmarshal(payload, &resource) == nil && resource.RequestType != "" && resource.ResponseURL != "" {
		return Message{Trigger: Drain, Subject: string(resource.RequestType), resource: &resource}
	}
	var e envelope
	if json.Unmarshal(payload, &e) != nil {
		return Message{}
	}
	switch {
	case len(e.Records) > 0 && e.Records[0].SNS.Message != "" && depth > 1:
		return parse([]byte(e.Records[0].SNS.Message), depth-1)
	case e.AlarmARN != "" && e.AlarmData.Name != "":
		return e.AlarmData.message()
	case e.DetailType == "Scheduled Event":
		return Message{Trigger: Schedule, Subject: first(e.Resources), At: instant(e.Time)}
	case e.Source == "aws.cloudwatch":
		var alarm alarmData
		_ = json.Unmarshal(e.Detail, &alarm) // what cannot be read stays empty
		return alarm.message()
	case e.Source == "aws.rds":
		var event databaseEvent
		_ = json.Unmarshal(e.Detail, &event) // what cannot be read stays empty
		return event.message(e.Time)
	case e.AlarmName != "":
		message := Message{Trigger: Alarm, Subject: e.AlarmName, At: instant(e.StateChangeTime)}
		for _, dimension := range e.MetricTrigger.Dimensions {
			if dimension.Name == clusterDimension {
				message.Cluster = dimension.Value
			}
		}
		return message
	case e.EventSource == "db-cluster" || e.EventSource == "db-instance":
		return databaseEvent{Message: e.EventSubject, SourceType: e.EventSource, SourceID: e.SourceID}.message(e.EventTime)
	default:
		return Message{}
	}
}

const clusterDimension = "DBClusterIdentifier"

func (a alarmData) message() Message {
	message := Message{Trigger: Alarm, Subject: a.Name, At: instant(a.State.Timestamp)}
	for _, metric := range a.Configuration.Metrics {
		if cluster := metric.MetricStat.Metric.Dimensions[clusterDimension]; cluster != "" {
			message.Cluster = cluster
		}
	}
	return message
}

func (d databaseEvent) message(at string) Message {
	message := Message{Trigger: DatabaseEvent, Subject: d.Message, At: instant(at)}
	if d.SourceType == "CLUSTER" || d.SourceType == "db-cluster" {
		message.Cluster = d.SourceID
	}
	return message
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// instantLayouts are the ways in which the payloads write times. CloudWatch's zone has no colon, which time.Time's own
// JSON decoding refuses.
var instantLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999-0700", "2006-01-02 15:04:05.999"}

func instant(text string) time.Time {
	for _, layout := range instantLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return time.Time{}
}
