package leak

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/zricethezav/gitleaks/v8/config"
)

// withoutDescription are the allowlists in the settings without a description.
func withoutDescription(text string, c *config.ViperConfig) (problems []Problem) {
	heads := allowlistHeads(text)
	explained := descriptions(c)
	for i, yes := range explained {
		offset := 0
		if len(heads) == len(explained) {
			offset = heads[i] // otherwise some tables are inline, and the offset is unknown
		}
		if !yes {
			problems = append(problems, Problem{File: SettingsFile, Offset: offset, Reason: true, Message: "an allowlist has no description with a reason"})
		}
	}
	return problems
}

// descriptions says for each allowlist whether it has a description: first those of rules, in the order of the file, then the global ones.
func descriptions(c *config.ViperConfig) (has []bool) {
	for _, r := range c.Rules {
		for _, list := range r.Allowlists {
			has = append(has, strings.TrimSpace(list.Description) != "")
		}
	}
	for _, list := range c.Allowlists {
		has = append(has, strings.TrimSpace(list.Description) != "")
	}
	return has
}

// allowlistHeads are the offsets of the tables of allowlists, in the order of descriptions.
func allowlistHeads(text string) []int {
	var ofRules, one, global []int
	var p unstable.Parser
	p.Reset([]byte(text))
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.Table && e.Kind != unstable.ArrayTable {
			continue
		}
		var keys []string
		offset := 0
		for it := e.Key(); it.Next(); {
			keys = append(keys, strings.ToLower(string(it.Node().Data)))
			offset = int(it.Node().Raw.Offset)
		}
		switch strings.Join(keys, ".") {
		case "rules.allowlist", "rules.allowlists":
			ofRules = append(ofRules, offset)
		case "allowlist":
			one = append(one, offset)
		case "allowlists":
			global = append(global, offset)
		}
	}
	return append(append(ofRules, global...), one...)
}
