package repo

import (
	"bytes"
	"container/heap"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Line is the history of a commit in the order of `git rev-list --date-order`: no commit comes before its children, and otherwise
// the younger comes first. So if one of two ancestors comes from the other, the later one is always nearer, even if a merged branch
// is a shorter way to the earlier one.
type Line struct {
	cut    bool
	places map[plumbing.Hash]int
	sorted []plumbing.Hash
}

// Line walks once through the history of a commit, which is given by its full hash.
func (r *Repo) Line(ctx context.Context, tip string) (*Line, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	c, err := r.commit(tip)
	if err != nil {
		return nil, err
	}
	nodes, cut, err := r.nodes(ctx, c.Hash)
	if err != nil {
		return nil, fmt.Errorf("history of %.12s: %w", tip, err)
	}
	l := &Line{cut: cut, places: make(map[plumbing.Hash]int, len(nodes)), sorted: inDateOrder(nodes, c.Hash)}
	for place, hash := range l.sorted {
		l.places[hash] = place
	}
	slices.SortFunc(l.sorted, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	return l, nil
}

// Find returns the commit of the line with a hash, which may be abbreviated, and its place: 0 is the tip. If several match, it returns
// the nearest.
func (l *Line) Find(commit string) (hash string, place int, ok bool) {
	commit = strings.ToLower(commit)
	whole, err := hex.DecodeString(commit[:len(commit)&^1]) // whole bytes; half a byte is checked below
	if err != nil || len(commit) > 2*len(plumbing.Hash{}) {
		return "", 0, false
	}
	i, _ := slices.BinarySearchFunc(l.sorted, whole, func(h plumbing.Hash, whole []byte) int { return bytes.Compare(h[:len(whole)], whole) })
	for ; commit != "" && i < len(l.sorted) && bytes.HasPrefix(l.sorted[i][:], whole); i++ {
		if at := l.places[l.sorted[i]]; strings.HasPrefix(l.sorted[i].String(), commit) && (!ok || at < place) {
			hash, place, ok = l.sorted[i].String(), at, true
		}
	}
	return hash, place, ok
}

// Whole is an ErrShallow if the clone is shallow: a missing commit may be beyond the end of the line.
func (l *Line) Whole() error {
	if !l.cut {
		return nil
	}
	return fmt.Errorf("%w: run git fetch --unshallow, or check out with fetch-depth: 0", ErrShallow)
}

// node has the fields of a commit that its order in the history depends on.
type node struct {
	hash     plumbing.Hash
	parents  []plumbing.Hash
	time     int64 // of the committer, in seconds
	children int   // that are not in the line yet
}

// nodes reads a commit and all its ancestors. The caller holds the lock of objects.
func (r *Repo) nodes(ctx context.Context, tip plumbing.Hash) (found map[plumbing.Hash]*node, cut bool, err error) {
	shallow, err := r.store.Shallow()
	if err != nil {
		return nil, false, err
	}
	found = map[plumbing.Hash]*node{}
	for queue := []plumbing.Hash{tip}; len(queue) > 0; queue = queue[1:] {
		if found[queue[0]] != nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, cut, context.Cause(ctx)
		}
		n, err := r.node(queue[0])
		if err != nil {
			return nil, cut, err
		}
		if slices.Contains(shallow, n.hash) {
			cut, n.parents = true, nil
		}
		found[n.hash] = n
		queue = append(queue, n.parents...)
	}
	for _, n := range found {
		for _, p := range n.parents {
			found[p].children++
		}
	}
	return found, cut, nil
}

// node reads only the header of a commit: go-git decodes all of it, message and signature too.
func (r *Repo) node(hash plumbing.Hash) (*node, error) {
	kind, content, err := r.raw(hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) || err == nil && kind != plumbing.CommitObject {
		return nil, fmt.Errorf("commit %s is missing: run git fetch, or clone again", hash)
	}
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", hash, err)
	}
	n := &node{hash: hash}
	for line := range bytes.Lines(content) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if parent, ok := bytes.CutPrefix(line, []byte("parent ")); ok {
			n.parents = append(n.parents, plumbing.NewHash(string(parent)))
		}
		if who, ok := bytes.CutPrefix(line, []byte("committer ")); ok {
			n.time = secondsOf(who)
		}
		if len(line) == 0 || n.time != 0 { // it comes after the parents
			break
		}
	}
	return n, nil
}

// secondsOf reads "NAME <EMAIL> SECONDS ZONE"; 0 for another form, as in commits of a broken tool.
func secondsOf(who []byte) int64 {
	fields := bytes.Fields(who[bytes.LastIndexByte(who, '>')+1:])
	if len(fields) == 0 {
		return 0
	}
	seconds, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return seconds
}

// inDateOrder puts children before parents, and otherwise the younger first. It uses up the counts of children.
func inDateOrder(nodes map[plumbing.Hash]*node, tip plumbing.Hash) []plumbing.Hash {
	order := make([]plumbing.Hash, 0, len(nodes))
	ready := &youngest{nodes[tip]}
	for ready.Len() > 0 {
		n := heap.Pop(ready).(*node)
		order = append(order, n.hash)
		for _, p := range n.parents {
			nodes[p].children--
			if nodes[p].children == 0 {
				heap.Push(ready, nodes[p])
			}
		}
	}
	return order
}

// youngest is a heap of commits. For equal seconds the hash decides, so that the order is always the same.
type youngest []*node

func (y youngest) Len() int { return len(y) }
func (y youngest) Less(i, j int) bool {
	if y[i].time != y[j].time {
		return y[i].time > y[j].time
	}
	return bytes.Compare(y[i].hash[:], y[j].hash[:]) < 0
}
func (y youngest) Swap(i, j int) { y[i], y[j] = y[j], y[i] }
func (y *youngest) Push(n any)   { *y = append(*y, n.(*node)) }
func (y *youngest) Pop() any {
	last := len(*y) - 1
	n := (*y)[last]
	*y = (*y)[:last]
	return n
}
