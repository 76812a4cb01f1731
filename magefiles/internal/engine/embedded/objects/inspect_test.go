package objects

import (
	"slices"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		cmd  []string
		want string
	}{
		{[]string{"/bin/sh", "-c", `echo "a b" && false`}, `echo "a b" && false`},
		{[]string{"/bin/bash", "-o", "pipefail", "-c", "false | true"}, "false | true"},
		{[]string{"/bin/bash", "-eux", "script"}, "/bin/bash -eux script"},
		{[]string{"make", "it's", "A=b c"}, `make "it's" 'A=b c'`},
		{[]string{"printf", "\xff"}, "printf '\xff'"},
		{nil, ""},
	} {
		if got := commandLine(c.cmd); got != c.want {
			t.Errorf("%q: %q, want %q", c.cmd, got, c.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	var output strings.Builder
	for range 30 {
		output.WriteString("line\n")
	}
	lines := describe(&ExecError{Cmd: []string{"make", "all"}, ExitCode: 2}, []byte(output.String()+"last\n"), false, false)
	if lines[0] != "failed: make all (exit code 2)" || len(lines) != 2+lastLines || lines[lastLines] != "  | last" {
		t.Errorf("%q", lines)
	}
	lines = describe(&ExecError{Cmd: []string{"make"}, ExitCode: 1, Stderr: "why"}, nil, true, true)
	if lines[1] != "  | why" || !strings.Contains(lines[2], "the image has none") || !strings.Contains(lines[3], "real values") {
		t.Errorf("%q", lines)
	}
}

func TestSearchPath(t *testing.T) {
	if got := searchPath([]string{"A=b", "PATH=/opt/bin:/bin"}); !slices.Equal(got, []string{"/opt/bin", "/bin"}) {
		t.Errorf("%q", got)
	}
	if got := searchPath(nil); len(got) != 6 {
		t.Errorf("%q", got)
	}
}
