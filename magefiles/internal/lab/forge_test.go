package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// testForge is one forge for all tests. Each test uses its own repository or package.
var testForge = shared(PartForge, func() (*Forge, error) {
	f, err := StartForge(context.Background(), Home{}, ForgeOptions{})
	if err == nil {
		atEnd(f.Close)
	}
	return f, err
})

func startForge(t *testing.T, h Home, o ForgeOptions) *Forge {
	t.Helper()
	need(t, PartForge)
	f, err := StartForge(t.Context(), h, o)
	must(t, err)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// client is a client of the forge as users have it: it gets the answers of the fault proxy.
type client struct {
	*testing.T
	forge *Forge
	token string
}

// do returns the answer's status and body, or the error if there is none.
func (c client) do(method, path, body string) (status int, answer string, err error) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.forge.URL()+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "token "+c.token)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.forge.Proxy().Client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func (c client) want(status int, method, path, body string) (answer string) {
	c.Helper()
	got, answer, err := c.do(method, path, body)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	if got != status {
		c.Errorf("%s %s: status %d, want %d: %s", method, path, got, status, answer)
	}
	return answer
}

func forgeToken(t *testing.T, f *Forge, scopes ...string) string {
	t.Helper()
	token, err := f.Token(t.Context(), t.Name(), scopes...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func seedForge(t *testing.T, f *Forge, repository string) (commit string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/README.md", []byte("# "+repository+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commit, err := f.Seed(t.Context(), f.Owner, repository, dir)
	if err != nil {
		t.Fatal(err)
	}
	return commit
}

func TestForgeSaysWhatItIs(t *testing.T) {
	f := testForge(t)
	answer := client{t, f, ""}.want(200, "GET", "/api/v1/version", "")
	if !strings.Contains(answer, `"1.26.0"`) {
		t.Errorf("version: %s", answer)
	}
	if answer := (client{t, f, ""}).want(200, "GET", "/"+f.Owner, ""); !strings.Contains(answer, f.URL()) {
		t.Error("its pages do not lead to its front")
	}
	if text, err := os.ReadFile(f.Log()); err != nil || strings.Contains(string(text), "manifest") {
		t.Errorf("a page makes it complain: %v %s", err, text)
	}
	client{t, f, ""}.want(403, "POST", "/user/sign_up", "user_name=x&email=x@lab.invalid&password=12345678")
}

func TestForgeTokensAreLimitedToTheirScopes(t *testing.T) {
	f := testForge(t)
	seedForge(t, f, "scopes")
	repository, packages := "/api/v1/repos/"+f.Owner+"/scopes", "/api/packages/"+f.Owner+"/generic/scopes/v1/"
	for i, c := range []struct {
		scopes                        []string
		describe, upload, users, orgs int
	}{
		{[]string{"write:repository"}, 200, 401, 403, 403},
		{[]string{"read:repository"}, 403, 401, 403, 403},
		{[]string{"read:package"}, 403, 401, 403, 403},
		{[]string{"write:package"}, 403, 201, 403, 403},
		{[]string{"write:repository", "write:package"}, 200, 201, 403, 403},
		{[]string{"all"}, 200, 201, 403, 201}, // the owner is no administrator
	} {
		t.Run(strings.Join(c.scopes, "+"), func(t *testing.T) {
			as := client{t, f, forgeToken(t, f, c.scopes...)}
			as.want(c.describe, "PATCH", repository, `{"description":"x"}`)
			as.want(c.upload, "PUT", packages+fmt.Sprint(i), "x")
			as.want(c.users, "GET", "/api/v1/admin/users", "")
			as.want(c.orgs, "POST", "/api/v1/orgs", `{"username":"scopes-org"}`)
		})
	}
	client{t, f, "no-such-token"}.want(401, "GET", repository, "")
}

func TestForgeTokenIsRememberedChangedAndRevoked(t *testing.T) {
	f := testForge(t)
	first := forgeToken(t, f, "read:user")
	if again := forgeToken(t, f, "read:user"); again != first {
		t.Error("the same token was made twice")
	}
	other := forgeToken(t, f, "write:user")
	client{t, f, first}.want(401, "GET", "/api/v1/user", "")
	client{t, f, other}.want(200, "GET", "/api/v1/user", "")
	if err := f.Revoke(t.Context(), f.Owner, t.Name()); err != nil {
		t.Fatal(err)
	}
	client{t, f, other}.want(401, "GET", "/api/v1/user", "")
}

func TestForgeGenericPackage(t *testing.T) {
	f := testForge(t)
	for _, owner := range []string{f.Owner, f.Organisation} {
		as := client{t, f, forgeToken(t, f, "write:package")}
		path := "/api/packages/" + owner + "/generic/docs/v1.0.0/docs.tar.gz"
		as.want(404, "GET", path, "")
		as.want(201, "PUT", path, "content")
		as.want(409, "PUT", path, "content")
		as.want(409, "PUT", path, "other")
		if got := (client{t, f, ""}).want(200, "GET", path, ""); got != "content" {
			t.Errorf("%s has %q", path, got)
		}
		as.want(204, "DELETE", path, "")
		as.want(404, "GET", path, "")
	}
}

func TestForgeRelease(t *testing.T) {
	f := testForge(t)
	commit := seedForge(t, f, "releases")
	as := client{t, f, forgeToken(t, f, "write:repository")}
	releases := "/api/v1/repos/" + f.Owner + "/releases/releases"
	as.want(404, "GET", releases+"/tags/v1.0.0", "")
	as.want(201, "POST", strings.TrimSuffix(releases, "releases")+"tags", `{"tag_name":"v1.0.0","target":"`+commit+`"}`)
	as.want(201, "POST", releases, `{"tag_name":"v1.0.0","name":"v1.0.0","body":"notes"}`)
	as.want(409, "POST", releases, `{"tag_name":"v1.0.0","name":"again"}`)
	if answer := as.want(200, "GET", releases+"/tags/v1.0.0", ""); !strings.Contains(answer, `"body":"notes"`) {
		t.Errorf("release: %s", answer)
	}
}

func TestForgeFaults(t *testing.T) {
	f := testForge(t)
	as := client{t, f, forgeToken(t, f, "write:package")}
	path := "/api/packages/" + f.Owner + "/generic/faults/v1/file"
	upload := faultproxy.Fault{Method: "PUT", Path: regexp.MustCompile("^/api/packages/")}

	fault := upload
	fault.Kind, fault.Times = faultproxy.Status, 2
	defer f.Proxy().Fail(fault)()
	as.want(503, "PUT", path, "x")
	as.want(503, "PUT", path, "x")
	as.want(201, "PUT", path, "x")

	fault = upload
	fault.Kind = faultproxy.Drop
	restore := f.Proxy().Fail(fault)
	as.want(201, "PUT", path+"2", "x")
	restore()
	as.want(404, "GET", path+"2", "")
	as.want(201, "PUT", path+"2", "x")

	restore = f.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Expire})
	as.want(401, "GET", path, "")
	if err := f.API(t.Context(), "GET", path, as.token, nil, nil); err != nil {
		t.Errorf("past the front: %v", err)
	}
	restore()
	as.want(200, "GET", path, "")
}

func TestForgeAPIError(t *testing.T) {
	f := testForge(t)
	err := f.API(t.Context(), "GET", "/api/v1/repos/nobody/nothing", "", nil, nil)
	var answer *StatusError
	if !errors.As(err, &answer) || answer.Code != 404 || answer.Message == "" {
		t.Errorf("error: %v", err)
	}
}

func TestForgeIsFoundAgain(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	first := startForge(t, home, ForgeOptions{})
	password, err := first.AddUser(t.Context(), "guest")
	must(t, err)
	token, commit := forgeToken(t, first, "write:repository"), seedForge(t, first, "kept")
	key := first.hostKey
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := startForge(t, home, ForgeOptions{})
	if same, err := again.AddUser(t.Context(), "guest"); err != nil || same != password {
		t.Errorf("another password, %v", err)
	}
	if forgeToken(t, again, "write:repository") != token {
		t.Error("another token")
	}
	if seedForge(t, again, "kept") != commit {
		t.Error("another commit")
	}
	if string(again.hostKey.Marshal()) != string(key.Marshal()) {
		t.Error("another host key")
	}
	answer := client{t, again, token}.want(200, "GET", "/api/v1/repos/"+again.Owner+"/kept/branches/main", "")
	if !strings.Contains(answer, commit) {
		t.Errorf("main is not %s: %s", commit, answer)
	}
	info, err := os.Stat(again.file(forgeStateFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("what it remembers: %v, %v", info, err)
	}
}

// A start that was killed at the wrong moment leaves an administrator and an owner whose tokens are unknown.
func TestForgeForgotItsTokens(t *testing.T) {
	home := Home{Dir: t.TempDir()}
	first := startForge(t, home, ForgeOptions{})
	first.state.AdminToken, first.state.Passwords = "", map[string]string{}
	if err := errors.Join(first.saveState(), first.Close()); err != nil {
		t.Fatal(err)
	}
	again := startForge(t, home, ForgeOptions{})
	client{t, again, forgeToken(t, again, "read:user")}.want(200, "GET", "/api/v1/user", "")
}

func TestForgeLeavesNothing(t *testing.T) {
	f := startForge(t, Home{}, ForgeOptions{})
	group := -f.process.cmd.Process.Pid
	addresses := []string{f.Proxy().Addr(), f.behind.Host, f.SSHAddr()}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(group, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("processes are left: %v", err)
	}
	for _, addr := range addresses {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("something listens on %s", addr)
		}
	}
	if _, err := os.Stat(f.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is left: %v", err)
	}
}

func TestForgeAddressInUse(t *testing.T) {
	f := testForge(t)
	for name, o := range map[string]ForgeOptions{"HTTP": {Addr: f.Proxy().Addr()}, "SSH": {SSHAddr: f.SSHAddr()}} {
		if second, err := StartForge(t.Context(), Home{}, o); err == nil {
			second.Close()
			t.Errorf("two forges have one address for %s", name)
		} else if !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
