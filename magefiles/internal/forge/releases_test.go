package forge

import (
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

const notes = "### Features\n\n- One «thing» & <another>.\n\n```sh\nmage -l\n```\n"

func TestAnnounce(t *testing.T) {
	c := as(t, "write:repository")
	r, commit := seed(t, "announce")
	want := vcs.Release{Tag: "v1.0.0", Title: "v1.0.0", Notes: notes}
	_, err := c.ReleaseByTag(t.Context(), r, "v1.0.0")
	c.want(t, err, ErrNotFound)
	_, err = c.Announce(t.Context(), r, want, commit)
	c.want(t, err, ErrNotFound, "look up tag v1.0.0") // or the forge would make the tag
	tag(t, r, "v1.0.0", commit)
	_, err = c.Announce(t.Context(), r, want, strings.Repeat("0", 40))
	c.want(t, err, ErrMismatch, commit)

	first, err := c.Announce(t.Context(), r, want, commit)
	must(t, err)
	if first.Notes != notes || first.Title != "v1.0.0" || first.ID == 0 || !strings.Contains(first.URL, "/releases/tag/v1.0.0") {
		t.Errorf("announced %+v", first)
	}
	labForge(t).Proxy().Forget()
	if again, err := c.Announce(t.Context(), r, want, commit); err != nil || again != first {
		t.Errorf("again %+v, %v", again, err)
	}
	if asked := labForge(t).Proxy().Requests(); len(asked) != 1 || asked[0].Method != "GET" {
		t.Errorf("for what is there already it asked %v", asked)
	}
	if named, err := c.Tag(t.Context(), r, "v1.0.0"); err != nil || named != commit {
		t.Errorf("the tag names %s, %v", named, err)
	}
	_, err = c.CreateRelease(t.Context(), r, want, commit)
	c.want(t, err, ErrExists)
}

func TestAnnounceCompletes(t *testing.T) {
	c := as(t, "write:repository")
	r, commit := seed(t, "complete")
	tag(t, r, "v1.0.0", commit)
	draft, err := c.CreateRelease(t.Context(), r, vcs.Release{Tag: "v1.0.0", Title: "half", Draft: true, Prerelease: true}, commit)
	if err != nil || !draft.Draft || !draft.Prerelease {
		t.Fatalf("draft %+v, %v", draft, err)
	}
	whole, err := c.Announce(t.Context(), r, vcs.Release{Tag: "v1.0.0", Notes: notes}, commit)
	if err != nil || whole.ID != draft.ID || whole.Draft || whole.Prerelease || whole.Title != "v1.0.0" || whole.Notes != notes {
		t.Errorf("completed %+v, %v", whole, err)
	}
	kept, err := c.Announce(t.Context(), r, vcs.Release{Tag: "v1.0.0"}, commit)
	if err != nil || kept != whole {
		t.Errorf("without notes %+v, %v", kept, err)
	}
}

func TestAnnounceWithFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault faultproxy.Fault
		kind  error // nil: it succeeds
	}{
		"503":         {faultproxy.Fault{Kind: faultproxy.Status, Times: 2}, nil},
		"refused":     {faultproxy.Fault{Kind: faultproxy.Refuse, Times: 2}, nil},
		"lost answer": {faultproxy.Fault{Kind: faultproxy.Custom, Method: "POST", Times: 1, Serve: serveAndBreak}, nil},
		"dropped":     {faultproxy.Fault{Kind: faultproxy.Drop}, ErrMismatch},
		"expired":     {faultproxy.Fault{Kind: faultproxy.Expire}, ErrDenied},
		"down":        {faultproxy.Fault{Kind: faultproxy.Refuse}, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			as := as(t, "write:repository")
			r, commit := seed(t, strings.ReplaceAll("faults-"+name, " ", "-"))
			tag(t, r, "v1.0.0", commit)
			mend := labForge(t).Proxy().Fail(c.fault)
			got, err := as.Announce(t.Context(), r, vcs.Release{Tag: "v1.0.0", Notes: notes}, commit)
			mend()
			if c.kind == nil && (err != nil || got.Notes != notes) {
				t.Errorf("%+v, %v", got, err)
			}
			if c.kind != nil {
				as.want(t, err, c.kind)
			}
			if got, err = as.Announce(t.Context(), r, vcs.Release{Tag: "v1.0.0", Notes: notes}, commit); err != nil || got.Notes != notes {
				t.Errorf("run again: %+v, %v", got, err)
			}
		})
	}
}

func TestAnnounceInARace(t *testing.T) {
	c := as(t, "write:repository")
	r, commit := seed(t, "race")
	tag(t, r, "v1.0.0", commit)
	ids := make([]int64, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			got, err := c.Announce(t.Context(), r, vcs.Release{Tag: "v1.0.0", Notes: notes}, commit)
			if err != nil {
				t.Error(err)
			}
			ids[i] = got.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("several releases: %v", ids)
		}
	}
}
