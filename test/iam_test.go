package test

import "maps"

// statement is one statement of an IAM policy, with the stack that its references belong to.
type statement struct {
	stack *stack
	where resource
	body  map[string]any
}

func (s statement) actions() []string    { return texts(s.body["Action"]) }
func (s statement) allows() bool         { return s.body["Effect"] == "Allow" }
func (s statement) condition() any       { return s.body["Condition"] }
func (s statement) conditioned() bool    { return s.body["Condition"] != nil }
func (s statement) resources() []any     { return asList(s.body["Resource"]) }
func (s statement) principals() []string { return principals(s.body["Principal"]) }

// statements of a role: its inline policies and those attached to it.
func (a *assembly) statements(role resource) []statement {
	var found []statement
	for _, policy := range role.list("Policies") {
		found = append(found, statementsOf(role, dig(policy, "PolicyDocument"))...)
	}
	for _, policy := range a.all("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy") {
		for _, attached := range policy.list("Roles") {
			if a.targetOf(policy.stack, attached).is(role) {
				found = append(found, statementsOf(policy, policy.get("PolicyDocument"))...)
			}
		}
	}
	return found
}

// statementsOf reads a policy document found in a resource.
func statementsOf(where resource, document any) []statement {
	var found []statement
	for _, body := range asList(dig(document, "Statement")) {
		if body, ok := body.(map[string]any); ok {
			found = append(found, statement{stack: where.stack, where: where, body: body})
		}
	}
	return found
}

// trusted is who may assume a role.
func (a *assembly) trusted(role resource) []string {
	var who []string
	for _, s := range statementsOf(role, role.get("AssumeRolePolicyDocument")) {
		who = append(who, s.principals()...)
	}
	return who
}

// principals flattens the Principal of a statement; "*" stands for everyone.
func principals(value any) []string {
	if named, ok := value.(map[string]any); ok {
		var all []string
		for kind := range maps.Keys(named) {
			all = append(all, texts(named[kind])...)
		}
		return all
	}
	return texts(value)
}

// texts of a string or a list; what is not literal text becomes empty text.
func texts(value any) []string {
	var all []string
	for _, item := range asList(value) {
		text, _ := item.(string)
		all = append(all, text)
	}
	return all
}
