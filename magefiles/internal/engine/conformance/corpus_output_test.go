package conformance

import (
	"strings"
	"testing"
)

func TestCorpusOutput(t *testing.T) {
	r, err := parseCorpus(strings.NewReader("1-0001.json same\n1-0002.json different: step 1, file.name: value\n    want 1\n     got 2\n" +
		"1-0003.json different: end, d1, tree after directory: message\n    want a\n     got b\n\ncases: same, of\n     1    1    3  all\n"))
	if err != nil || len(r.Same) != 1 || r.Text["1-0003"] != "different: end, d1, tree after directory: message\n    want a\n     got b" || len(r.Text) != 1 || r.Differing["1-0002"] != "different: step 1, file.name: value\n    want 1\n     got 2" || len(r.Differing) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestCorpusListed(t *testing.T) {
	listed, err := parseCorpusListed("# text\n\n1-0001: why\n1-0002 sometimes: why\n1-0003 text: why\n")
	if err != nil || len(listed) != 3 || listed["1-0001"] != always || listed["1-0002"] != sometimes || listed["1-0003"] != textOnly {
		t.Errorf("got %v, %v", listed, err)
	}
	for _, wrong := range []string{"1-0001", "1-0001:", "x: why", "1-0001 often: why", "1-0001: a\n1-0001: b"} {
		if _, err := parseCorpusListed(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

// A case that is not listed must be the same, and a listed case must differ as the list says.
func TestCorpusCheck(t *testing.T) {
	list := corpusDifferences
	t.Cleanup(func() { corpusDifferences = list })
	corpusDifferences = "1-0001: why\n1-0002 sometimes: why\n1-0003 text: why\n"
	for _, c := range []struct{ same, text, differing, wrong string }{
		{"1-0009", "1-0003", "1-0001", ""},
		{"1-0002", "1-0002", "1-0002", ""},
		{"1-0001", "", "", "it is the same now"},
		{"1-0003", "", "", "it is the same now"},
		{"", "1-0009", "", "an error's text differs and is not listed"},
		{"", "1-0001", "", "only an error's text differs now"},
		{"", "", "1-0009", "differs and is not listed"},
		{"", "", "1-0003", "differs and is not listed"},
	} {
		r := CorpusResults{Same: []string{c.same}, Text: map[string]string{}, Differing: map[string]string{}}
		if c.text != "" {
			r.Text[c.text] = "text"
		}
		if c.differing != "" {
			r.Differing[c.differing] = "value"
		}
		wrong, err := r.Check()
		if got := strings.Join(wrong, "; "); err != nil || (c.wrong == "") != (got == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}
