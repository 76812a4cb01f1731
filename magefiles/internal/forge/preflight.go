package forge

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// Need lists the operations that Preflight asks about; "" and false are skipped.
type Need struct {
	Repository Repository // to push to
	Branch     string     // of the repository, to push to
	Tags       []string   // of the repository, to create
	Releases   bool       // of the repository, to publish
	Packages   string     // owner of packages to write
	Public     bool       // everybody must be able to read those packages
	Runs       bool       // whether to follow runs of its workflows
}

// Check is the result of one question of Preflight.
type Check struct {
	What   string // as in "push to main of eblume/blumeops"
	Detail string // the finding; "" for nothing in particular
	Doubt  string // why it may still fail, if that cannot be known before; "" for none
	Err    error  // why it cannot be done; nil if it can
}

// Preflight asks whether the token may do the operations of n, and writes nothing. It sends requests that the forge must
// refuse as invalid, and checks whether it refuses them for missing rights instead. If the token is not valid, that is the
// only check.
func (c *Client) Preflight(ctx context.Context, n Need) []Check {
	checks := []Check{c.checkToken(ctx)}
	if checks[0].Err != nil {
		return checks
	}
	if n.Repository.Name != "" {
		checks = append(checks, c.checkRepository(ctx, n))
	}
	if n.Branch != "" {
		checks = append(checks, c.checkBranch(ctx, n))
	}
	if len(n.Tags) > 0 {
		checks = append(checks, c.checkTags(ctx, n))
	}
	if n.Runs {
		checks = append(checks, c.checkRuns(ctx, n))
	}
	if n.Releases {
		checks = append(checks, c.checkReleases(ctx, n))
	}
	if n.Packages != "" {
		checks = append(checks, c.checkPackages(ctx, n))
	}
	if n.Packages != "" && n.Public {
		checks = append(checks, c.checkPublic(ctx, n))
	}
	return checks
}

// checkToken asks for the token's user. A token that may not read it is valid, too.
func (c *Client) checkToken(ctx context.Context) Check {
	check := Check{What: "token of " + c.base.Host}
	var user struct{ Login string }
	check.Err = c.get(ctx, "read the token's user", readUser, "/api/v1/user", nil, answer(&user))
	var e *Error
	switch {
	case check.Err == nil:
		check.Detail = "user " + httpx.Clean(user.Login)
	case errors.As(check.Err, &e) && e.Kind == ErrDenied && e.Status == http.StatusForbidden:
		check.Err, check.Detail = nil, "valid; it may not read its user"
	case errors.As(check.Err, &e) && e.Kind == ErrDenied:
		e.Advice = strings.Replace(e.Advice, readUser.scope, "write:repository and write:package", 1)
	}
	return check
}

func (c *Client) checkRepository(ctx context.Context, n Need) Check {
	check := Check{What: "push to repository " + n.Repository.String()}
	var found struct {
		Archived, Mirror bool
		HasReleases      *bool `json:"has_releases"`
		Permissions      struct{ Push bool }
	}
	right := writeRepository(n.Repository)
	check.Err = c.get(ctx, "read repository "+n.Repository.String(), right, n.Repository.api(), nil, answer(&found))
	refuse := func(kind error, problem, advice string) { check.Err = c.fail(kind, check.What, problem, advice) }
	switch {
	case check.Err != nil:
	case found.Archived:
		refuse(ErrRejected, "has archived the repository", "unarchive it in the repository's settings")
	case found.Mirror:
		refuse(ErrRejected, "has it as a mirror, which cannot be pushed to", "push to the repository that it mirrors")
	case !found.Permissions.Push:
		e := c.fail(ErrDenied, check.What, "does not let the user of this token "+right.do, "give the user that right, or use the token of a user who has it")
		e.Missing = "right to " + right.do
		check.Err = e
	case n.Releases && found.HasReleases != nil && !*found.HasReleases:
		refuse(ErrRejected, "has releases disabled for the repository", "enable them in the repository's settings")
	}
	return check
}

// checkBranch asks whether the branch's protection lets the user push. A branch that does not exist yet has no protection to ask for.
func (c *Client) checkBranch(ctx context.Context, n Need) Check {
	check := Check{What: "push to " + n.Branch + " of " + n.Repository.String()}
	var found struct {
		Protected   bool
		UserCanPush bool `json:"user_can_push"`
	}
	check.Err = c.get(ctx, "read branch "+n.Branch, readRepository(n.Repository), n.Repository.api("branches", n.Branch), nil, answer(&found))
	switch {
	case errors.Is(check.Err, ErrNotFound):
		check.Err, check.Detail = nil, "does not exist yet"
	case check.Err != nil:
	case !found.UserCanPush:
		e := c.fail(ErrDenied, check.What, "does not let the user of this token push to it", "give the user the right to write")
		e.Missing = "right to push to " + n.Branch
		if found.Protected {
			e.Problem, e.Advice = e.Problem+": the branch is protected", "allow the user to push in the branch's protection"
		}
		check.Err = e
	case found.Protected:
		check.Detail = "protected, and the user may push"
	}
	return check
}

// checkReleases asks for a release without a tag. A forge checks the rights first, and then refuses it with 422.
func (c *Client) checkReleases(ctx context.Context, n Need) Check {
	return Check{What: "announce releases of " + n.Repository.String(), Err: c.do(ctx, call{
		what: "check the right to announce", right: writeRepository(n.Repository),
		method: http.MethodPost, path: n.Repository.api("releases"), json: struct{}{}, want: []int{http.StatusUnprocessableEntity},
	})}
}

// checkPackages uploads nothing under an impossible name. A forge checks the rights and the quota first, and then refuses
// it with 400.
func (c *Client) checkPackages(ctx context.Context, n Need) Check {
	f := File{Owner: n.Packages, Package: impossible, Version: impossible, Name: impossible}
	return Check{What: "write packages of " + n.Packages, Err: c.do(ctx, call{
		what: "check the right to write packages", right: writePackages(n.Packages),
		method: http.MethodPut, path: f.Path(), want: []int{http.StatusBadRequest},
	})}
}

// checkPublic reads a package that cannot exist, anonymously: anybody who may read gets 404.
func (c *Client) checkPublic(ctx context.Context, n Need) Check {
	f := File{Owner: n.Packages, Package: impossible, Version: impossible, Name: impossible}
	return Check{What: "packages of " + n.Packages + " are public", Err: c.do(ctx, call{
		what: "read packages anonymously", right: readPackages(n.Packages), anonymous: true,
		path: f.Path(), want: []int{http.StatusNotFound},
	})}
}

// Failures joins the errors of checks.
func Failures(checks []Check) error {
	var failed []error
	for _, c := range checks {
		if c.Err != nil {
			failed = append(failed, c.Err)
		}
	}
	return errors.Join(failed...)
}
