package forge

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

func release1(t *testing.T, name string) Need {
	t.Helper()
	r, _ := seed(t, name)
	return Need{Repository: r, Branch: "main", Releases: true, Packages: r.Owner, Public: true}
}

// outcome has the missing right of each check, in their order; "" for an operation that is allowed.
func outcome(t *testing.T, c caller, checks []Check) string {
	t.Helper()
	var missing []string
	for _, check := range checks {
		c.secret(t, check.Err)
		if check.Err == nil {
			missing = append(missing, "")
			continue
		}
		c.want(t, check.Err, ErrDenied)
		e, ok := check.Err.(*Error)
		if !ok || e.Missing == "" || e.Advice == "" {
			t.Errorf("%s: %v does not say what is missing, and what to do", check.What, check.Err)
			continue
		}
		missing = append(missing, e.Missing)
	}
	return strings.Join(missing, "|")
}

func TestPreflightOfTokens(t *testing.T) {
	need := release1(t, "preflight")
	f := labForge(t)
	written := func() string { return fmt.Sprint(wrote(t, f, need.Repository)) }
	before := written()
	for _, c := range []struct {
		scopes  []string
		missing string
	}{
		{[]string{"all"}, "|||||"},
		{[]string{"write:repository", "write:package"}, "|||||"},
		{[]string{"write:repository", "write:package", "read:user"}, "|||||"},
		{[]string{"write:repository"}, "||||scope write:package|"},
		{[]string{"write:repository", "read:package"}, "||||scope write:package|"},
		{[]string{"read:repository", "write:package"}, "|||scope write:repository||"},
		{[]string{"write:package"}, "|scope write:repository|scope read:repository|scope write:repository||"},
		{[]string{"read:user"}, "|scope write:repository|scope read:repository|scope write:repository|scope write:package|"},
	} {
		t.Run(strings.Join(c.scopes, "+"), func(t *testing.T) {
			as := as(t, c.scopes...)
			if got := outcome(t, as, as.Preflight(t.Context(), need)); got != c.missing {
				t.Errorf("missing %q, want %q", got, c.missing)
			}
		})
	}
	for name, token := range map[string]string{"unknown": "0123456789abcdef0123456789abcdef01234567", "none": ""} {
		c := with(t, f.URL(), token)
		if got := outcome(t, c, c.Preflight(t.Context(), need)); got != map[string]string{"unknown": "valid token", "none": "token"}[name] {
			t.Errorf("%s: missing %q", name, got)
		}
	}
	if after := written(); after != before {
		t.Errorf("asking wrote something: %s\nbefore: %s", after, before)
	}
}

// wrote are the newest packages of the owner, and the releases of a repository, past the fault proxy.
func wrote(t *testing.T, f *lab.Forge, r Repository) (all []any) {
	t.Helper()
	token, err := f.Token(t.Context(), "wrote", "all")
	must(t, err)
	for _, path := range []string{"/api/v1/packages/" + f.Owner + "?limit=50", r.api("releases")} {
		var found []any
		must(t, f.API(t.Context(), "GET", path, token, nil, &found))
		all = append(all, found...)
	}
	return all
}

// TestPreflightOfUsers has users whose tokens have all rights of the user.
func TestPreflightOfUsers(t *testing.T) {
	need := release1(t, "users")
	f := labForge(t)
	name := user(t, "visitor")
	token, err := f.TokenOf(t.Context(), name, "everything", "all")
	must(t, err)
	visitor := with(t, f.URL(), token)
	checks := visitor.Preflight(t.Context(), need)
	if checks[0].Detail != "user "+name {
		t.Errorf("%+v", checks[0])
	}
	write := "right to write to repository " + need.Repository.String()
	repository := write + "|right to push to main|" + write
	if got := outcome(t, visitor, checks); got != "|"+repository+"|right to write packages of eblume|" {
		t.Errorf("missing %q", got)
	}
}

func TestPreflightOfBranches(t *testing.T) {
	need := release1(t, "protected")
	f, c := labForge(t), as(t, "write:repository", "write:package")
	must(t, f.Protect(t.Context(), f.Owner, need.Repository.Name, "main", lab.ProtectOptions{}))
	if got := outcome(t, c, c.Preflight(t.Context(), need)); got != "||right to push to main|||" {
		t.Errorf("protected: missing %q", got)
	}
	must(t, f.Protect(t.Context(), f.Owner, need.Repository.Name, "main", lab.ProtectOptions{Pushers: []string{f.Owner}}))
	checks := c.Preflight(t.Context(), need)
	if got := outcome(t, c, checks); got != "|||||" || !strings.Contains(checks[2].Detail, "may push") {
		t.Errorf("allowed: missing %q, %+v", got, checks[2])
	}
	need.Branch = "no-such-branch"
	if checks := c.Preflight(t.Context(), need); checks[2].Err != nil || checks[2].Detail != "does not exist yet" {
		t.Errorf("a new branch: %+v", checks[2])
	}
}

func TestPreflightOfTheRepository(t *testing.T) {
	need := release1(t, "settings")
	f, c := labForge(t), as(t, "write:repository", "write:package")
	for _, setting := range []struct{ change, says, back string }{
		{`{"has_releases":false}`, "releases disabled", `{"has_releases":true}`},
		{`{"archived":true}`, "archived", `{"archived":false}`},
	} {
		must(t, f.API(t.Context(), "PATCH", need.Repository.api(), c.token, json.RawMessage(setting.change), nil))
		c.want(t, c.Preflight(t.Context(), need)[1].Err, ErrRejected, setting.says)
		must(t, f.API(t.Context(), "PATCH", need.Repository.api(), c.token, json.RawMessage(setting.back), nil))
	}
	need.Repository.Name = "no-such-repository"
	c.want(t, c.Preflight(t.Context(), need)[1].Err, ErrNotFound, "no-such-repository")
	need = Need{Packages: "nobody"}
	c.want(t, c.Preflight(t.Context(), need)[1].Err, ErrNotFound)
}

func TestPreflightOfPrivatePackages(t *testing.T) {
	f, c := labForge(t), as(t, "all")
	must(t, f.API(t.Context(), "PATCH", "/api/v1/orgs/"+f.Organisation, c.token, map[string]string{"visibility": "private"}, nil))
	checks := c.Preflight(t.Context(), Need{Packages: f.Organisation, Public: true})
	must(t, f.API(t.Context(), "PATCH", "/api/v1/orgs/"+f.Organisation, c.token, map[string]string{"visibility": "public"}, nil))
	if len(checks) != 3 || checks[1].Err != nil {
		t.Fatalf("%+v", checks)
	}
	if checks[2].Err == nil {
		t.Error("packages that nobody can read are called public")
	}
	if got := outcome(t, c, c.Preflight(t.Context(), Need{Packages: f.Organisation, Public: true})); got != "||" {
		t.Errorf("public: missing %q", got)
	}
}

// TestPreflightIsNotFooled has a forge that accepts everything, and a faulty one.
func TestPreflightIsNotFooled(t *testing.T) {
	need := release1(t, "fooled")
	c := as(t, "write:repository", "write:package")
	restore := labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Drop})
	checks := c.Preflight(t.Context(), need)
	restore()
	c.want(t, checks[3].Err, ErrRejected, "201 Created")
	c.want(t, checks[4].Err, ErrRejected, "201 Created")
	restore = labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status})
	checks = c.Preflight(t.Context(), need)
	restore()
	if len(checks) != 1 {
		t.Errorf("%+v", checks)
	}
	c.want(t, checks[0].Err, ErrFaulty)
	defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status, Times: 2})()
	if got := outcome(t, c, c.Preflight(t.Context(), need)); got != "|||||" {
		t.Errorf("after two faults: missing %q", got)
	}
}
