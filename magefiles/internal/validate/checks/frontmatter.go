package checks

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// frontmatter checks the frontmatter of pages.
var frontmatter = validate.Check{
	Name:   "frontmatter",
	Covers: "The YAML at the beginning of the documentation's pages: the keys that every page has, title, tags and modified if the setting DocsKeys names no others; aliases; and the keys status and requires, which pages of the section how-to may have. Other keys are free. Documentation that is no wiki needs no frontmatter and no key: a website with a navigation of its own, such as one of MkDocs, Docusaurus, mdBook, Hugo or Sphinx; and, if Quartz does not build it, one of which fewer than half of the pages have frontmatter or wiki links.",
	Rules: []validate.Rule{
		{ID: "none", What: "A page has no frontmatter, or most pages have none.", Do: "Begin the page with title, tags and modified between two lines ---."},
		{ID: "unclosed", What: "The frontmatter has no second line ---, so the whole page is read as frontmatter.", Do: "Close the frontmatter with a line ---."},
		{ID: "syntax", What: "The frontmatter is not a YAML mapping of keys to values.", Do: "Correct the YAML; quote strings that contain a colon, a # or brackets."},
		{ID: "duplicate", What: "The frontmatter contains a key twice.", Do: "Remove one of the two."},
		{ID: "required", What: "A page does not state its title, its tags, the date of its last change or another key of the setting DocsKeys, or most pages do not.", Do: "Add the line, such as modified: YYYY-MM-DD."},
		{ID: "title", What: "A title is not a string.", Do: "Give the page a title."},
		{ID: "tags", What: "Tags are not a list of strings.", Do: "Write tags: [one, two], or a line for each; [] for none."},
		{ID: "modified", What: "The date of the last change is not a date.", Do: "Write YYYY-MM-DD, or that with a time such as 2006-01-02T15:04:05Z."},
		{ID: "aliases", What: "Aliases are not a list of strings.", Do: "Write aliases: [one, two]."},
		{ID: "section", What: "A page has a key that nothing reads in its section.", Do: "Remove the key, or move the page."},
	},
	Fixes: true,
	Run: func(ctx context.Context, in *validate.Input) error {
		set := page.All(in.Tree)
		if set.Err != nil {
			return set.Err
		}
		if in.Site.Docs == "" {
			return nil
		}
		fronts := frontFixes{on: in.Fix, dates: map[string]string{}}
		if in.Fix && in.Dates != nil {
			var err error
			if fronts.dates, err = in.Dates(ctx); err != nil {
				return err
			}
		}
		book := page.Open(in.Tree, in.Site.Docs)
		wiki := isWiki(in, book)
		required := in.Keys
		if wiki && !in.Fix { // a fix is for each page
			required = reportRare(in, book)
		}
		return validate.Each(ctx, in.Files(in.Site.Docs, ".md"), func(name string) error {
			if p := set.Page(name); p != nil && (wiki && len(required) > 0 || p.Front != nil) {
				checkFront(p, strings.TrimPrefix(name, in.Site.Docs+"/"), in.Report, fronts, wiki, required)
			}
			return nil
		})
	},
}

var (
	// sectionKeys are keys that are allowed in one section only.
	sectionKeys = map[string]string{"status": "how-to", "requires": "how-to"}
	keyRules    = map[string]func(*yaml.Node) string{"title": wrongTitle, "tags": wrongList, "modified": wrongDate, "aliases": wrongList}
)

// frontFixes are what fixes need.
type frontFixes struct {
	on    bool
	dates map[string]string // of the last commit of each page
}

func checkFront(p *page.Page, below string, report func(validate.Finding), fixes frontFixes, wiki bool, required []string) {
	found := func(line, column int, rule, format string, args ...any) {
		report(validate.Finding{Path: p.Path, Line: line, Column: column, Rule: rule, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case p.Front == nil:
		found(1, 0, "none", "the page has no frontmatter")
		return
	case p.Front.Err != nil && p.Front.Err.Unclosed:
		found(p.Front.Err.Line, p.Front.Err.Column, "unclosed", "%s", p.Front.Err.Message)
		return
	case p.Front.Err != nil:
		found(p.Front.Err.Line, p.Front.Err.Column, "syntax", "%s", p.Front.Err.Message)
		return
	}
	for _, name := range required {
		if !wiki {
			break
		}
		if key, _ := p.Front.Get(name); key == nil {
			f := validate.Finding{Path: p.Path, Line: 1, Rule: "required", Message: "the frontmatter has no " + name, Do: requiredLine(name)}
			if fixes.on && name == "modified" {
				f.Fix = modifiedFix(p.Text, fixes.dates[p.Path])
			}
			report(f)
		}
	}
	if p.Front.Root == nil {
		return
	}
	section, _, _ := strings.Cut(below, "/")
	for i := 0; i+1 < len(p.Front.Root.Content); i += 2 {
		key, value := p.Front.Root.Content[i], p.Front.Root.Content[i+1]
		if home, bound := sectionKeys[key.Value]; bound && home != section && wiki {
			found(key.Line, key.Column, "section", "%s is only for pages of the section %s", key.Value, home)
		}
		if wrong, known := keyRules[key.Value]; known {
			if message := wrong(frontNode(value)); message != "" {
				f := validate.Finding{Path: p.Path, Line: value.Line, Column: value.Column, Rule: key.Value, Message: key.Value + " " + message}
				if fixes.on && key.Value == "modified" {
					f.Fix = dateFix(p.Text, value)
				}
				report(f)
			}
		}
	}
	duplicateKeys(p.Front.Root, found)
}

// requiredLine says how to write a missing key.
func requiredLine(key string) string {
	example := cmp.Or(map[string]string{"title": "TITLE", "tags": "[TAG]", "modified": "YYYY-MM-DD"}[key], "VALUE")
	return fmt.Sprintf("Add the line %s: %s to the frontmatter.", key, example)
}

// duplicateKeys checks a mapping and the mappings in it.
func duplicateKeys(node *yaml.Node, found func(line, column int, rule, format string, args ...any)) {
	seen := map[string]int{}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.ScalarNode {
			if line := seen[child.Value]; line > 0 {
				found(child.Line, child.Column, "duplicate", "duplicate key %s, first in line %d", child.Value, line)
			} else {
				seen[child.Value] = child.Line
			}
		}
		duplicateKeys(child, found)
	}
}

func frontNode(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func wrongTitle(value *yaml.Node) string {
	switch {
	case value.Kind != yaml.ScalarNode:
		return "is not a string"
	case value.Tag == "!!null" || strings.TrimSpace(value.Value) == "":
		return "is empty"
	}
	return ""
}

func wrongList(value *yaml.Node) string {
	if value.Kind != yaml.SequenceNode {
		return "is not a list"
	}
	for _, item := range value.Content {
		item = frontNode(item)
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" || strings.TrimSpace(item.Value) == "" {
			return fmt.Sprintf("contains %s, which is not a string", frontValue(item))
		}
	}
	return ""
}

func frontValue(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case strings.TrimSpace(node.Value) == "":
		return "nothing"
	}
	return node.Value
}

var dateForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)? ?(?:[Zz]|[+-]\d{2}:?\d{2})?)?$`)
})

func wrongDate(value *yaml.Node) string {
	switch {
	case value.Kind == yaml.ScalarNode && value.Value == "":
		return "is empty"
	case value.Kind == yaml.ScalarNode:
		if m := dateForm().FindStringSubmatch(value.Value); m != nil {
			_, wrongDay := time.Parse(time.DateOnly, m[1])
			_, wrongTime := time.Parse(time.TimeOnly, (m[2] + ":00:00:00")[:len(time.TimeOnly)])
			if wrongDay == nil && (m[2] == "" || wrongTime == nil) {
				return ""
			}
		}
		return fmt.Sprintf("is %q, which is not a date", value.Value)
	}
	return "is not a date"
}
