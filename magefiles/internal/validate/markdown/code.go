package markdown

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// info is the text after the signs that open a fence.
func (d *doc) info(b *block) string {
	n, ok := b.node.(*ast.FencedCodeBlock)
	if !ok || n.Info == nil {
		return ""
	}
	return strings.TrimSpace(d.body[n.Info.Segment.Start:n.Info.Segment.Stop])
}

func commandsShowOutput(p *pass) {
	for _, b := range p.all {
		if b.kind != fenced && b.kind != indented {
			continue
		}
		var found []int
		lines := b.node.Lines()
		for i := range lines.Len() {
			segment := lines.At(i)
			text := strings.TrimRight(p.body[segment.Start:segment.Stop], "\r\n")
			if text == "" {
				continue
			}
			command := strings.TrimLeft(text, " \t")
			if len(command) < 2 || command[0] != '$' || command[1] != ' ' && command[1] != '\t' {
				found = nil
				break
			}
			found = append(found, segment.Start+len(text)-len(command))
		}
		for _, offset := range found {
			p.addAt(offset, "$ before a command without its output")
		}
	}
}

func blanksAroundFences(p *pass) {
	for _, b := range p.of[fenced] {
		if !p.options.yes("list_items") && b.in(list) != nil {
			continue
		}
		if !p.blank(b.first - 1) {
			p.add(b.first, -1, "no blank line above the code").fix(p.blankLine(b, b.first, 1)...)
		}
		if !p.blank(b.last+1) && !p.blank(b.last) {
			p.add(b.last, -1, "no blank line below the code").fix(p.blankLine(b, b.last+1, 1)...)
		}
	}
}

func noSpaceInCode(p *pass) {
	for _, s := range p.spans {
		if s.form != code {
			continue
		}
		n := run(p.body, s.start)
		p.codeSpaces(s.start+n, s.end-n)
	}
}

// codeSpaces checks the code between two offsets. One space at both ends is allowed and is not part of the code.
func (p *pass) codeSpaces(start, end int) {
	if start >= end || strings.TrimSpace(p.body[start:end]) == "" {
		return
	}
	padded := isAnySpace(p.body[start]) && isAnySpace(p.body[end-1])
	if padded {
		start, end = start+1, end-1
	}
	text := p.body[start:end]
	inner := strings.TrimLeft(text, " \t")
	before, after := len(text)-len(inner), len(text)-len(strings.TrimRight(text, " \t"))
	tickFirst, tickLast := strings.HasPrefix(inner, "`"), strings.HasSuffix(strings.TrimRight(text, " \t"), "`")
	if before > 0 && (inner[0] == '\n' || inner[0] == '\r') || padded && p.body[start-1] == '\n' {
		before = 0
	} else if before > 0 && tickFirst && !padded {
		before--
	}
	if trimmed := strings.TrimRight(text, " \t"); strings.HasSuffix(trimmed, "\n") {
		after = 0
	} else if after > 0 && tickLast && !padded {
		after--
	}
	whole := before > 0 && after > 0 && padded && !tickFirst && !tickLast
	pad := 0
	if whole {
		pad = 1
	}
	if before > 0 {
		p.addAt(start-pad, "%s at the beginning of code", count(before+pad, "space"))
	}
	if after > 0 {
		p.addAt(end-after, "%s at the end of code", count(after+pad, "space"))
	}
}

func isAnySpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' }

func fencedCodeLanguage(p *pass) {
	allowed, only := p.options.list("allowed_languages"), p.options.yes("language_only")
	for _, b := range p.of[fenced] {
		language, more, _ := strings.Cut(strings.ReplaceAll(p.info(b), "\t", " "), " ")
		switch {
		case language == "":
			p.add(b.first, -1, "code without a language")
		case len(allowed) > 0 && !slices.Contains(allowed, language):
			p.add(b.first, -1, "language %q is not allowed", language)
		}
		if only && strings.TrimSpace(more) != "" {
			p.add(b.first, -1, "unexpected %q after the language", strings.TrimSpace(more))
		}
	}
}

// styles compares the style of each block with the option. If that is "consistent", the first block decides.
func (p *pass) styles(blocks []*block, style func(*block) string, message string) {
	want := strings.TrimSpace(p.options.text("style"))
	for _, b := range blocks {
		is := style(b)
		if want == consistent {
			want = is
		}
		if is != want {
			p.add(b.first, -1, message, is, want)
		}
	}
}

func codeBlockStyle(p *pass) {
	blocks := slices.DeleteFunc(slices.Clone(p.all), func(b *block) bool { return b.kind != fenced && b.kind != indented })
	p.styles(blocks, func(b *block) string {
		if b.kind == fenced {
			return "fenced"
		}
		return "indented"
	}, "code is %s, not %s")
}

func codeFenceStyle(p *pass) {
	p.styles(p.of[fenced], func(b *block) string {
		if p.body[b.pos] == '~' {
			return "tilde"
		}
		return "backtick"
	}, "fence is %s, not %s")
}

func hrStyle(p *pass) {
	p.styles(p.of[thematic], func(b *block) string { return strings.TrimRight(p.raw[b.first][p.column(b):], " \t") }, "rule is %q, not %q")
}
