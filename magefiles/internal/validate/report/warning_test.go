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
