package checks

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// TestRemedies has folders of containers/ that cannot be built for different reasons. The correction depends on the reason.
func TestRemedies(t *testing.T) {
	t.Parallel()
	const (
		dockerfile = "ARG CONTAINER_APP_VERSION=1\nFROM debian:12\n"
		give       = "Give it a Dockerfile or a Go main package, or move it elsewhere."
		rename     = "Rename the folder to lower case letters, digits and inner hyphens, up to 63 of them."
	)
	for name, c := range map[string]struct{ text, do string }{
		"containers/a/README.md":             {"x", give},
		"containers/Upper/Dockerfile":        {dockerfile, rename},
		"containers/new\nline/Dockerfile":    {dockerfile, rename},
		"containers/\x1b[31mred/Dockerfile":  {dockerfile, rename},
		"containers/platform/Dockerfile":     {"# blumeops:platforms linux/amd46\n" + dockerfile, "Correct what the file states."},
		"containers/instruction/Dockerfile":  {dockerfile + "RUM x\n", "Change the instruction as the message says."},
		"containers/directive/directives.go": {"//blumeops:flavour sweet\npackage main\n", "Correct what the file states."},
	} {
		fsys := fstest.MapFS{name: &fstest.MapFile{Data: []byte(c.text)}}
		report, err := validate.Run(t.Context(), validate.NewTree(fsys, []string{name}), []validate.Check{containers}, validate.Options{Site: site})
		if err != nil || len(report.Failures) > 0 || len(report.Findings) == 0 {
			t.Errorf("%q: %+v, %v", name, report, err)
			continue
		}
		if f := report.Findings[0]; f.Do != c.do {
			t.Errorf("%s: advises %q, want %q", f, f.Do, c.do)
		}
	}
}

// TestVersioned: what to write instead, in the instruction of the finding.
func TestVersioned(t *testing.T) {
	t.Parallel()
	text := "ARG CONTAINER_APP_VERSION=1\nFROM alpine\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /\nRUN --mount=from=tools,target=/t true\n"
	report, err := validate.Run(t.Context(), validate.NewTree(fstest.MapFS{"containers/a/Dockerfile": {Data: []byte(text)}}, []string{"containers/a/Dockerfile"}), []validate.Check{containers}, validate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Do)
	}
	want := []string{
		"Write FROM alpine:VERSION with a tag that the registry has, or alpine@sha256:DIGEST.",
		"Write COPY --from=ghcr.io/astral-sh/uv:VERSION with a tag that the registry has, or ghcr.io/astral-sh/uv@sha256:DIGEST; or the name of a stage of this Dockerfile.",
		"Write --mount=from=tools:VERSION with a tag that the registry has, or tools@sha256:DIGEST; or the name of a stage of this Dockerfile.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
