package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Repository is a repository on the forge.
type Repository struct{ Owner, Name string }

// String is OWNER/NAME.
func (r Repository) String() string { return r.Owner + "/" + r.Name }

func (r Repository) api(segments ...string) string {
	return "/api/v1" + path(append([]string{"repos", r.Owner, r.Name}, segments...)...)
}

// release is a Release as the API's JSON.
type release struct {
	ID         int64  `json:"id,omitempty"`
	Tag        string `json:"tag_name"`
	Target     string `json:"target_commitish,omitempty"`
	Title      string `json:"name,omitempty"`
	Notes      string `json:"body,omitempty"`
	Draft      bool   `json:"draft"`
	Prerelease bool   `json:"prerelease"`
	URL        string `json:"html_url,omitempty"`
}

// wordsOf is a Release as the API's JSON.
func wordsOf(r vcs.Release) release {
	title := r.Title
	if title == "" {
		title = r.Tag
	}
	return release{Tag: r.Tag, Title: title, Notes: r.Notes, Draft: r.Draft, Prerelease: r.Prerelease}
}

// same reports whether an existing release has the fields of r.
func same(r, there vcs.Release) bool {
	want := wordsOf(r)
	return there.Tag == want.Tag && there.Title == want.Title && there.Draft == want.Draft && there.Prerelease == want.Prerelease &&
		(want.Notes == "" || lines(there.Notes) == lines(want.Notes))
}

// lines is a text with uniform line ends, which web pages change.
func lines(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

// Tag returns the commit that a tag names. ErrNotFound if there is no such tag.
func (c *Client) Tag(ctx context.Context, r Repository, tag string) (commit string, err error) {
	if err := c.check(r.Owner, r.Name, tag); err != nil {
		return "", err
	}
	var found struct{ Commit struct{ SHA string } }
	err = c.get(ctx, "look up tag "+tag, readRepository(r), r.api("tags", tag), nil, answer(&found))
	return found.Commit.SHA, err
}

// ReleaseByTag returns the release of a tag, which may be a draft if the token may see it. ErrNotFound if there is none.
func (c *Client) ReleaseByTag(ctx context.Context, r Repository, tag string) (vcs.Release, error) {
	if err := c.check(r.Owner, r.Name, tag); err != nil {
		return vcs.Release{}, err
	}
	var found release
	err := c.get(ctx, "look up release "+tag, readRepository(r), r.api("releases", "tags", tag), nil, answer(&found))
	return vcs.Release{
		ID: found.ID, Tag: found.Tag, Title: found.Title, Notes: found.Notes, Draft: found.Draft, Prerelease: found.Prerelease, URL: found.URL,
	}, err
}

// CreateRelease makes a release for a tag, which must name the commit: for a missing tag the forge would make one of its own,
// at the default branch. ErrExists if the tag has a release; an earlier attempt whose answer was lost may have left it.
func (c *Client) CreateRelease(ctx context.Context, r Repository, rel vcs.Release, commit string) (vcs.Release, error) {
	what := "announce " + rel.Tag
	named, err := c.Tag(ctx, r, rel.Tag)
	if err != nil {
		return vcs.Release{}, err
	}
	if named != commit {
		return vcs.Release{}, c.fail(ErrMismatch, what, fmt.Sprintf("has the tag at %s, expected %s", httpx.Clean(named), commit), "find out who moved the tag")
	}
	in := wordsOf(rel)
	in.Target = commit
	return c.write(ctx, r, rel, call{
		what: what, right: writeRepository(r),
		method: http.MethodPost, path: r.api("releases"), json: in, want: []int{http.StatusCreated},
	})
}

// UpdateRelease changes the release rel.ID to rel.
func (c *Client) UpdateRelease(ctx context.Context, r Repository, rel vcs.Release) (vcs.Release, error) {
	if err := c.check(r.Owner, r.Name); err != nil {
		return vcs.Release{}, err
	}
	return c.write(ctx, r, rel, call{
		what: "complete release " + rel.Tag, right: writeRepository(r),
		method: http.MethodPatch, path: r.api("releases", strconv.FormatInt(rel.ID, 10)), json: wordsOf(rel),
	})
}

// write changes a release and reads it back; ErrMismatch if they differ.
func (c *Client) write(ctx context.Context, r Repository, rel vcs.Release, q call) (vcs.Release, error) {
	if err := c.do(ctx, q); err != nil {
		return vcs.Release{}, err
	}
	there, err := c.ReleaseByTag(ctx, r, rel.Tag)
	switch {
	case errors.Is(err, ErrNotFound):
		return vcs.Release{}, c.fail(ErrMismatch, q.what, "accepted the release, but does not have it", "read the forge's log, then run this again")
	case err == nil && !same(rel, there):
		return vcs.Release{}, c.fail(ErrMismatch, q.what, "accepted the release, but stores different content", "read the forge's log, then run this again")
	}
	return there, err
}

// Announce makes rel the release of the tag, which must name the commit: it is found, made or completed.
func (c *Client) Announce(ctx context.Context, r Repository, rel vcs.Release, commit string) (vcs.Release, error) {
	there, err := c.ReleaseByTag(ctx, r, rel.Tag)
	if errors.Is(err, ErrNotFound) {
		there, err = c.CreateRelease(ctx, r, rel, commit)
		if errors.Is(err, ErrExists) { // another client was quicker, or the answer of our own attempt was lost
			there, err = c.ReleaseByTag(ctx, r, rel.Tag)
		}
	}
	if err != nil || same(rel, there) {
		return there, err
	}
	rel.ID = there.ID
	return c.UpdateRelease(ctx, r, rel)
}
