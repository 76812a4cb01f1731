package checks

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// TestAbsentSubmodules checks that a missing submodule is reported, and that no check reports the files missing in it.
func TestAbsentSubmodules(t *testing.T) {
	fsys := fstest.MapFS{"containers/sub": {Mode: 0o755 | 1<<31}, "containers/x/Dockerfile": {Data: []byte("FROM scratch\nARG CONTAINER_APP_VERSION=1\n")}}
	about := site
	about.Absent = map[string]string{"containers/sub": "containers/sub is a submodule, which is missing: bring it"}
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, []string{"containers/x/Dockerfile"}), []validate.Check{files, containers}, validate.Options{Site: about})
	if err != nil || len(report.Findings) != 1 || !strings.Contains(report.Findings[0].String(), "containers/sub: containers/sub is a submodule, which is missing: bring it [files/unreadable]") {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestSubmodulesAreContainers: a manifest and a Dockerfile name the image of a container that is a submodule, checked out or not. The
// checks must not treat the container as removed.
func TestSubmodulesAreContainers(t *testing.T) {
	t.Parallel()
	const dockerfile, pod = "containers/x/Dockerfile", "argocd/pod.yaml"
	text := "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
	from := "ARG CONTAINER_APP_VERSION=1\n"
	for _, name := range []string{"out", "absent", "gone"} {
		from += "FROM registry.example/site/" + name + ":v1.0.0\n"
		text += "    - {name: " + name + ", image: 'registry.example/site/" + name + ":v1.0.0'}\n"
	}
	fsys := fstest.MapFS{
		dockerfile: {Data: []byte(from)}, pod: {Data: []byte(text)}, "containers/out/.git": {Data: []byte("gitdir: ../../.git/modules/out\n")},
		"containers/absent": {Mode: 0o755 | 1<<31}, "containers/gone/ignored": {},
	}
	about := site
	about.Absent = map[string]string{"containers/absent": "is missing"}
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, []string{dockerfile, pod}), []validate.Check{containers, manifests}, validate.Options{Site: about})
	if err != nil || len(report.Failures) > 0 {
		t.Fatal(report.Failures, err)
	}
	var got []string
	for _, f := range report.Findings {
		if f.Rule == "own-base" || f.Check == "manifests" {
			got = append(got, f.Path+" "+f.Rule)
			if !strings.HasSuffix(f.Message, "the folder containers/gone does not exist") {
				t.Errorf("%s", f)
			}
		}
	}
	if want := []string{pod + " container", dockerfile + " own-base"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
