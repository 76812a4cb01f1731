package scale

import (
	"math/rand/v2"
	"strings"
)

var words = strings.Fields(`the a this each every one that which when where after before while with without from into over under between
cluster node disk volume service gateway proxy router switch backup snapshot restore certificate token key vault secret policy role user
group namespace deployment container image registry tag digest manifest chart release branch commit runner workflow job step cache queue
metric alert dashboard panel log trace query index table record zone address port route rule filter header request response timeout limit
starts stops reads writes keeps drops holds sends takes gives shows hides moves copies waits retries fails succeeds returns remains
slow fast old new small large local remote first last next same other whole empty full stable recent weekly daily manual automatic
usually often never always again only also still then here there now because unless until although and or but so`)

// width is the line length.
const width = 78

// sentence is 8 to 20 words.
func sentence(r *rand.Rand) string {
	list := make([]string, 8+r.IntN(13))
	for i := range list {
		list[i] = words[r.IntN(len(words))]
	}
	s := strings.Join(list, " ")
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// paragraph is sentences, some of which end with the given texts, in lines of at most width if the words allow it.
func paragraph(r *rand.Rand, sentences int, with ...string) string {
	var parts []string
	for i := range sentences {
		s := sentence(r)
		if i < len(with) {
			s = strings.TrimSuffix(s, ".") + ", see " + with[i] + "."
		}
		parts = append(parts, s)
	}
	return wrap(strings.Join(parts, " "), "")
}

// wrap breaks text into lines; those after the first begin with indent. A link is never broken.
func wrap(text, indent string) string {
	var b strings.Builder
	column := 0
	for _, word := range split(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// split splits text at spaces outside of brackets.
func split(text string) (list []string) {
	depth, from := 0, 0
	for i, c := range []byte(text) {
		switch c {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		case ' ':
			if depth == 0 {
				list, from = append(list, text[from:i]), i+1
			}
		}
	}
	return append(list, text[from:])
}
