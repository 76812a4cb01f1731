package checks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/markdown"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// style checks pages against the rules that Markdown linters share. A settings file, or a comment in a page, turns each on or off.
var style = validate.Check{
	Name:   "markdown",
	Covers: "Every Markdown page except changelog fragments and files of tests and of others: style. Without a settings file, only rules that change what a reader sees or the target of a link are on; with one, all that it says. [[validate-the-repository]] lists both. The format that towncrier gives the changelog is allowed, such as two blank lines between versions.",
	Rules:  styleRules(),
	Narrow: true,
	Fixes:  true,
	Run: func(ctx context.Context, in *validate.Input) error {
		set := page.All(in.Tree)
		if set.Err != nil {
			return set.Err
		}
		settings, format := styleSettings(in), prescribedIn(in)
		if len(settings.rules) == 0 {
			in.Advise("Rules of markdown: without a file .markdownlint.yaml, only those are on that change the page that a reader sees. In that file, `default: true` switches all on; `default: false` switches all off, and `MD011: true` below it one on.")
		} else {
			in.Advise("Rules of markdown: in the settings file, `MD013: false` switches one off, `MD013: true` on.")
		}
		return validate.Each(ctx, in.Files(".", ".md"), func(name string) error {
			if p := set.Page(name); p != nil && !settings.ignores(name) {
				found := markdown.Lint(p, settings.of(name))
				if name == format.file {
					found = slices.DeleteFunc(found, format.prescribes)
				}
				keepFixes(in, name, found)
				switch of := settings.of(name); {
				case in.Fix:
					reportStyle(in, name, found)
				case of.InFile():
					reportRules(in, name, found, of)
				default:
					reportTogether(in, name, found)
				}
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

// settingsFiles are the names of a settings file, those that markdownlint prefers first. .markdownlint-cli2 has the settings in its key config.
var settingsFiles = []string{
	".markdownlint.jsonc", ".markdownlint.json", ".markdownlint.yaml", ".markdownlint.yml", ".markdownlint-cli2.jsonc", ".markdownlint-cli2.yaml",
}

// folderSettings are the settings by folder; "." is the root.
type folderSettings struct {
	rules   map[string]*markdown.Settings
	ignored map[string][]string // patterns of pages that are not checked, from the folder
}

// of are the settings of a page: those of the nearest folder that has some.
func (s folderSettings) of(name string) *markdown.Settings {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if found := s.rules[dir]; found != nil {
			return found
		}
		if dir == "." {
			return markdown.WithoutFile()
		}
	}
}

// ignores says that the settings leave a page out.
func (s folderSettings) ignores(name string) bool {
	for dir, patterns := range s.ignored {
		rest := name
		if dir != "." {
			below := false
			if rest, below = strings.CutPrefix(name, dir+"/"); !below {
				continue
			}
		}
		if matches, err := patternmatcher.MatchesOrParentMatches(rest, patterns); err == nil && matches {
			return true
		}
	}
	return false
}

// ignoreFile has patterns of pages that are not checked, as in .gitignore.
const ignoreFile = ".markdownlintignore"

// ignoredPages are the patterns of .markdownlintignore: a name without a slash means one in any folder.
func ignoredPages(text string) []string {
	var patterns []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		not := ""
		if line[0] == '!' {
			not, line = "!", line[1:]
		}
		name := strings.TrimSuffix(line, "/")
		if !strings.Contains(name, "/") {
			name = "**/" + name
		}
		patterns = append(patterns, not+strings.TrimPrefix(name, "/"))
	}
	return patterns
}

// styleSettings reads the settings files. If only other folders than the root have one, all other pages have the settings without a file.
func styleSettings(in *validate.Input) folderSettings {
	all := folderSettings{map[string]*markdown.Settings{}, map[string][]string{}}
	if text, ok := in.Text(ignoreFile); ok && in.Has(ignoreFile) {
		all.ignored["."] = ignoredPages(text)
	}
	extended := extendedFiles{in: in, seen: map[string]bool{}}
	for _, base := range settingsFiles {
		for _, name := range in.All(base) {
			dir := path.Dir(name)
			if all.rules[dir] != nil && !strings.Contains(base, "cli2") || in.Foreign(name) {
				continue
			}
			text, ok := in.Text(name)
			if !ok {
				continue
			}
			if strings.HasSuffix(name, ".jsonc") || strings.HasSuffix(name, ".json") {
				text = markdown.WithoutComments(text)
			}
			parse := markdown.ParseSettings
			if strings.Contains(base, "cli2") {
				parse = markdown.ParseCLI
				all.ignored[dir] = append(all.ignored[dir], markdown.Ignores(text)...)
			}
			settings, problems := parse(text, extended.from(dir))
			reportStyle(in, name, problems)
			if settings != nil && all.rules[dir] == nil { // a file of markdownlint-cli2 may have no rules
				all.rules[dir] = settings
			}
		}
	}
	extended.report()
	return all
}

// extendedFiles are the files that settings files extend.
type extendedFiles struct {
	in   *validate.Input
	seen map[string]bool
}

// from reads a file by a path from a folder.
func (e *extendedFiles) from(dir string) markdown.Base {
	return func(target string) (string, markdown.Base, error) {
		name := path.Join(dir, target)
		switch {
		case path.IsAbs(target), strings.HasPrefix(target, "~"), name == "..", strings.HasPrefix(name, "../"):
			return "", nil, errors.New("is outside of the repository")
		case !e.in.Has(name) && strings.HasPrefix(target, "markdownlint/style/"):
			return "", nil, errors.New("the styles of the npm package are not supported: copy the settings into a file of the repository")
		case !e.in.Has(name):
			return "", nil, fmt.Errorf("%s not found: only files of the repository are supported", name)
		case path.Ext(name) == ".toml":
			return "", nil, errors.New("TOML is not supported: write it as YAML or JSON")
		}
		text, ok := e.in.Text(name)
		if !ok {
			return "", nil, fmt.Errorf("%s cannot be read", name)
		}
		e.seen[name] = true
		return text, e.from(path.Dir(name)), nil
	}
}

// report reports the problems of the files that are not settings files of their own.
func (e *extendedFiles) report() {
	for _, name := range slices.Sorted(maps.Keys(e.seen)) {
		text, ok := e.in.Text(name)
		if !ok || slices.Contains(settingsFiles, path.Base(name)) || e.in.Foreign(name) {
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(text), "{") || strings.HasPrefix(strings.TrimSpace(text), "/") {
			text = markdown.WithoutComments(text)
		}
		_, problems := markdown.ParseSettings(text, e.from(path.Dir(name)))
		reportStyle(e.in, name, problems)
	}
}

// keepFixes removes the fixes that may not be made together, or change the shown page.
func keepFixes(in *validate.Input, name string, found []markdown.Problem) {
	var kept []*validate.Fix
	if text, ok := in.Text(name); ok && in.Fix {
		kept = markdown.Fixes(text, found)
	}
	for i := range found {
		if !slices.Contains(kept, found[i].Fix) {
			found[i].Fix = nil
		}
	}
}

func reportStyle(in *validate.Input, name string, problems []markdown.Problem) {
	for _, found := range problems {
		in.Report(validate.Finding{Path: name, Line: found.Line, Column: found.Column, Rule: found.Rule, Message: found.Message, Do: found.Do, Fix: found.Fix})
	}
}

// reportRules reports the problems of a page with settings, which may make them warnings.
func reportRules(in *validate.Input, name string, problems []markdown.Problem, settings *markdown.Settings) {
	for _, found := range problems {
		in.Report(validate.Finding{Path: name, Line: found.Line, Column: found.Column, Rule: found.Rule, Message: found.Message, Do: found.Do, Warning: settings.Warns(found.Rule)})
	}
}

// reportTogether reports the problems of a page without settings: a reader who never asked for a rule gets one finding of it for the page.
func reportTogether(in *validate.Input, name string, problems []markdown.Problem) {
	for _, found := range problems {
		in.Report(validate.Finding{Path: name, Line: found.Line, Column: found.Column, Rule: found.Rule, Message: found.Message, Do: found.Do, Group: found.Rule})
	}
}
