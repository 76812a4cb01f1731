package forge

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gobwas/glob"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// protection is a rule about tags: only those that it lists may make or delete a tag of that name, not even the owner may.
type protection struct {
	Pattern string   `json:"name_pattern"` // a glob, or a regular expression between slashes
	Users   []string `json:"whitelist_usernames"`
	Teams   []string `json:"whitelist_teams"` // of the repository's owner
}

// protects reports whether the rule is about a tag (models/git/protected_tag.go of Forgejo and Gitea). A rule that the forge cannot parse
// protects all tags.
func (p protection) protects(tag string) bool {
	if expression, ok := strings.CutPrefix(p.Pattern, "/"); ok && strings.HasSuffix(expression, "/") {
		re, err := regexp.Compile(strings.TrimSuffix(expression, "/"))
		return err != nil || re.MatchString(tag)
	}
	return matches(p.Pattern, tag)
}

// matches reads a glob. The library panics on some invalid ones.
func matches(pattern, tag string) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = true
		}
	}()
	g, err := glob.Compile(pattern)
	return err != nil || g.Match(tag)
}

// person is the user of a token; Login is "" if the token may not read it.
type person struct {
	Login string
	Teams func(context.Context) ([]string, error) // in one organization, called only if needed
}

// verdict is the result of the rules about tags for one tag and person.
type verdict int

const (
	tagAllowed verdict = iota // no rule forbids it
	tagUnknown                // a rule forbids it to all but those that it lists, and it is unknown whether this person is one
	tagForbidden
)

// judgeTag checks the rules: one that lists the person is enough, even if others do not.
func judgeTag(ctx context.Context, rules []protection, tag string, who person) (verdict, protection, error) {
	found, by := tagAllowed, protection{}
	for _, rule := range rules {
		if !rule.protects(tag) {
			continue
		}
		listed, sure, err := rule.lists(ctx, who)
		switch {
		case err != nil:
			return tagAllowed, rule, err
		case listed:
			return tagAllowed, rule, nil
		case !sure:
			found, by = tagUnknown, rule
		case found == tagAllowed:
			found, by = tagForbidden, rule
		}
	}
	return found, by, nil
}

// lists reports whether the rule lists a person. It is not sure if the token may not read its user, or the teams with that member.
func (p protection) lists(ctx context.Context, who person) (listed, sure bool, err error) {
	if len(p.Users)+len(p.Teams) == 0 {
		return false, true, nil // the rule lists nobody
	}
	if who.Login == "" {
		return false, false, nil
	}
	same := func(name string) func(string) bool {
		return func(other string) bool { return strings.EqualFold(name, other) }
	}
	if slices.ContainsFunc(p.Users, same(who.Login)) {
		return true, true, nil
	}
	if len(p.Teams) == 0 {
		return false, true, nil
	}
	teams, err := who.Teams(ctx)
	if unreadable(err) {
		return false, false, nil
	}
	return slices.ContainsFunc(teams, func(team string) bool { return slices.ContainsFunc(p.Teams, same(team)) }), true, err
}

// unreadable reports whether a token may not read something, or the forge does not have it or fails. These questions only spare a build: the push
// decides, and other checks report errors of the forge.
func unreadable(err error) bool {
	for _, kind := range []error{ErrDenied, ErrNotFound, ErrFaulty, ErrRejected} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// checkTags asks whether rules about tags let the user make the tags. Only administrators of a repository may read the rules; without that
// right, only the push tells.
func (c *Client) checkTags(ctx context.Context, n Need) Check {
	check := Check{What: "create tags of " + n.Repository.String()}
	var rules []protection
	check.Err = c.get(ctx, "read the tag rules of "+n.Repository.String(), readRepository(n.Repository), n.Repository.api("tag_protections"), nil, answer(&rules))
	if unreadable(check.Err) {
		check.Err, check.Detail = nil, "this token may not read the forge's tag rules"
	}
	if check.Err != nil || len(rules) == 0 {
		return check
	}
	var who person
	if who, check.Err = c.tokenUser(ctx, n.Repository.Owner); check.Err != nil {
		return check
	}
	var failed []error
	for _, tag := range n.Tags {
		said, rule, err := judgeTag(ctx, rules, tag, who)
		switch {
		case err != nil:
			failed = append(failed, err)
		case said == tagUnknown:
			check.Doubt = fmt.Sprintf("tags like %s are protected, and this token may not read whether its user may create %s (requires the scopes read:user and read:organization)", httpx.Clean(rule.Pattern), tag)
		case said == tagForbidden:
			failed = append(failed, c.tagForbidden(check.What, tag, rule, who))
		}
	}
	check.Err = errors.Join(failed...)
	return check
}

func (c *Client) tagForbidden(what, tag string, rule protection, who person) error {
	user := "the user of this token"
	if who.Login != "" {
		user = httpx.Clean(who.Login)
	}
	e := c.fail(ErrDenied, what, fmt.Sprintf("does not let %s create %s: tags like %s are protected", user, tag, httpx.Clean(rule.Pattern)),
		"add the user to that rule in the repository's settings (Tags), or use the token of a user in it")
	e.Missing = "right to create the tag " + tag
	return e
}

// tokenUser returns the user of the token, with the teams in an owner of repositories.
func (c *Client) tokenUser(ctx context.Context, owner string) (person, error) {
	var user struct{ Login string }
	err := c.get(ctx, "read the token's user", readUser, "/api/v1/user", nil, answer(&user))
	if unreadable(err) {
		err = nil
	}
	return person{user.Login, func(ctx context.Context) ([]string, error) { return c.teams(ctx, owner) }}, err
}

// teams are the teams of an organization with the token's user.
func (c *Client) teams(ctx context.Context, owner string) (names []string, err error) {
	var found []struct {
		Name         string
		Organization struct{ Username, Name string }
	}
	err = c.get(ctx, "read the teams of its user", right{scope: "read:organization", do: "read teams"}, "/api/v1/user/teams", onePage(nil), answer(&found))
	for _, team := range found {
		if strings.EqualFold(team.Organization.Username, owner) || strings.EqualFold(team.Organization.Name, owner) {
			names = append(names, team.Name)
		}
	}
	return names, err
}
