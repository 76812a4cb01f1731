package validate

import (
	"fmt"
	"sync"
)

// MaxFindings is the maximum number of findings of one rule in one file. Further ones tell a reader nothing new.
const MaxFindings = 100

// Shorten leaves the first MaxFindings of each rule and file. One more finding counts the others.
func Shorten(list []Finding) []Finding {
	c := &collector{limit: MaxFindings, kinds: map[kind]*bucket{}}
	more := map[kind]int{}
	for _, f := range list {
		if f.More > 0 {
			more[kind{f.Path, f.About, f.Check, f.Rule}] += f.More
			continue
		}
		c.add(f)
	}
	for k, n := range more {
		if c.kinds[k] == nil {
			c.kinds[k] = &bucket{kept: []Finding{{Path: k.path, About: k.about, Check: k.check, Rule: k.rule}}}
			n--
		}
		c.kinds[k].left += n
	}
	return c.findings()
}

// collector keeps the first findings, by place, of each rule and file. It is safe for concurrent use.
type collector struct {
	limit int // of each rule and file
	mu    sync.Mutex
	kinds map[kind]*bucket
}

type kind struct{ path, about, check, rule string }

type bucket struct {
	kept []Finding // up to twice the limit
	left int
}

func (c *collector) add(f Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := kind{f.Path, f.About, f.Check, f.Rule}
	b := c.kinds[k]
	if b == nil {
		b = &bucket{}
		c.kinds[k] = b
	}
	if b.kept = append(b.kept, f); len(b.kept) >= 2*c.limit {
		b.cut(c.limit)
	}
}

// cut removes all but the first findings.
func (b *bucket) cut(limit int) {
	b.kept = sortFindings(b.kept)
	if over := len(b.kept) - limit; over > 0 {
		b.left += over
		b.kept = b.kept[:limit]
	}
}

// findings are the kept findings, by place. If some were left out, one more finding after the last says how many.
func (c *collector) findings() []Finding {
	all := []Finding{}
	for _, b := range c.kinds {
		b.cut(c.limit)
		all = append(all, b.kept...)
		if b.left > 0 {
			more := b.kept[len(b.kept)-1]
			more.Fix = nil
			more.More, more.Message = b.left, fmt.Sprintf("and %d more of this rule, which are not shown", b.left)
			all = append(all, more)
		}
	}
	return sortFindings(all)
}
