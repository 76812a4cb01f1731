package checks

import (
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// TestAbsentSubmodules are told: all checks together say nothing of what is not there.
func TestAbsentSubmodules(t *testing.T) {
	fsys := fstest.MapFS{"containers/sub": {Mode: 0o755 | 1<<31}, "containers/x/Dockerfile": {Data: []byte("FROM scratch\nARG CONTAINER_APP_VERSION=1\n")}}
	about := site
	about.Absent = map[string]string{"containers/sub": "containers/sub is a submodule, which is missing: bring it"}
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, []string{"containers/x/Dockerfile"}), []validate.Check{files, containers}, validate.Options{Site: about})
	if err != nil || len(report.Findings) != 1 || !strings.Contains(report.Findings[0].String(), "containers/sub: containers/sub is a submodule, which is missing: bring it [files/unreadable]") {
		t.Errorf("%+v, %v", report, err)
	}
}
