package report

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// A warning is a warning in each format, and does not fail.
func TestWarnings(t *testing.T) {
	t.Parallel()
	warning := validate.Finding{Path: "p.md", Line: 1, Check: "markdown", Rule: "MD010", Message: "1 tab", Warning: true}
	wrong := validate.Finding{Path: "p.md", Line: 2, Check: "markdown", Rule: "MD009", Message: "1 space"}
	r := &validate.Report{Findings: []validate.Finding{warning, wrong}, Checks: []string{"markdown"}}
	for format, want := range map[string][]string{
		"text":   {"p.md:1: warning: 1 tab [markdown/MD010]", "p.md:2: 1 space [markdown/MD009]"},
		"github": {"::warning file=p.md,line=1", "::error file=p.md,line=2"},
		"sarif":  {`"level": "warning"`, `"level": "error"`},
		"json":   {`"warning": true`},
	} {
		var out strings.Builder
		if err := (Writer{}).Write(&out, format, r); err != nil {
			t.Fatal(err)
		}
		for _, one := range want {
			if strings.Count(out.String(), one) != 1 {
				t.Errorf("%s: not %q once in\n%s", format, one, out.String())
			}
		}
	}
	if got := Summary(r); !strings.HasPrefix(got, "2 findings in 1 file (markdown 2), 1 warning among them; ") {
		t.Error(got)
	}
	if failing := r.Failing(); len(failing) != 1 || failing[0].Rule != "MD009" {
		t.Errorf("failing: %v", failing)
	}
}

// A finding for several stays the same in SARIF when its lines move.
func TestSarifOfSeveral(t *testing.T) {
	t.Parallel()
	sum := func(lines ...int) string {
		var list []validate.Finding
		for _, line := range lines {
			list = append(list, validate.Finding{Path: "w.yaml", Line: line, Check: "workflows", Rule: "pin", Message: "a tag", Group: "tags"})
		}
		var out strings.Builder
		if err := (Writer{}).Write(&out, "sarif", &validate.Report{Findings: validate.Together(list)}); err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(out.String(), `"`+fingerprint+`": "`)
		sum, _, _ := strings.Cut(after, `"`)
		return sum
	}
	if a, b := sum(3, 4), sum(7, 9); a == "" || a != b {
		t.Errorf("%q and %q", a, b)
	}
}
