package repo

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cachedTree is one folder of the index's extension TREE: which tree the entries below it would make.
type cachedTree struct {
	name  string
	count int // of entries; -1: no longer known
	hash  []byte
	below []*cachedTree
}

// parseTrees reads the extension.
func parseTrees(raw []byte) (*cachedTree, error) {
	t, rest, err := parseTree(raw, 0)
	if err == nil && len(rest) > 0 {
		err = errIndex
	}
	if err != nil {
		return nil, fmt.Errorf("cached trees: %w", err)
	}
	return t, nil
}

// maxDepth is more folders within each other than a path can name (PATH_MAX of Linux, in folders of one letter).
const maxDepth = 2048

func parseTree(raw []byte, depth int) (*cachedTree, []byte, error) {
	name, rest, ok := bytes.Cut(raw, []byte{0})
	line, rest, ended := bytes.Cut(rest, []byte{'\n'})
	entries, folders, both := strings.Cut(string(line), " ")
	if !ok || !ended || !both || depth > maxDepth {
		return nil, nil, errIndex
	}
	count, err := strconv.Atoi(entries)
	n, err2 := strconv.Atoi(folders)
	if err != nil || err2 != nil || n < 0 || n > len(rest) {
		return nil, nil, errIndex
	}
	t := &cachedTree{name: string(name), count: max(count, -1)}
	if count >= 0 {
		if len(rest) < sumSize {
			return nil, nil, errIndex
		}
		t.hash, rest = rest[:sumSize], rest[sumSize:]
	}
	for range n {
		var sub *cachedTree
		if sub, rest, err = parseTree(rest, depth+1); err != nil {
			return nil, nil, err
		}
		t.below = append(t.below, sub)
	}
	return t, rest, nil
}

// forget marks the folders on the way to a path as no longer known.
func (t *cachedTree) forget(name string) {
	t.count, t.hash = -1, nil
	first, rest, deeper := strings.Cut(name, "/")
	if !deeper {
		return
	}
	for _, sub := range t.below {
		if sub.name == first {
			sub.forget(rest)
		}
	}
}

func (t *cachedTree) encode(out *bytes.Buffer) {
	fmt.Fprintf(out, "%s\x00%d %d\n", t.name, t.count, len(t.below))
	out.Write(t.hash)
	for _, sub := range t.below {
		sub.encode(out)
	}
}

// forget takes paths out of the index's cached trees. Trees that cannot be read are left out whole.
func (x *indexFile) forget(names []string) {
	x.extensions = slices.DeleteFunc(x.extensions, func(e indexExtension) bool { return e.name == "TREE" && len(e.data) == 0 })
	for i, e := range x.extensions {
		if e.name != "TREE" {
			continue
		}
		t, err := parseTrees(e.data)
		if err != nil {
			x.extensions = slices.Delete(x.extensions, i, i+1)
			return
		}
		for _, name := range names {
			t.forget(name)
		}
		var out bytes.Buffer
		t.encode(&out)
		x.extensions[i].data = out.Bytes()
	}
}
