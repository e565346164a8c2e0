package diff

import (
	"maps"
	"regexp"
	"slices"

	"peakline/lambda/contract"
)

// released finds the listener rules whose weights a release moves while nobody deploys: those that an ECS service or a
// CodeDeploy deployment group names, those that forward to its target groups, and those that weigh several.
func (s *side) released() map[string]bool {
	groups, rules := map[string]bool{}, map[string]bool{}
	note := func(into map[string]bool, m *meaning, value any) {
		for _, text := range texts(value) {
			if t := s.target(m.stack, text); t != nil {
				into[t.key()] = true
			}
		}
	}
	for _, m := range s.all() {
		switch m.kind() {
		case "AWS::ECS::Service":
			controlled := m.text("DeploymentController.Type") == "CODE_DEPLOY" || m.text("DeploymentController.Type") == "EXTERNAL"
			for _, balancer := range list(m.at("LoadBalancers")) {
				advanced := dig(balancer, "AdvancedConfiguration")
				note(rules, m, dig(advanced, "ProductionListenerRule"))
				note(rules, m, dig(advanced, "TestListenerRule"))
				note(groups, m, dig(advanced, "AlternateTargetGroupArn"))
				if controlled || advanced != nil {
					note(groups, m, dig(balancer, "TargetGroupArn"))
				}
			}
		case "AWS::CodeDeploy::DeploymentGroup":
			for _, pair := range list(m.at("LoadBalancerInfo.TargetGroupPairInfoList")) {
				note(rules, m, dig(pair, "ProdTrafficRoute.ListenerArns"))
				note(rules, m, dig(pair, "TestTrafficRoute.ListenerArns"))
				for _, group := range list(dig(pair, "TargetGroups")) {
					note(groups, m, dig(group, "Name"))
				}
			}
		}
	}
	for _, m := range s.all() {
		actions, isRule := forwarding[m.kind()]
		if !isRule {
			continue
		}
		for _, action := range list(m.at(actions)) {
			forwarded := list(dig(action, "ForwardConfig.TargetGroups"))
			if len(forwarded) > 1 {
				rules[m.key()] = true
			}
			for _, group := range append(forwarded, map[string]any{"TargetGroupArn": dig(action, "TargetGroupArn")}) {
				if t := s.target(m.stack, scalar(dig(group, "TargetGroupArn"))); t != nil && groups[t.key()] {
					rules[m.key()] = true
				}
			}
		}
	}
	return rules
}

// forwarding names, for what forwards requests, the property that says where.
var forwarding = map[string]string{
	"AWS::ElasticLoadBalancingV2::ListenerRule": "Actions",
	"AWS::ElasticLoadBalancingV2::Listener":     "DefaultActions",
}

// releasedImage are the names of the parameters that only releases write.
var releasedImage = regexp.MustCompile("^" + contract.ReleasedImageParameter("[^/]+", "[^/]+") + "$")

// compareTraffic finds what would make CloudFormation write the weights or the image of a template over those of a release:
// whatever changes about such a rule or parameter, tags of the parameter included, since CloudFormation sends all of it.
func (c *comparison) compareTraffic() {
	before, after := c.old.released(), c.new.released()
	for _, o := range c.old.all() {
		if n := c.counterpart(o); n != nil && releasedImage.MatchString(o.text("Name")) {
			touched := c.touched(o, n)
			for _, property := range slices.Sorted(maps.Keys(touched)) {
				c.add(n, EndangersTraffic, "a release wrote the image into this parameter, and CloudFormation would write the template's over it: %s", touched[property])
			}
		}
		if forwarding[o.kind()] == "" || !before[o.key()] && !after[o.key()] {
			continue
		}
		n := c.counterpart(o)
		if n == nil {
			c.add(o, EndangersTraffic, "a release owns this rule, and it is deleted")
			continue
		}
		touched := c.touched(o, n)
		delete(touched, "Tags")
		// A listener that a deployment group names has its own settings; its weights are in its default action.
		if o.kind() == "AWS::ElasticLoadBalancingV2::Listener" && !forwards(o) && !forwards(n) {
			continue
		}
		for _, property := range slices.Sorted(maps.Keys(touched)) {
			c.add(n, EndangersTraffic, "a release owns this rule's weights, and CloudFormation would write the template's: %s", touched[property])
		}
	}
}

func forwards(m *meaning) bool {
	return slices.ContainsFunc(list(m.at(forwarding[m.kind()])), func(action any) bool { return scalar(dig(action, "Type")) == "forward" })
}
