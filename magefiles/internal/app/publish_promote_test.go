package app

import (
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// What would block the promotion fails before there is an image.
func TestMayPromote(t *testing.T) {
	h := newHomelab(t)
	for name, c := range map[string]struct {
		args     task.PublishArgs
		then     Promoting
		readOnly bool
		want     string // in the error; "" is none
		said     string
	}{
		"nothing follows":      {args: task.PublishArgs{Name: "a"}},
		"sync alone":           {args: task.PublishArgs{Name: "a"}, then: Promoting{Sync: true}, want: "-promote"},
		"another registry":     {args: task.PublishArgs{Name: "a", Registry: "other.example"}, then: Promoting{On: true}, want: "other.example"},
		"no name":              {args: task.PublishArgs{Name: "a,B!"}, then: Promoting{On: true}, want: "B!"},
		"all is well":          {args: task.PublishArgs{Name: "a"}, then: Promoting{On: true}},
		"changed ones":         {args: task.PublishArgs{Name: task.NamesChanged}, then: Promoting{On: true}},
		"one is not deployed":  {args: task.PublishArgs{Name: "a,b"}, then: Promoting{On: true}, said: "nothing is promoted"},
		"no push right":        {args: task.PublishArgs{Name: "a"}, then: Promoting{On: true}, readOnly: true, want: "write access"},
		"changed, and no push": {args: task.PublishArgs{Name: task.NamesChanged}, then: Promoting{On: true}, readOnly: true, want: "write access"},
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
	h.publish("b:v1.1.0", before)
	one := task.Published{Name: "a", Version: "v1.1.0", Digest: digest, Reference: h.Registry + "/me/a:v1.1.0@" + digest}
	unused, failed := one, task.Published{}
	unused.Name = "b"
	if err := h.promoteAll(t.Context(), one, false, Promoting{}); err != nil || h.git(h.bare, "rev-parse", "main") != before {
		t.Errorf("without -promote: %v", err)
	}
	if err := h.promoteAll(t.Context(), one, true, Promoting{On: true}); err != nil || h.git(h.bare, "rev-parse", "main") != before {
		t.Errorf("a dry run: %v", err)
	}
	if !strings.Contains(h.out.String(), "+    newTag: v1.1.0") {
		t.Errorf("the dry run shows %s", h.out)
	}
	h.readOnly.Store(true)
	if err := h.promoteAll(t.Context(), one, false, Promoting{On: true}); err == nil || !strings.Contains(err.Error(), "promote a: ") {
		t.Errorf("without the right: %v", err)
	}
	h.readOnly.Store(false)
	if err := h.promoteAll(t.Context(), task.PublishedMany{failed, unused, one}, false, Promoting{On: true}); err != nil {
		t.Error(err)
	}
	if text := h.git(h.bare, "show", "main:argocd/manifests/a/kustomization.yaml"); !strings.Contains(text, "newTag: v1.1.0") || !strings.Contains(text, digest) {
		t.Errorf("the forge has %s", text)
	}
}
