package config

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
	// TopicARN is an existing SNS topic of the same region that is used in place of the environment's own. The
	// subscriptions are then that topic's affair, and emails and endpoints stay empty.
	TopicARN string `json:"topicArn,omitempty"`
}
