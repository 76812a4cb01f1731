package markdown

import "sync"

// scratch is the memory that linting a page uses. The next page reuses it: without this a thousand pages would fill and clear some hundred
// megabytes.
type scratch struct {
	all   []*block
	of    [other + 1][]*block
	spans []span
	texts []stretch
	slabs [][]block
	used  int // blocks
	flags []bool
}

const slab = 64

var pool = sync.Pool{New: func() any { return &scratch{} }}

// newBlock is an empty block with capacity for children.
func (s *scratch) newBlock() *block {
	if s.used == len(s.slabs)*slab {
		s.slabs = append(s.slabs, make([]block, slab))
	}
	b := &s.slabs[s.used/slab][s.used%slab]
	s.used++
	return b
}

// flagged are n flags for each of k things, all false.
func (s *scratch) flagged(n, k int) []bool {
	if n*k > cap(s.flags) {
		s.flags = make([]bool, n*k)
	}
	s.flags = s.flags[:n*k]
	clear(s.flags)
	return s.flags
}

// giveBack clears the page's data, so that none of it is kept.
func (s *scratch) release() {
	for i := range s.used {
		b := &s.slabs[i/slab][i%slab]
		children := b.children
		clear(children)
		*b = block{children: children[:0]}
	}
	s.used = 0
	clear(s.all)
	s.all = s.all[:0]
	for k := range s.of {
		clear(s.of[k])
		s.of[k] = s.of[k][:0]
	}
	clear(s.spans)
	clear(s.texts)
	s.spans, s.texts = s.spans[:0], s.texts[:0]
	if len(s.slabs)*slab < 1<<14 && cap(s.spans)+cap(s.texts) < 1<<16 { // memory sized for a very large page is not kept
		pool.Put(s)
	}
}
