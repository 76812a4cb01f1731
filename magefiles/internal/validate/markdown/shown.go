package markdown

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
)

// Shown are the rules that are on without a settings file, each with its reason: a finding changes the page that a reader sees, or the target
// of a link, in the programs that show pages here: Quartz, Forgejo, GitHub and Obsidian. All other rules are about the text of the page, and
// a settings file switches them on.
//
// Seven of them report less than markdownlint does, only the findings that a reader sees: see Settings.shown.
var Shown = map[string]string{
	"MD005": "An item that is indented by too little is shown next to the item above it, not below it.",
	"MD007": "A bullet that is indented by too little below a numbered item ends the numbered list, and is shown as a list of its own. Only these bullets are reported.",
	"MD011": "`(text)[address]` is shown as it is written, without a link.",
	"MD018": "`##Title` is shown as text, not as a heading. `#word` alone, which is a tag in Obsidian, and `#123` are not reported.",
	"MD020": "`##Title##` is shown as text, not as a heading.",
	"MD029": "Numbers count up from the first one: an item with a written 2 may be shown as 3. Only items with another number than the written one are reported.",
	"MD037": "`** text **` is shown with its asterisks, and not in bold. Signs in the middle of words are not reported.",
	"MD042": "A link without an address leads nowhere.",
	"MD045": "A reader who does not see the image gets nothing in its place. Images in tables are not reported: the text of their row describes them.",
	"MD052": "`[text][label]` without a definition is shown with its brackets, without a link.",
	"MD053": "Of two definitions of a label, only the first one counts: links lead elsewhere. Only duplicate definitions are reported.",
	"MD056": "Cells beyond the last column are not shown; a row with too few is often text that belongs below the table. A pipe in a wiki link does not count: Quartz shows the link in one cell. A line of attributes (`{: .table }`), which Jekyll does not show, is not reported.",
}

// WithoutFile are the settings without a settings file: the rules in Shown.
var WithoutFile = sync.OnceValue(func() *Settings {
	s := Defaults().clone()
	s.on, s.shown = 0, true
	for i, rule := range Rules {
		if Shown[rule.ID] != "" {
			s.on |= 1 << i
		}
	}
	return s
})

// onlyShown says that rules report only findings that a reader sees.
func (p *pass) onlyShown() bool { return p.settings.shown }

// splitsList says that a list at the outermost level directly follows another one, and is indented: it was meant to be a part of it.
func (p *pass) splitsList(l *block) bool {
	if unorderedLevel(l) != 0 || p.column(l) == 0 {
		return false
	}
	siblings := l.parent.children
	return l.index > 0 && siblings[l.index-1].kind == list && len(siblings[l.index-1].children) > 0
}

// nest reports an item of a list that splitsList.
func (p *pass) nest(l, b *block) {
	before := l.parent.children[l.index-1]
	above := before.children[len(before.children)-1]
	want := above.node.(*ast.ListItem).Offset
	q := p.add(b.first, 0, "item is indented by %d, so it is not below the item above; expected %d", p.column(b), want)
	if q != nil {
		q.Do = fmt.Sprintf("Indent the item by %d spaces, or write it without indentation below a blank line.", want)
	}
	if want > p.column(b) {
		q.repair(p.moved(b, want-p.column(b))...)
	}
}

// shownNumbers reports the items of a list that are shown with another number. A list whose items all have the same number is counted on
// purpose.
func (p *pass) shownNumbers(l *block) {
	same := true
	for _, b := range l.children {
		same = same && p.number(b) == p.number(l.children[0])
	}
	for i, b := range l.children {
		if is, shown := p.number(b), p.number(l.children[0])+i; is != shown && !same {
			p.add(b.first, p.column(b), "item is numbered %d, but shown as %d", is, shown)
		}
	}
}

var tagOrIssue = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^#[\pL\pN_/-]+$`) })

// isTagLine says that a line is one of Obsidian's tags, or begins with the number of an issue.
func isTagLine(line string) bool {
	if len(line) > 1 && line[0] == '#' && line[1] >= '0' && line[1] <= '9' {
		return true
	}
	for _, word := range strings.Fields(line) {
		if !tagOrIssue().MatchString(word) {
			return false
		}
	}
	return true
}
