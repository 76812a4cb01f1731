package main

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// pairs runs pairs of cases that are nearly the same on two states of an engine, on the one in order and on the other in reverse. Of each two
// cases one had nothing before it that the cache could answer with; so what is seen of a case must be the same on both. It gives the status to
// exit with. Where something differs, both cases are written to the folder out.
func pairs(seed int64, first, count, jobs int, states []string, out string) int {
	if len(states) != 2 {
		fmt.Fprintln(os.Stderr, "diffgen: pairs needs -states with two folders")
		return 2
	}
	run := fmt.Sprintf("p%x", time.Now().UnixNano())
	cases := make([]Case, 0, 2*count)
	for i := range count {
		a, b := twins(seed, first+i)
		cases = append(cases, a, b)
	}
	seen := [2][][]Observation{make([][]Observation, len(cases)), make([][]Observation, len(cases))}
	for s, state := range states {
		check(os.Setenv("BLUMEOPS_ENGINE_STATE", state))
		inParallel(count, jobs, func(i int) {
			order := []int{2 * i, 2*i + 1}
			if s == 1 {
				i = count - 1 - i
				order = []int{2*i + 1, 2 * i}
			}
			for _, n := range order {
				obs, err := runCaseAs(cases[n], fmt.Sprintf("%sx%d", run, n/2))
				if err != nil {
					fmt.Println(name(cases[n], n), "not run:", err)
				}
				seen[s][n] = obs
			}
		})
	}
	different := 0
	for n, c := range cases {
		for _, o := range seen[0][n] {
			how := differ(o, match(seen[1][n], o))
			if how == "" {
				continue
			}
			different++
			fmt.Printf("%s different: %s, %s: %s\n    %s\n", name(c, n), c.at(o), c.op(o), how, brief(o, match(seen[1][n], o)))
			check(os.MkdirAll(out, 0o755))
			for _, m := range []int{n &^ 1, n | 1} {
				check(cases[m].save(filepath.Join(out, name(cases[m], m))))
			}
			break
		}
	}
	fmt.Printf("%d pairs, %d cases different\n", count, different)
	if different > 0 {
		return 1
	}
	return 0
}

func name(c Case, n int) string { return fmt.Sprintf("%d-%04d%c.json", c.Seed, c.Index, 'a'+n%2) }

// runs counts the runs of this process: two runs never share a cache volume, which is not the engine's cache.
var runs struct {
	sync.Mutex
	n int
}

func volumes(nonce string) string {
	runs.Lock()
	defer runs.Unlock()
	runs.n++
	return fmt.Sprintf("%sv%d", nonce, runs.n)
}

// twins are a case, and one that differs from it in little.
func twins(seed int64, index int) (Case, Case) {
	a := generate(seed, index)
	g := &gen{Rand: rand.New(rand.NewSource(seed*7_000_003 + int64(index)))}
	for range 50 {
		one, other := a, a.clone()
		if g.chance(30) {
			one = a.clone()
			if !(g.timed(&one, &other)) {
				continue
			}
		} else if !g.change(&other) {
			continue
		}
		return one, other
	}
	return a, a.clone()
}

func (c Case) clone() Case {
	c.Steps = slices.Clone(c.Steps)
	for i := range c.Steps {
		s := &c.Steps[i]
		s.With, s.Args.List, s.Args.Tree = slices.Clone(s.With), slices.Clone(s.Args.List), slices.Clone(s.Args.Tree)
		s.Args.Include, s.Args.Exclude = slices.Clone(s.Args.Include), slices.Clone(s.Args.Exclude)
	}
	return c
}

// timed gives the result of one step other times in the one and in the other case.
func (g *gen) timed(one, other *Case) bool {
	i := g.Intn(len(one.Steps))
	made := one.Steps[i].Out
	kind := map[byte]string{'d': "directory", 'f': "file"}[(made + " ")[0]]
	if kind == "" {
		return false
	}
	at := pick(g, 1, 86400)
	for _, c := range []*Case{one, other} {
		for j := i + 1; j < len(c.Steps); j++ {
			s := &c.Steps[j]
			if s.On == made {
				s.On = made + "t"
			}
			for k := range s.With {
				if s.With[k] == made {
					s.With[k] = made + "t"
				}
			}
		}
		c.Steps = slices.Insert(c.Steps, i+1, Step{Op: kind + ".withTimestamps", On: made, Args: Args{Number: at}, Out: made + "t"})
		at = 86401 - at
	}
	return true
}

// change makes one step of a case another.
func (g *gen) change(c *Case) bool {
	i := g.Intn(len(c.Steps))
	s := &c.Steps[i]
	var can []func()
	if strings.Contains(strings.ToLower(s.Op), "secret") {
		return false // a secret is known by its name
	}
	a := &s.Args
	switch {
	case strings.Contains(a.Contents, "FROM "):
		can = append(can, func() { a.Contents = g.edited(a.Contents) }, func() { a.Contents = g.edited(a.Contents) })
	case a.Contents != "":
		can = append(can, func() { a.Contents = g.another(a.Contents) })
	}
	if a.Permissions != 0 || strings.Contains(s.Op, "New") {
		can = append(can, func() { a.Permissions = pick[Mode](g, 0o600, 0o755, 0o644, 0o444, 0o4755) })
	}
	if a.Owner != "" || strings.Contains(s.Op, "withDirectory") || strings.Contains(s.Op, "withFile") || strings.Contains(s.Op, "withMounted") {
		can = append(can, func() { a.Owner = pick(g, "", "0", "1000:1000", "1001:1000", "0:1000") })
	}
	if a.Path != "" {
		can = append(can, func() { a.Path = c.otherPath(g, a.Path) })
	}
	if len(a.Tree) > 0 {
		can = append(can, func() { g.plant(a) }, func() { g.plant(a) })
	}
	if len(a.Include)+len(a.Exclude) > 0 {
		can = append(can, func() { a.Include, a.Exclude = a.Exclude, a.Include })
	}
	if a.Number != 0 {
		can = append(can, func() { a.Number++ })
	}
	if a.Target != "" {
		can = append(can, func() { a.Target = pick(g, "a", "sub", "/data", "nowhere") })
	}
	if a.Value != "" {
		can = append(can, func() { a.Value = g.another(a.Value) })
	}
	if strings.Contains(s.Op, "withMountedDirectory") {
		can = append(can, func() { a.ReadOnly = !a.ReadOnly })
	}
	for j := range s.With {
		if v := c.like(g, i, s.With[j]); v != "" {
			can = append(can, func() { s.With[j] = v }, func() { s.With[j] = v })
		}
	}
	if v := c.like(g, i, s.On); v != "" {
		can = append(can, func() { s.On = v })
	}
	if i+1 < len(c.Steps) {
		if n := &c.Steps[i+1]; s.On != "" && s.Out != "" && s.On[0] == s.Out[0] && n.On == s.Out && n.Out != "" && n.Out[0] == s.Out[0] && !slices.Contains(n.With, s.Out) {
			can = append(can, func() { s.Op, s.With, s.Args, n.Op, n.With, n.Args = n.Op, n.With, n.Args, s.Op, s.With, s.Args })
		}
	}
	if len(can) == 0 {
		return false
	}
	pick(g, can...)()
	return true
}

// another is a text of the same length, or of another.
func (g *gen) another(s string) string {
	if len(s) > 1 && s[0] < 0x80 && g.chance(70) {
		return string('a'+(s[0]+1)%26) + s[1:]
	}
	return s + "x"
}

// edited is a Dockerfile with one line less, or two lines in another order, or with another source or place of a copy.
func (g *gen) edited(dockerfile string) string {
	lines := strings.SplitAfter(dockerfile, "\n")
	i := 1 + g.Intn(len(lines)-1)
	switch g.Intn(4) {
	case 0:
		lines = slices.Delete(lines, i-1, i)
	case 1:
		lines[i-1], lines[i] = lines[i], lines[i-1]
	default:
		for j, l := range lines {
			if w := strings.Fields(l); strings.HasPrefix(l, "COPY ") && len(w) > 2 && g.chance(60) {
				k := pick(g, len(w)-1, len(w)-2)
				w[k] = pick(g, "/work/", "/data", ".", "sub", "a", "b.txt", "/new/f")
				lines[j] = strings.Join(w, " ") + "\n"
			}
		}
	}
	return strings.Join(lines, "")
}

// plant changes one entry of a tree on the host.
func (g *gen) plant(a *Args) {
	n := &a.Tree[g.Intn(len(a.Tree))]
	switch {
	case n.Link != "":
		n.Link = pick(g, "a", "sub", "elsewhere")
	case strings.HasSuffix(n.Path, "/"):
		n.Mode = pick(g, "755", "700")
	case g.chance(60):
		n.Contents = g.another(n.Contents)
	case g.chance(50):
		n.Mode = pick(g, "644", "755", "600")
	default:
		n.Path += "2"
	}
}

// otherPath is a path that the case has elsewhere.
func (c *Case) otherPath(g *gen, p string) string {
	var paths []string
	for _, s := range c.Steps {
		if q := s.Args.Path; q != "" && q != p && strings.HasPrefix(q, "/") == strings.HasPrefix(p, "/") {
			paths = append(paths, q)
		}
		for _, n := range s.Args.Tree {
			if !strings.HasPrefix(p, "/") && n.Path != p {
				paths = append(paths, n.Path)
			}
		}
	}
	if len(paths) == 0 {
		return p + "2"
	}
	return pick(g, paths...)
}

// like is another value of the kind of v that a step before step i makes.
func (c *Case) like(g *gen, i int, v string) string {
	var l []string
	for _, s := range c.Steps[:i] {
		if s.Out != "" && v != "" && s.Out[0] == v[0] && s.Out != v {
			l = append(l, s.Out)
		}
	}
	if len(l) == 0 {
		return ""
	}
	return pick(g, l...)
}
