package conformance

import (
	"strings"
	"testing"
)

func TestCorpusOutput(t *testing.T) {
	r, err := parseCorpus(strings.NewReader("1-0001.json same\n1-0002.json different: step 1, file.name: value\n    want 1\n     got 2\n" +
		"1-0003.json different: end, d1, tree after directory: message\n    want a\n     got b\n\ncases: same, of\n     1    1    3  all\n"))
	if err != nil || len(r.Same) != 1 || len(r.Text) != 1 || r.Differing["1-0002"] != "different: step 1, file.name: value\n    want 1\n     got 2" || len(r.Differing) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestCorpusListed(t *testing.T) {
	listed, err := parseCorpusListed("# text\n\n1-0001: why\n1-0002 sometimes: why\n")
	if err != nil || len(listed) != 2 || !listed["1-0001"] || listed["1-0002"] {
		t.Errorf("got %v, %v", listed, err)
	}
	for _, wrong := range []string{"1-0001", "1-0001:", "x: why", "1-0001: a\n1-0001: b"} {
		if _, err := parseCorpusListed(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}
