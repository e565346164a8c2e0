package handler

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// The payloads are AWS's documented examples, shortened.
var payloads = map[string]struct {
	payload string
	want    Message
}{
	"a schedule": {
		`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","time":"2026-11-03T12:00:00Z","resources":["arn:aws:events:eu-west-1:111111111111:rule/every-minute"],"detail":{}}`,
		Message{Trigger: Schedule, Subject: "arn:aws:events:eu-west-1:111111111111:rule/every-minute", At: noon},
	},
	"an alarm, directly, with its zone without a colon": {
		`{"source":"aws.cloudwatch","alarmArn":"arn:aws:cloudwatch:eu-west-1:111111111111:alarm:cpu","accountId":"111111111111","time":"2024-02-17T11:53:08.431+0000","region":"eu-west-1",
		"alarmData":{"alarmName":"cpu","state":{"value":"ALARM","reason":"x","timestamp":"2024-02-17T11:53:08.423+0000"},"previousState":{"value":"OK"},
		"configuration":{"metrics":[{"id":"m","metricStat":{"metric":{"namespace":"AWS/RDS","name":"CPUUtilization","dimensions":{"DBClusterIdentifier":"peakline-prod","Role":"READER"}},"period":60,"stat":"Average"},"returnData":true}]}}}`,
		Message{Trigger: Alarm, Subject: "cpu", Cluster: "peakline-prod", At: time.Date(2024, 2, 17, 11, 53, 8, 423e6, time.UTC)},
	},
	"an alarm through EventBridge": {
		`{"detail-type":"CloudWatch Alarm State Change","source":"aws.cloudwatch","time":"2026-11-03T12:00:00Z","resources":["arn"],
		"detail":{"alarmName":"lag","state":{"value":"OK","timestamp":"2026-11-03T12:00:00.000+0000"},"configuration":{"metrics":[]}}}`,
		Message{Trigger: Alarm, Subject: "lag", At: noon},
	},
	"an alarm in SNS": {
		`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"{\"AlarmName\":\"cpu\",\"NewStateValue\":\"ALARM\",\"StateChangeTime\":\"2026-11-03T12:00:00.000+0000\",\"Trigger\":{\"MetricName\":\"CPUUtilization\",\"Dimensions\":[{\"name\":\"DBClusterIdentifier\",\"value\":\"peakline-prod\"}]}}"}}]}`,
		Message{Trigger: Alarm, Subject: "cpu", Cluster: "peakline-prod", At: noon},
	},
	"a database event through EventBridge": {
		`{"detail-type":"RDS DB Cluster Event","source":"aws.rds","time":"2026-11-03T12:00:00Z","resources":["arn:aws:rds:eu-west-1:111111111111:cluster:peakline-prod"],
		"detail":{"EventCategories":["failover"],"SourceType":"CLUSTER","SourceArn":"arn","Date":"2026-11-03T12:00:00Z","Message":"Completed failover to DB instance: x","SourceIdentifier":"peakline-prod","EventID":"RDS-EVENT-0071"}}`,
		Message{Trigger: DatabaseEvent, Subject: "Completed failover to DB instance: x", Cluster: "peakline-prod", At: noon},
	},
	"a database event in SNS": {
		`{"Records":[{"Sns":{"Message":"{\"Event Source\":\"db-instance\",\"Event Time\":\"2026-11-03 12:00:00.000\",\"Source ID\":\"peakline-prod-writer\",\"Event Message\":\"DB instance restarted\"}"}}]}`,
		Message{Trigger: DatabaseEvent, Subject: "DB instance restarted", At: noon},
	},
	"nothing":                 {``, Message{}},
	"an empty object":         {`{}`, Message{}},
	"no object":               {`[1,2]`, Message{}},
	"a foreign event":         {`{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{}}}`, Message{}},
	"text in SNS":             {`{"Records":[{"Sns":{"Message":"hello"}}]}`, Message{}},
	"records without SNS":     {`{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`, Message{}},
	"fields of another type":  {`{"source":7,"detail-type":[]}`, Message{}},
	"a request without reply": {`{"RequestType":"Delete"}`, Message{}},
}

func TestEveryPayloadIsUnderstoodOrIsAValue(t *testing.T) {
	for name, c := range payloads {
		t.Run(name, func(t *testing.T) {
			got := ParseMessage([]byte(c.payload))
			if !got.At.Equal(c.want.At) {
				t.Errorf("time %v, want %v", got.At, c.want.At)
			}
			got.At, c.want.At = time.Time{}, time.Time{}
			if got != c.want {
				t.Errorf("understood as %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestACustomResourceIsADrain(t *testing.T) {
	got := ParseMessage([]byte(`{"RequestType":"Delete","ResponseURL":"https://example.com","RequestId":"r","LogicalResourceId":"Drain","StackId":"s","ResourceProperties":{"ServiceToken":"x"}}`))
	if got.Trigger != Drain || got.resource.LogicalResourceID != "Drain" {
		t.Errorf("understood as %+v: the stack's deletion would wait an hour for its answer", got)
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, c := range payloads {
		f.Add([]byte(c.payload))
	}
	nested := `{}`
	for range 5 {
		text, _ := json.Marshal(nested)
		nested = `{"Records":[{"Sns":{"Message":` + string(text) + `}}]}`
	}
	f.Add([]byte(nested))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got := ParseMessage(payload)
		if (got.Trigger == Drain) != (got.resource != nil) {
			t.Fatalf("%q: a drain without its resource, or the reverse", payload)
		}
		if got.Trigger == Unknown && (got.Subject != "" || got.Cluster != "") {
			t.Fatalf("%q: unknown, yet it names something: %+v", payload, got)
		}
		if again := ParseMessage(payload); again.Trigger != got.Trigger || strings.Compare(again.Subject, got.Subject) != 0 {
			t.Fatalf("%q is understood in two ways", payload)
		}
	})
}
