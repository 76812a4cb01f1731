package deploy

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// testTag goes from container:release to the image that ci:tag publishes, as the forge's workflow would.
func (h *homelab) testTag(t *testing.T) {
	defer h.With(map[string]string{"BLUMEOPS_REGISTRY": "", "BLUMEOPS_REGISTRY_USER": "none"})()
	registry := h.NewRegistry(lab.RegistryOptions{})
	h.Write("containers/greeter/main.go", "// Command greeter greets.\npackage main\n\nfunc main() { println(\"hello\") }\n")
	h.Write("go.mod", "module forge.example/homelab\n\ngo 1.26\n")
	h.Write("notes.txt", "There is something to tag.\n")
	h.CommitAndPush("Write what is tagged")
	head := h.Git("rev-parse", "HEAD")
	tags := func() string { return h.Git("ls-remote", "--tags", "origin", "greeter-*") }

	dry := h.Run("container:release", "greeter", "minor", "-dryrun")
	if dry.Status != 0 || dry.Stdout != "greeter-v0.1.0\n" || !strings.Contains(dry.Stderr, "would push greeter-v0.1.0, and nothing else") || tags() != "" {
		t.Fatalf("dry run: %+v, tags %q", dry, tags())
	}
	for range 2 { // again is a success
		if got := h.Mage("container:release", "greeter", "minor"); got != "greeter-v0.1.0" {
			t.Fatalf("prints %q", got)
		}
	}
	if there := tags(); !strings.Contains(there, head+"\trefs/tags/greeter-v0.1.0^{}") || strings.Count(there, "\n") != 1 {
		t.Errorf("the forge has %q", there)
	}
	if text := h.Git("cat-file", "-p", "greeter-v0.1.0^{tag}"); !strings.Contains(text, "-----BEGIN SSH SIGNATURE-----") {
		t.Errorf("the tag is not signed:\n%s", text)
	}
	if writes := registry.Writes(); len(writes) > 0 {
		t.Errorf("a release wrote %q to the registry", writes)
	}

	line := h.Mage("ci:tag", "refs/tags/greeter-v0.1.0")
	if p := registry.MustImage(t, "blumeops/greeter:v0.1.0"); p.Digest.String() != e2etest.DigestPattern.FindString(line) {
		t.Errorf("the registry has %s, and %q was printed", p.Digest, line)
	}
	h.Write("notes.txt", "There is something else.\n")
	h.CommitAndPush("Go on")
	registry.Forget()
	if again := h.Mage("ci:tag", "greeter-v0.1.0"); again != line { // wherever the checkout is by then
		t.Errorf("again: %q, and %q before", again, line)
	}
	h.Git("tag", "greeter-v0.1.9", head)
	h.PushRef("greeter-v0.1.9")
	for ref, want := range map[string]struct {
		status int
		says   string
	}{
		"greeter-v0.1.9":            {1, "tag greeter-v0.1.9 is on another commit at the forge: " + head[:12]},
		"greeter-v9.0.0":            {1, "tag greeter-v9.0.0 not found at the forge"},
		"$(touch tagged)-v1.0.0":    {2, "expected NAME-vX.Y.Z"},
		"greeter-v0.1.0\nx":         {2, "expected NAME-vX.Y.Z"},
		strings.Repeat("a", 200):    {2, "expected NAME-vX.Y.Z"},
		"refs/heads/greeter-v1.0.0": {2, "is not a tag"},
		"v1.2.3":                    {0, "v1.2.3 is not a container tag"},
	} {
		got := h.Run("ci:tag", ref)
		if got.Status != want.status || !strings.Contains(got.Stderr, want.says) || got.Stdout != "" {
			t.Errorf("%q: %+v", ref, got)
		}
	}
	if writes := registry.Writes(); len(writes) > 0 || h.Git("status", "--porcelain") != "" {
		t.Errorf("wrote %q, changed %q", writes, h.Git("status", "--porcelain"))
	}
	if got := h.Run("container:release", "greeter", "v0.1.0"); got.Status != 1 || !strings.Contains(got.Stderr, "is already on another commit at the forge: "+head[:12]) {
		t.Errorf("the same version of another commit: %+v", got)
	}
}
