package markdown

// paint is the kind of markup that a byte belongs to.
type paint uint8

const (
	paintCode    paint = 1 << iota // code in a line, or math
	paintTag                       // a tag of HTML
	paintLink                      // a link or an image, with its text
	paintElement                   // between a tag and its closing tag
)

// painted is the paint of the byte at an offset.
func (d *doc) painted(offset int) paint {
	if d.paint == nil {
		d.paint = make([]paint, len(d.body)+1)
		for _, s := range d.spans {
			switch s.form {
			case code, formula:
				d.fill(s.start, s.end, paintCode)
			case tag, autolink:
				d.fill(s.start, s.end, paintTag)
			case link, image, wiki:
				d.fill(s.start, s.end, paintLink)
			}
		}
		d.paintElements()
	}
	return d.paint[min(offset, len(d.body))]
}

// fill paints each byte once: text inside painted text is painted already.
func (d *doc) fill(start, end int, with paint) {
	if d.paint[start]&with != 0 {
		return
	}
	for i := start; i < end; i++ {
		d.paint[i] |= with
	}
}

// paintElements finds, among the spans of one kind of text, tags with a closing tag.
func (d *doc) paintElements() {
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
			d.fill(s.start, d.spans[to].end, paintElement)
		}
	}
}
