package leak

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/zricethezav/gitleaks/v8/config"
)

// merge adds settings to gitleaks' own rules if they extend them, as gitleaks does, and compiles the rules of the settings.
func merge(own *config.ViperConfig) (*config.ViperConfig, error) {
	all := &config.ViperConfig{}
	if own.Extend.UseDefault {
		var err error
		if all, err = parse(config.DefaultConfig); err != nil {
			return nil, err
		}
	}
	at := mergeRules(all, own)
	if err := mergeAllowlists(all, own, at); err != nil {
		return nil, err
	}
	for _, r := range own.Rules {
		i := at[r.ID]
		if _, err := translate(&config.ViperConfig{Rules: slices.Clone(all.Rules[i : i+1])}); err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.ID, err)
		}
	}
	for _, id := range own.Extend.DisabledRules {
		if i, known := at[id]; known {
			all.Rules[i].SkipReport = true
		}
	}
	return all, nil
}

// mergeRules returns the index of each rule.
func mergeRules(all, own *config.ViperConfig) map[string]int {
	at := map[string]int{}
	for i := range all.Rules {
		at[all.Rules[i].ID] = i
	}
	for _, r := range own.Rules {
		i, known := at[r.ID]
		if !known {
			at[r.ID] = len(all.Rules)
			all.Rules = append(all.Rules, r)
			continue
		}
		base := &all.Rules[i]
		base.Regex, base.Path = cmp.Or(r.Regex, base.Regex), cmp.Or(r.Path, base.Path)
		base.Entropy, base.SecretGroup = cmp.Or(r.Entropy, base.Entropy), cmp.Or(r.SecretGroup, base.SecretGroup)
		base.Keywords = append(base.Keywords, r.Keywords...)
		base.Allowlists = append(base.Allowlists, r.Allowlists...)
	}
	return at
}

// mergeAllowlists adds the global allowlists, and adds other allowlists to their rules.
func mergeAllowlists(all, own *config.ViperConfig, at map[string]int) error {
	for _, list := range own.Allowlists {
		if len(list.TargetRules) == 0 {
			all.Allowlists = append(all.Allowlists, list)
		}
		for _, id := range list.TargetRules {
			i, known := at[id]
			if !known {
				return fmt.Errorf("an allowlist names the unknown rule %q", id)
			}
			r := &all.Rules[i]
			r.Allowlists = grow(r.Allowlists)
			one := r.Allowlists[len(r.Allowlists)-1]
			one.Description, one.Condition, one.RegexTarget = list.Description, list.Condition, list.RegexTarget
			one.Commits, one.Paths, one.Regexes, one.StopWords = list.Commits, list.Paths, list.Regexes, list.StopWords
		}
	}
	return nil
}

// grow appends an empty item; gitleaks does not export its type.
func grow[T any](list []*T) []*T { return append(list, new(T)) }
