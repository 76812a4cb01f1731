package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// printing are runs that print on stdout, one for each target that does. Those of homelab need a forge, and are tried in the season.
var printing = map[string][]string{
	"ci":                {"-only=validate"},
	"container:build":   {"files"},
	"container:changed": nil,
	"container:list":    nil,
	"container:publish": {"files", "v1.4.2", "-platform=linux/amd64"},
	"docs:changelog":    {"v0.1.0", "-draft"},
	"docs:serve":        {"-archive=out/site.tar.gz"},
	"engine:prune":      {"-all"},
	"engine:serve":      nil,
	"engine:status":     nil,
	"engine:up":         nil,
	"lab:env":           nil,
	"lab:status":        nil,
	"lab:up":            {"-parts=registry"},
	"secrets:check":     nil,
	"validate":          nil,
}

// inHomelab are the targets that print on stdout and need a forge.
var inHomelab = []string{"ci:tag", "container:promote", "container:release", "docs:build", "docs:release", "docs:rollback", "doctor", "drift"}

// silent are the targets that print nothing on stdout.
var silent = []string{"engine:down", "lab:down"}

// withoutJSON are targets that have no -format.
var withoutJSON = []string{"docs:serve", "engine:prune", "engine:serve", "engine:up"}

// TestResultsThatCannotBeWritten has every target that prints a result fail where its stdout is a full device, or a pipe that nobody reads.
func TestResultsThatCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	w.withLab()
	w.mage("lab:up", "-parts=registry")
	w.useLab()
	w.env["BLUMEOPS_FORGE_TOKEN"] = "canary-forge-5c1b" // for secrets:check to find
	w.write("docs/bad.md", "no title\n")
	w.write("docs/changelog.d/1.feature.md", "Something new.\n")
	w.write("towncrier.toml", "[tool.towncrier]\nfilename = \"CHANGELOG.md\"\ndirectory = \"docs/changelog.d\"\n")
	w.commitAll("Go on")
	if err := writeNew(filepath.Join(w.repo, "out", "site.tar.gz"), site(t)); err != nil {
		t.Fatal(err)
	}
	var covered []string
	for _, target := range slices.Sorted(maps.Keys(printing)) {
		covered = append(covered, target)
		t.Run(target, func(t *testing.T) {
			one := *w
			one.t = t
			if target == "engine:prune" { // not of what other tests build on
				one.env = maps.Clone(w.env)
				one.env["BLUMEOPS_ENGINE_STATE"] = filepath.Join(w.work, "state")
			}
			one.unwritable(target, printing[target]...)
		})
	}
	covered = append(append(covered, inHomelab...), silent...)
	for _, target := range listed.FindAllStringSubmatch(w.mage("-l"), -1) {
		if !slices.Contains(covered, target[1]) {
			t.Errorf("%s: nothing tells whether it fails where its result cannot be written: add it to printing, inHomelab or silent", target[1])
		}
	}
	for _, variable := range []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"} {
		for _, args := range [][]string{{"container:publish", "files", "v1.4.2", "-platform=linux/amd64"}, {"container:changed"}, {"ci", "-only=validate"}} {
			w.fullJobFile(variable, args...)
		}
	}
}

// site is an archive of a site.
func site(t *testing.T) []byte {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	files := tar.NewWriter(zip)
	const page = "<p>open</p>"
	err := files.WriteHeader(&tar.Header{Name: "index.html", Mode: 0o644, Size: int64(len(page)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = files.Write([]byte(page))
	}
	for _, c := range []interface{ Close() error }{files, zip} {
		if closed := c.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// unwritable wants a run that would print a result to fail, and to say why, as text and as JSON.
func (w *world) unwritable(target string, args ...string) {
	w.t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	defer full.Close()
	read, write, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	defer write.Close()
	if err := read.Close(); err != nil {
		w.t.Fatal(err)
	}
	for _, to := range []struct {
		stdout *os.File
		says   string
		json   bool
	}{{full, "no space left on device", false}, {write, "broken pipe", true}} {
		line := append([]string{target}, args...)
		if to.json && !slices.Contains(withoutJSON, target) {
			line = append(line, "-format=json")
		}
		cmd := w.command(line...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = to.stdout, &stderr
		_ = cmd.Run() // its state tells
		if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(stderr.String(), to.says) {
			w.t.Errorf("%s >%s: status %d, want 1 and %q\n%s", strings.Join(line, " "), to.stdout.Name(), status, to.says, stderr.String())
		}
	}
}

// fullJobFile wants a run to fail whose result for the steps of a CI job cannot be written, and to print it all the same.
func (w *world) fullJobFile(variable string, args ...string) {
	w.t.Helper()
	w.env[variable] = "/dev/full"
	defer delete(w.env, variable)
	got := w.run(args...)
	if got.status != 1 || got.stdout == "" || !strings.Contains(got.stderr, "the file of $"+variable) {
		w.t.Errorf("%s=/dev/full %s: %+v", variable, strings.Join(args, " "), got)
	}
}
