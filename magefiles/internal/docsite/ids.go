package docsite

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// IDs renumbers the ids that Quartz counts up as it renders, so that builds are equal: explorer-N and toc-N count the pages rendered
// before, in any order (quartz/components/Explorer.tsx, TableOfContents.tsx); list-N counts the lists of the layout, and a script of the
// site names it as well (OverflowList.tsx).
//
// Only ids of those components are changed. A heading "List 2" has the id list-2 too, and other pages link to it.
type IDs struct {
	lists map[string]string // new numbers of the lists that scripts name
}

// inScript matches the name of a list in its script.
var inScript = regexp.MustCompile("getElementById\\(\\s*[\"'`]list-([0-9]{1,9})[\"'`]\\s*\\)")

// NewIDs reads the lists' names from all scripts of a site. These lists keep their order, and are the same on every page.
func NewIDs(scripts ...[]byte) IDs {
	named := map[int]bool{}
	for _, text := range scripts {
		for _, m := range inScript.FindAllSubmatch(text, -1) {
			if n, err := strconv.Atoi(string(m[1])); err == nil && strconv.Itoa(n) == string(m[1]) {
				named[n] = true
			}
		}
	}
	ids := IDs{lists: map[string]string{}}
	for i, n := range slices.Sorted(maps.Keys(named)) {
		ids.lists[strconv.Itoa(n)] = strconv.Itoa(i)
	}
	return ids
}

// Script is a script with the new numbers of the lists.
func (i IDs) Script(text []byte) []byte {
	return replaceGroup(text, inScript, func(number string) string {
		if to, ok := i.lists[number]; ok {
			return to
		}
		return number
	})
}

// replaceGroup replaces the first group of each match.
func replaceGroup(text []byte, in *regexp.Regexp, with func(string) string) []byte {
	var out []byte
	at := 0
	for _, m := range in.FindAllSubmatchIndex(text, -1) {
		out = append(append(out, text[at:m[2]]...), with(string(text[m[2]:m[3]]))...)
		at = m[3]
	}
	return append(out, text[at:]...)
}

// Page is a page of HTML whose ids are numbered by their order in it.
func (i IDs) Page(text []byte) []byte {
	tags := tagsOf(text)
	taken := map[string]bool{}
	for _, t := range tags {
		if id, ok := t.value("id"); ok && !t.isCounted() {
			taken[id.text] = true
		}
	}
	n := numbering{ids: i, taken: taken, given: map[string]string{}, next: map[string]int{"list": len(i.lists)}}
	var edits []attribute
	for _, t := range tags {
		for _, a := range t.attributes {
			if a.name == "id" && t.isCounted() || a.name == "aria-controls" {
				edits = append(edits, n.renumber(a)...)
			}
		}
	}
	return n.apply(text, tags, edits)
}

// countedID matches an id that Quartz makes with a counter.
var countedID = regexp.MustCompile(`^(explorer|toc|list)-(0|[1-9][0-9]{0,8})$`)

// components are the classes of the elements whose ids are counted.
var components = map[string]string{"explorer-content": "explorer", "toc-content": "toc", "overflow": "list"}

// isCounted reports whether the element's id is one that a component of Quartz counted.
func (t tag) isCounted() bool {
	id, ok := t.value("id")
	m := countedID.FindStringSubmatch(id.text)
	if !ok || m == nil {
		return false
	}
	class, _ := t.value("class")
	return slices.ContainsFunc(strings.Fields(class.text), func(c string) bool { return components[c] == m[1] })
}

// numbering gives the ids of one page their new numbers.
type numbering struct {
	ids   IDs
	taken map[string]bool   // ids of the page that are not counted, and stay
	given map[string]string // new ids by old ones
	next  map[string]int    // number by kind
}

// renumber is the attribute with a new value; nothing if it is unchanged.
func (n numbering) renumber(a attribute) []attribute {
	m := countedID.FindStringSubmatch(a.text)
	if m == nil || a.name != "id" && n.taken[a.text] {
		return nil
	}
	to, ok := n.given[a.text]
	if !ok {
		to = n.fresh(m[1], m[2])
		n.given[a.text] = to
	}
	a.text = to
	return []attribute{a}
}

func (n numbering) fresh(kind, number string) string {
	if to, ok := n.ids.lists[number]; ok && kind == "list" {
		return kind + "-" + to
	}
	for {
		id := kind + "-" + strconv.Itoa(n.next[kind])
		n.next[kind]++
		if !n.taken[id] {
			return id
		}
	}
}

// apply puts the new values into the text. Links to an id are changed with it, unless a heading has the same id.
func (n numbering) apply(text []byte, tags []tag, edits []attribute) []byte {
	for _, t := range tags {
		for _, a := range t.attributes {
			if id, ok := strings.CutPrefix(a.text, "#"); ok && a.name == "href" && n.given[id] != "" && !n.taken[id] {
				a.text = "#" + n.given[id]
				edits = append(edits, a)
			}
		}
	}
	slices.SortFunc(edits, func(a, b attribute) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, text[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, text[at:]...)
}

// tag is a start tag with the attributes that matter here.
type tag struct{ attributes []attribute }

// attribute is an attribute whose value is quoted, from start to end in the page, and holds no character reference.
type attribute struct {
	name, text string
	start, end int
}

func (t tag) value(name string) (attribute, bool) {
	for _, a := range t.attributes {
		if a.name == name {
			return a, true
		}
	}
	return attribute{}, false
}

// tagsOf finds the start tags of a page. Comments, scripts and the like are text.
func tagsOf(page []byte) []tag {
	var tags []tag
	z := html.NewTokenizer(strings.NewReader(string(page)))
	for at := 0; ; {
		kind := z.Next()
		raw := string(z.Raw())
		switch kind {
		case html.ErrorToken:
			return tags
		case html.StartTagToken, html.SelfClosingTagToken:
			if t := readTag(raw, at); len(t.attributes) > 0 {
				tags = append(tags, t)
			}
		}
		at += len(raw)
	}
}

// quoted matches an attribute as Quartz writes it. readTag goes from left to right, so a match begins at a blank after an even
// number of quotes, and anything before it in the tag is attributes too.
var quoted = regexp.MustCompile(`[\s/]+([A-Za-z][A-Za-z-]*)\s*=\s*("[^"]*"|'[^']*')|[\s/]+[^\s=>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?`)

var readAttributes = []string{"id", "class", "aria-controls", "href"}

// readTag reads a tag that begins at the offset at.
func readTag(raw string, at int) tag {
	var t tag
	for _, m := range quoted.FindAllStringSubmatchIndex(raw, -1) {
		if m[2] < 0 {
			continue
		}
		name := strings.ToLower(raw[m[2]:m[3]])
		text := raw[m[4]+1 : m[5]-1]
		if _, twice := t.value(name); twice || !slices.Contains(readAttributes, name) || strings.Contains(text, "&") {
			continue
		}
		t.attributes = append(t.attributes, attribute{name: name, text: text, start: at + m[4] + 1, end: at + m[5] - 1})
	}
	return t
}
