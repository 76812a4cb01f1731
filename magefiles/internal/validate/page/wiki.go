package page

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// pipe replaces a wiki link's | in Source, because | would end the cell of a table. Quartz does the same.
const pipe = '\x1f'

// hidePipes replaces the pipes of wiki links.
func hidePipes(source []byte) {
	for {
		start := bytes.Index(source, []byte("[["))
		if start < 0 {
			return
		}
		source = source[start+2:]
		end := bytes.IndexAny(source, "[]\n")
		if end < 0 {
			return
		}
		if at := bytes.IndexByte(source[:end], '|'); at > 0 && source[at-1] != '\\' && bytes.HasPrefix(source[end:], []byte("]]")) {
			source[at] = pipe
		}
		source = source[end:]
	}
}

// KindWiki is the kind of WikiLink nodes.
var KindWiki = ast.NewNodeKind("WikiLink")

// WikiLink is the node of [[page#heading|text]] and ![[file]]. It has no children.
type WikiLink struct {
	ast.BaseInline
	// Link is the parsed link, Embed says that it has a !.
	Link  Wiki
	Embed bool
}

// Kind is KindWiki.
func (*WikiLink) Kind() ast.NodeKind { return KindWiki }

// Dump prints the node for debugging.
func (n *WikiLink) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{"Target": n.Link.Target, "Fragment": n.Link.Fragment, "Text": n.Link.Text}, nil)
}

// Wiki is the content of [[ ]].
type Wiki struct {
	// Target is the page or file, Fragment the text after its first #, Text the text after the pipe; none has spaces around it.
	Target, Fragment, Text string
	// Spaced says that there are spaces around Target or Fragment, or before Text.
	Spaced bool
}

// ParseWiki reads the content of [[ ]]. ok is false if it is blank or contains a bracket or a line end.
func ParseWiki(inner string) (Wiki, bool) {
	if strings.TrimSpace(inner) == "" || strings.ContainsAny(inner, "[]\n\r") {
		return Wiki{}, false
	}
	place, label, piped := strings.Cut(inner, "|")
	if piped {
		place = strings.TrimSuffix(place, `\`) // as written in tables
	}
	target, fragment, _ := strings.Cut(place, "#")
	w := Wiki{Target: strings.TrimSpace(target), Fragment: strings.TrimSpace(fragment), Text: strings.TrimSpace(label)}
	if w.Target == "" && w.Fragment == "" {
		return Wiki{}, false
	}
	w.Spaced = w.Target != target || w.Fragment != fragment || strings.HasPrefix(label, " ")
	return w, true
}

// shown is the visible text.
func (w Wiki) shown() string {
	switch {
	case w.Text != "":
		return w.Text
	case w.Fragment == "":
		return w.Target
	case w.Target == "":
		return w.Fragment
	}
	return w.Target + "#" + w.Fragment
}

// wikiLinks is the inline parser of wiki links. It runs before the parser of Markdown links.
type wikiLinks struct{}

// Trigger is the characters at which the parser is called.
func (wikiLinks) Trigger() []byte { return []byte{'!', '['} }

// Parse reads a wiki link at the reader's position. It searches no further than the next bracket.
func (wikiLinks) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, segment := block.PeekLine()
	rest, embed := bytes.CutPrefix(line, []byte("!"))
	rest, ok := bytes.CutPrefix(rest, []byte("[["))
	if !ok {
		return nil
	}
	end := bytes.IndexAny(rest, "[]\n")
	if end < 0 || !bytes.HasPrefix(rest[end:], []byte("]]")) || bytes.HasPrefix(rest[end:], []byte("]](")) {
		return nil // [[x]](y) is a Markdown link
	}
	wiki, ok := ParseWiki(strings.Replace(string(rest[:end]), string(pipe), "|", 1))
	if !ok {
		return nil
	}
	block.Advance(len(line) - len(rest) + end + 2)
	node := &WikiLink{Link: wiki, Embed: embed}
	node.SetPos(segment.Start)
	return node
}
