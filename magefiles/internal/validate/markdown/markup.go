package markdown

// markup is the kind of markup that a byte belongs to.
type markup uint8

const (
	markupCode    markup = 1 << iota // code in a line, or math
	markupTag                        // a tag of HTML
	markupLink                       // a link or an image, with its text
	markupElement                    // between a tag and its closing tag
)

// markupAt is the markup of the byte at an offset.
func (d *doc) markupAt(offset int) markup {
	if d.markup == nil {
		d.markup = make([]markup, len(d.body)+1)
		for _, s := range d.spans {
			switch s.form {
			case code, formula:
				d.fill(s.start, s.end, markupCode)
			case tag, autolink:
				d.fill(s.start, s.end, markupTag)
			case link, image, wiki:
				d.fill(s.start, s.end, markupLink)
			}
		}
		d.markElements()
	}
	return d.markup[min(offset, len(d.body))]
}

// fill paints each byte once: text inside painted text is painted already.
func (d *doc) fill(start, end int, with markup) {
	if d.markup[start]&with != 0 {
		return
	}
	for i := start; i < end; i++ {
		d.markup[i] |= with
	}
}

// markElements finds, among the spans of one kind of text, tags with a closing tag.
func (d *doc) markElements() {
	type group struct {
		block *block
		up    int
	}
	open := map[group]map[string][]int{}
	closes := map[int]int{} // span -> span
	for i, s := range d.spans {
		if s.form != tag {
			continue
		}
		name, closing := tagName(d.body[s.start:s.end])
		g := group{s.block, s.up}
		if open[g] == nil {
			open[g] = map[string][]int{}
		}
		if list := open[g][name]; name == "" {
			continue
		} else if !closing {
			open[g][name] = append(list, i)
		} else if n := len(list); n > 0 {
			closes[list[n-1]] = i
			open[g][name] = list[:n-1]
		}
	}
	for i, s := range d.spans {
		if to, ok := closes[i]; ok {
			d.fill(s.start, d.spans[to].end, markupElement)
		}
	}
}
