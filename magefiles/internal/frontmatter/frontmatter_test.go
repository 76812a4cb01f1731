package frontmatter

import "testing"

func TestFind(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]struct {
		fence, matter, body string
		closed              bool
	}{
		"":                                  {},
		"# A\n":                             {},
		"----\n":                            {},
		" ---\na: 1\n---\n":                 {},
		"---":                               {fence: "---"},
		"---\n":                             {fence: "---"},
		"---\na: 1\n":                       {fence: "---", matter: "a: 1\n"},
		"---\na: 1\n+++\n":                  {fence: "---", matter: "a: 1\n+++\n"},
		"---\n---":                          {fence: "---", closed: true},
		"--- \t\r\na: 1\r\n---\r\nbody\r\n": {fence: "---", matter: "a: 1\r\n", body: "body\r\n", closed: true},
		"+++\na = 1\n+++\nbody\n---\n":      {fence: "+++", matter: "a = 1\n", body: "body\n---\n", closed: true},
	} {
		b := Find(page)
		if b.Fence != want.fence || b.Closed != want.closed || page[b.From:b.To] != want.matter || b.Fence != "" && page[b.Body:] != want.body {
			t.Errorf("%q: %+v", page, b)
		}
	}
}
