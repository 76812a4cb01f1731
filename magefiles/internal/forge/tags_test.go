package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTagRulesLikeTheForge makes rules and tags at a real forge, and compares the answers of Preflight with the forge's own.
func TestTagRulesLikeTheForge(t *testing.T) {
	r, commit := seed(t, "tag-rules")
	f := labForge(t)
	releaser, writer := user(t, "releaser"), user(t, "writer")
	for _, user := range []string{releaser, writer} {
		admin, err := f.Token(t.Context(), "collaborators of "+user, "all")
		must(t, err)
		must(t, f.API(t.Context(), "PUT", r.api("collaborators", user), admin, map[string]string{"permission": "admin"}, nil))
	}
	owner, err := f.Token(t.Context(), "tag rules", "all")
	must(t, err)
	for _, rule := range []protection{
		{Pattern: "v*", Users: []string{releaser}},
		{Pattern: "v2.*", Users: []string{f.Owner}},
		{Pattern: `/^alpha-v[0-9]+\.[0-9]+\.[0-9]+$/`, Users: []string{writer}},
		{Pattern: "{beta,gamma}-v?.[!1]*", Users: []string{writer}},
	} {
		must(t, f.API(t.Context(), "POST", r.api("tag_protections"), owner, rule, nil))
	}
	forbidden := 0
	for _, user := range []string{f.Owner, releaser, writer} {
		token, err := f.TokenOf(t.Context(), user, "tags of "+user, "all")
		must(t, err)
		c := with(t, f.URL(), token)
		for _, name := range []string{"v1.0.0", "v2.0.0", "alpha-v1.0.0", "alpha-v1.0.0-rc.1", "beta-v1.0.0", "beta-v1.1.0", "delta-v1.0.0", "gamma-v2.2"} {
			checks := c.Preflight(t.Context(), Need{Repository: r, Tags: []string{name}})
			said := checks[len(checks)-1]
			got := f.API(t.Context(), "POST", r.api("tags"), token, map[string]string{"tag_name": name, "target": commit}, nil)
			if (said.Err == nil) != (got == nil) || said.Doubt != "" {
				t.Errorf("%s of %s: said %v (%s), the forge says %v", name, user, said.Err, said.Doubt, got)
			}
			if got != nil {
				forbidden++
				c.want(t, said.Err, ErrDenied, name, "right to create the tag", "settings (Tags)")
				continue
			}
			must(t, f.API(t.Context(), "DELETE", r.api("tags", name), token, nil, nil))
		}
	}
	if forbidden < 8 {
		t.Errorf("the forge forbade only %d tags", forbidden)
	}
	t.Run("untold", func(t *testing.T) {
		pusher := user(t, "pusher")
		must(t, f.API(t.Context(), "PUT", r.api("collaborators", pusher), owner, map[string]string{"permission": "write"}, nil))
		token, err := f.TokenOf(t.Context(), pusher, "push", "all")
		must(t, err)
		checks := with(t, f.URL(), token).Preflight(t.Context(), Need{Repository: r, Tags: []string{"v9.0.0"}})
		if last := checks[len(checks)-1]; last.Err != nil || last.Doubt != "" || !strings.Contains(last.Detail, "may not read the forge's tag rules") {
			t.Errorf("one who may not read the rules: %+v", last)
		}
		checks = as(t, "write:repository").Preflight(t.Context(), Need{Repository: r, Tags: []string{"v9.0.0", "delta-v9.0.0"}})
		if last := checks[len(checks)-1]; last.Err != nil || !strings.Contains(last.Doubt, "v9.0.0") {
			t.Errorf("one whose name is not known: %+v", last)
		}
	})
}

// TestTagRulesOfTeams has the answers of a forge with an organization, which the lab does not have.
func TestTagRulesOfTeams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rules, teams, want string }{
		{`[]`, ``, ""},
		{`[{"name_pattern":"w*"}]`, ``, ""},
		{`[{"name_pattern":"v*"}]`, ``, "forbidden"},
		{`[{"name_pattern":"v*","whitelist_teams":["Release"]}]`, `[{"name":"release","organization":{"username":"ours"}}]`, ""},
		{`[{"name_pattern":"v*","whitelist_teams":["release"]}]`, `[{"name":"release","organization":{"username":"theirs"}}]`, "forbidden"},
		{`[{"name_pattern":"v*","whitelist_teams":["release"]}]`, ``, "doubt"},
		{`[{"name_pattern":"v*","whitelist_teams":["release"]},{"name_pattern":"*.0","whitelist_usernames":["me"]}]`, ``, ""},
		{`[{"name_pattern":"v*","whitelist_usernames":["me"]},{"name_pattern":"*.0"}]`, ``, ""},
		{`[{"name_pattern":"[v"}]`, ``, "forbidden"},
		{`[{"name_pattern":"/(/"}]`, ``, "forbidden"},
		{`[{"name_pattern":"v1.0.0{"}]`, ``, "forbidden"}, // here the library panics
		{``, ``, ""},
		{`<html>`, ``, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := map[string]string{"/api/v1/user": `{"login":"me"}`, "/api/v1/repos/ours/r/tag_protections": c.rules, "/api/v1/user/teams": c.teams}[r.URL.Path]
			if text == "" {
				w.WriteHeader(http.StatusForbidden)
			}
			fmt.Fprint(w, text)
		}))
		client, err := New(Options{URL: server.URL, Token: func(context.Context) (string, error) { return "t", nil }})
		must(t, err)
		check := client.checkTags(t.Context(), Need{Repository: Repository{"ours", "r"}, Tags: []string{"v1.0.0"}})
		server.Close()
		got := map[bool]string{true: "forbidden"}[errors.Is(check.Err, ErrDenied)]
		if check.Doubt != "" {
			got = "doubt"
		}
		if got != c.want || got == "" && check.Err != nil {
			t.Errorf("%s, %s: %+v, want %q", c.rules, c.teams, check, c.want)
		}
	}
}
