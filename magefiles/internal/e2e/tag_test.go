package e2e

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// testTag goes from container:release to the image that ci:tag publishes, as the forge's workflow would.
func (h *homelab) testTag(t *testing.T) {
	defer h.with(map[string]string{"BLUMEOPS_REGISTRY": "", "BLUMEOPS_REGISTRY_USER": "none"})()
	registry := h.newServer(lab.RegistryOptions{})
	h.write("containers/greeter/main.go", "// Command greeter greets.\npackage main\n\nfunc main() { println(\"hello\") }\n")
	h.write("go.mod", "module forge.example/homelab\n\ngo 1.26\n")
	h.write("notes.txt", "There is something to tag.\n")
	h.commitAndPush("Write what is tagged")
	head := h.git("rev-parse", "HEAD")
	tags := func() string { return h.git("ls-remote", "--tags", "origin", "greeter-*") }

	dry := h.run("container:release", "greeter", "minor", "-dryrun")
	if dry.status != 0 || dry.stdout != "greeter-v0.1.0\n" || !strings.Contains(dry.stderr, "would push greeter-v0.1.0, and nothing else") || tags() != "" {
		t.Fatalf("dry run: %+v, tags %q", dry, tags())
	}
	for range 2 { // again is a success
		if got := h.mage("container:release", "greeter", "minor"); got != "greeter-v0.1.0" {
			t.Fatalf("prints %q", got)
		}
	}
	if there := tags(); !strings.Contains(there, head+"\trefs/tags/greeter-v0.1.0^{}") || strings.Count(there, "\n") != 1 {
		t.Errorf("the forge has %q", there)
	}
	if text := h.git("cat-file", "-p", "greeter-v0.1.0^{tag}"); !strings.Contains(text, "-----BEGIN SSH SIGNATURE-----") {
		t.Errorf("the tag is not signed:\n%s", text)
	}
	if writes := registry.writes(); len(writes) > 0 {
		t.Errorf("a release wrote %q to the registry", writes)
	}

	line := h.mage("ci:tag", "refs/tags/greeter-v0.1.0")
	if p := registry.mustImage(t, "blumeops/greeter:v0.1.0"); p.digest.String() != digestIn.FindString(line) {
		t.Errorf("the registry has %s, and %q was printed", p.digest, line)
	}
	h.write("notes.txt", "There is something else.\n")
	h.commitAndPush("Go on")
	registry.Forget()
	if again := h.mage("ci:tag", "greeter-v0.1.0"); again != line { // wherever the checkout is by then
		t.Errorf("again: %q, and %q before", again, line)
	}
	h.git("tag", "greeter-v0.1.9", head)
	h.pushRef("greeter-v0.1.9")
	for ref, want := range map[string]struct {
		status int
		says   string
	}{
		"greeter-v0.1.9":            {1, "the tag greeter-v0.1.9 is on commit " + head[:12]},
		"greeter-v9.0.0":            {1, "the forge has no tag greeter-v9.0.0"},
		"$(touch tagged)-v1.0.0":    {2, "want NAME-vX.Y.Z"},
		"greeter-v0.1.0\nx":         {2, "want NAME-vX.Y.Z"},
		strings.Repeat("a", 200):    {2, "want NAME-vX.Y.Z"},
		"refs/heads/greeter-v1.0.0": {2, "is no tag"},
		"v1.2.3":                    {0, "v1.2.3 is not a container tag"},
	} {
		got := h.run("ci:tag", ref)
		if got.status != want.status || !strings.Contains(got.stderr, want.says) || got.stdout != "" {
			t.Errorf("%q: %+v", ref, got)
		}
	}
	if writes := registry.writes(); len(writes) > 0 || h.git("status", "--porcelain") != "" {
		t.Errorf("wrote %q, changed %q", writes, h.git("status", "--porcelain"))
	}
	if got := h.run("container:release", "greeter", "v0.1.0"); got.status != 1 || !strings.Contains(got.stderr, "is on commit "+head[:12]) {
		t.Errorf("the same version of another commit: %+v", got)
	}
}
