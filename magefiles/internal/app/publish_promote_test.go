package app

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// What would block the promotion fails before there is an image.
func TestMayPromote(t *testing.T) {
	h := newHomelab(t)
	for name, c := range map[string]struct {
		args     tasks.PublishArgs
		then     tasks.Promoting
		readOnly bool
		want     string // in the error; "" is none
		said     string
	}{
		"nothing follows":      {args: tasks.PublishArgs{Name: "a"}},
		"sync alone":           {args: tasks.PublishArgs{Name: "a"}, then: tasks.Promoting{Sync: true}, want: "-promote"},
		"another registry":     {args: tasks.PublishArgs{Name: "a", Registry: "other.example"}, then: tasks.Promoting{On: true}, want: "other.example"},
		"no name":              {args: tasks.PublishArgs{Name: "a,B!"}, then: tasks.Promoting{On: true}, want: "B!"},
		"all is well":          {args: tasks.PublishArgs{Name: "a"}, then: tasks.Promoting{On: true}},
		"changed ones":         {args: tasks.PublishArgs{Name: publish.NamesChanged}, then: tasks.Promoting{On: true}},
		"one is not deployed":  {args: tasks.PublishArgs{Name: "a,b"}, then: tasks.Promoting{On: true}, said: "it is not promoted"},
		"no push right":        {args: tasks.PublishArgs{Name: "a"}, then: tasks.Promoting{On: true}, readOnly: true, want: "read only"},
		"changed, and no push": {args: tasks.PublishArgs{Name: publish.NamesChanged}, then: tasks.Promoting{On: true}, readOnly: true, want: "read only"},
	} {
		h.readOnly.Store(c.readOnly)
		h.out.Reset()
		err := h.mayPromote(t.Context(), c.args, c.then)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if !strings.Contains(h.out.String(), c.said) {
			t.Errorf("%s: said %q, want %q", name, h.out, c.said)
		}
	}
}

// All that were published are promoted, whatever becomes of one of them.
func TestPromoteAll(t *testing.T) {
	h := newHomelab(t)
	before := h.git(h.bare, "rev-parse", "main")
	digest := h.publish("a:v1.1.0", before)
	unusedDigest := h.publish("b:v1.1.0", before)
	one := publish.Result{Name: "a", Version: "v1.1.0", Digest: digest, Reference: h.Registry + "/me/a:v1.1.0@" + digest}
	unused, failed := one, publish.Result{}
	unused.Name, unused.Digest = "b", unusedDigest
	if err := h.promoteAll(t.Context(), one, false, tasks.Promoting{}); err != nil || h.git(h.bare, "rev-parse", "main") != before {
		t.Errorf("without -promote: %v", err)
	}
	if err := h.promoteAll(t.Context(), one, true, tasks.Promoting{On: true}); err != nil || h.git(h.bare, "rev-parse", "main") != before {
		t.Errorf("a dry run: %v", err)
	}
	if !strings.Contains(h.out.String(), "+    newTag: v1.1.0") {
		t.Errorf("the dry run shows %s", h.out)
	}
	h.readOnly.Store(true)
	if err := h.promoteAll(t.Context(), one, false, tasks.Promoting{On: true}); err == nil || !strings.Contains(err.Error(), "promote a: ") {
		t.Errorf("without the right: %v", err)
	}
	h.readOnly.Store(false)
	if err := h.promoteAll(t.Context(), publish.Results{failed, unused, one}, false, tasks.Promoting{On: true}); err != nil {
		t.Error(err)
	}
	if text := h.git(h.bare, "show", "main:argocd/manifests/a/kustomization.yaml"); !strings.Contains(text, "newTag: v1.1.0") || !strings.Contains(text, digest) {
		t.Errorf("the forge has %s", text)
	}
}
