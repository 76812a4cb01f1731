package markdown

import (
	"bytes"
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderhtml "github.com/yuin/goldmark/renderer/html"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Fixes are the fixes of a page that may be made together. Apart from those that repair what a reader sees (Problem.Repairs), they do not change
// the shown page; a fix that would is left out.
func Fixes(text string, problems []Problem) []*validate.Fix {
	var safe, repairs []*validate.Fix
	for _, p := range problems {
		switch {
		case p.Fix == nil:
		case p.Repairs:
			repairs = append(repairs, p.Fix)
		default:
			safe = append(safe, p.Fix)
		}
	}
	if len(safe) > 0 {
		k := keeper{text: text, shown: shows(text), left: maxRenders}
		safe = k.keep(safe)
	}
	return append(repairs, safe...)
}

// maxRenders is the number of times that a page is rendered for its fixes. The fixes that it leaves out are left to people.
const maxRenders = 200

// keeper finds the fixes that leave the shown page as it is.
type keeper struct {
	text, shown string
	left        int // renders
}

// keep tries fixes that change the page together in halves.
func (k *keeper) keep(fixes []*validate.Fix) []*validate.Fix {
	if made, ok := k.together(fixes); ok {
		return made
	}
	if len(fixes) == 1 || k.left <= 0 {
		return nil
	}
	half := len(fixes) / 2
	kept := append(k.keep(fixes[:half]), k.keep(fixes[half:])...)
	if made, ok := k.together(kept); ok {
		return made
	}
	return kept[:min(len(kept), 1)] // each alone keeps the page; the next round tries the others
}

func (k *keeper) together(fixes []*validate.Fix) (made []*validate.Fix, ok bool) {
	k.left--
	after, made := validate.Edited(k.text, fixes)
	return made, k.left >= 0 && shows(after) == k.shown
}

var renderer = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(renderhtml.WithUnsafe()))
})

var (
	preformatted = regexp.MustCompile(`(?s)<pre[ >].*?</pre>`)
	blanks       = regexp.MustCompile(`[ \n]+`)
)

// shows is the HTML of a page with its frontmatter, and with single spaces outside of code.
func shows(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	at := frontmatterEnd(text)
	var out bytes.Buffer
	if err := renderer().Convert([]byte(text[at:]), &out); err != nil {
		return text // only an equal text shows the same
	}
	shown, from := out.String(), 0
	var b strings.Builder
	b.WriteString(strings.TrimRight(text[:at], "\n") + "\n")
	for _, m := range preformatted.FindAllStringIndex(shown, -1) {
		b.WriteString(blanks.ReplaceAllString(shown[from:m[0]], " "))
		b.WriteString(shown[m[0]:m[1]])
		from = m[1]
	}
	b.WriteString(blanks.ReplaceAllString(shown[from:], " "))
	return strings.TrimSpace(b.String())
}

// fix sets the correction of a problem; nothing for a problem that a comment switched off.
func (q *Problem) fix(edits ...validate.Edit) {
	if q != nil && len(edits) > 0 {
		q.Fix = &validate.Fix{Edits: edits}
	}
}

// repair is fix for a correction that changes the shown page.
func (q *Problem) repair(edits ...validate.Edit) {
	if q.fix(edits...); q != nil {
		q.Repairs = true
	}
}

// end is the line end of the page.
func (d *doc) end() string {
	if strings.Contains(d.body, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// replace edits a part of a line, by indices.
func (d *doc) replace(line, from, to int, text string) validate.Edit {
	return validate.Edit{Start: d.starts[line] + from, End: d.starts[line] + to, New: text}
}

// blankLine puts blank lines above a line, with the signs of the quotes around a block. It is empty inside of items: a list with blank lines
// is shown with more space.
func (d *doc) blankLine(b *block, line, n int) []validate.Edit {
	prefix := ""
	for up := b.parent; up != nil; up = up.parent {
		if up.kind == item || up.kind == list || up.kind == other {
			return nil
		}
	}
	if b.parent != nil && b.parent.kind == quote {
		at, inside := d.content(b.parent, b.first)
		if !inside {
			return nil
		}
		prefix = strings.TrimRight(d.raw[b.first][:at], " \t")
	}
	if line >= len(d.lines) || line < 0 {
		return nil
	}
	return []validate.Edit{d.replace(line, 0, 0, strings.Repeat(prefix+d.end(), n))}
}

// moved indents the lines of an item by delta. It is empty if a line does not begin with enough spaces, or with a tab.
func (d *doc) moved(b *block, delta int) []validate.Edit {
	if b.in(quote) != nil {
		return nil
	}
	var edits []validate.Edit
	for i := b.first; i <= b.last; i++ {
		text := d.raw[i]
		space := len(text) - len(strings.TrimLeft(text, " \t"))
		switch {
		case strings.TrimSpace(text) == "":
		case strings.Contains(text[:space], "\t"):
			return nil
		case delta > 0:
			edits = append(edits, d.replace(i, 0, 0, strings.Repeat(" ", delta)))
		case space >= -delta:
			edits = append(edits, d.replace(i, 0, -delta, ""))
		case i == b.first:
			return nil
		}
	}
	return edits
}
