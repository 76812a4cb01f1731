package checks

import (
	"context"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/markdown"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// style checks pages against the rules that Markdown linters share. A settings file, or a comment in a page, turns each on or off.
var style = validate.Check{
	Name:   "markdown",
	Covers: "Every Markdown page except changelog fragments and testdata: style, as .markdownlint.yaml sets it. The format that towncrier gives the changelog is allowed, such as two blank lines between versions.",
	Rules:  styleRules(),
	Narrow: true,
	Run: func(ctx context.Context, in *validate.Input) error {
		set := page.All(in.Tree)
		if set.Err != nil {
			return set.Err
		}
		settings, format := styleSettings(in), prescribedIn(in)
		return validate.Each(ctx, in.Files(".", ".md"), func(name string) error {
			if p := set.Page(name); p != nil {
				found := markdown.Lint(p, settings)
				if name == format.file {
					found = slices.DeleteFunc(found, format.prescribes)
				}
				reportStyle(in, name, found)
			}
			return nil
		})
	},
}

func styleRules() []validate.Rule {
	rules := []validate.Rule{{
		ID: markdown.SettingsRule, What: "The settings are invalid or not supported.", Do: "Correct the settings, or remove the line.",
	}}
	for _, rule := range markdown.Rules {
		rules = append(rules, validate.Rule{ID: rule.ID, What: rule.What, Do: rule.Do})
	}
	return rules
}

// styleSettings reads the repository's settings file: the first of the known names that exists.
func styleSettings(in *validate.Input) *markdown.Settings {
	for _, name := range []string{".markdownlint.yaml", ".markdownlint.yml", ".markdownlint.json"} {
		if text, ok := in.Text(name); ok && in.Has(name) {
			settings, problems := markdown.ParseSettings(text)
			reportStyle(in, name, problems)
			return settings
		}
	}
	return markdown.Defaults()
}

func reportStyle(in *validate.Input, name string, problems []markdown.Problem) {
	for _, found := range problems {
		in.Report(validate.Finding{Path: name, Line: found.Line, Column: found.Column, Rule: found.Rule, Message: found.Message})
	}
}
