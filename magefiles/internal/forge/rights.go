package forge

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// right is a right that a call requires of the token and its user.
type right struct {
	scope string // of the token, as in write:package
	do    string // as in "write packages of eblume"
	owner string // of packages; "" for other things
}

var readUser = right{scope: "read:user", do: "read its user"}

func writePackages(owner string) right {
	return right{"write:package", "write packages of " + owner, owner}
}

func readPackages(owner string) right {
	return right{"read:package", "read packages of " + owner, owner}
}

func writeRepository(r Repository) right {
	return right{scope: "write:repository", do: "write to repository " + r.String()}
}

func readRepository(r Repository) right {
	return right{scope: "read:repository", do: "read repository " + r.String()}
}

// explainDenial finds out which right is missing. For repositories the forge says so. For packages it answers 401 with the same
// text to an unknown token, to one without the scope and to one of a user without the right, so this needs more requests.
func (c *Client) explainDenial(ctx context.Context, e *Error, q call, answer *httpx.StatusError, said string) {
	e.Kind = ErrDenied
	switch {
	case strings.Contains(answer.Said, "quota"):
		e.Kind, e.Problem, e.Advice = ErrRejected, "refuses more content"+said, "delete unused packages, or raise the owner's quota"
	case q.anonymous:
		e.Missing, e.Problem = "anonymous read access", "does not let anonymous users "+q.right.do+said
		e.Advice = "make the owner of the packages public"
	case c.token.Known() == "":
		e.Missing, e.Problem = "token", "requires a token to "+q.right.do+said
		e.Advice = "set the forge's token: one with the scope " + q.right.scope
	case answer.Status == http.StatusUnauthorized && c.unknownToken(ctx):
		e.Missing, e.Problem = "valid token", "does not accept this token"
		e.Advice = "it may be incomplete, expired or revoked: create another (Settings, Applications) with the scope " + q.right.scope
	case c.lacksScope(ctx, q, answer):
		e.Missing, e.Problem = "scope "+q.right.scope, "does not let this token "+q.right.do+": it does not have the scope "+q.right.scope
		e.Advice = "create a token (Settings, Applications) that has the scope " + q.right.scope
	default:
		e.Missing, e.Problem = "right to "+q.right.do, "does not let the user of this token "+q.right.do+said
		e.Advice = "give the user that right, or use the token of a user who has it"
		if q.right.owner != "" {
			e.Advice += "; a job's own token (GITHUB_TOKEN) never has it on some forges"
		}
	}
}

// unknownToken reports whether the forge does not know the token at all. A token that may not read its own user gets 403.
func (c *Client) unknownToken(ctx context.Context) bool {
	return c.status(ctx, call{path: "/api/v1/user"}).Status == http.StatusUnauthorized
}

// lacksScope reports whether the token, rather than its user, is not allowed to do something.
func (c *Client) lacksScope(ctx context.Context, q call, answer *httpx.StatusError) bool {
	if q.right.owner != "" && answer.Status == http.StatusUnauthorized {
		method := http.MethodGet
		if strings.HasPrefix(q.right.scope, "write:") {
			method = http.MethodDelete // of a package that cannot exist; this route checks scopes first, and says so
		}
		answer = c.status(ctx, call{method: method, path: "/api/v1" + path("packages", q.right.owner, "generic", impossible, impossible)})
	}
	return answer.Status == http.StatusForbidden && strings.Contains(answer.Said, "required scope")
}

// impossible is a name that no package has, as forges refuse it.
const impossible = "!"

// status makes a call once, and returns any answer; 0 without one.
func (c *Client) status(ctx context.Context, q call) *httpx.StatusError {
	var answer *httpx.StatusError
	if err := c.attempt(ctx, q); !errors.As(err, &answer) {
		return &httpx.StatusError{}
	}
	return answer
}
