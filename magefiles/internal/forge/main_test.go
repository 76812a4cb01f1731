package forge

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// theForge is one real forge for all tests, and for all runs of each by -count; each uses its own users, repositories and packages.
var theForge = sync.OnceValues(func() (*lab.Forge, error) {
	return lab.StartForge(context.Background(), lab.Home{}, lab.ForgeOptions{Actions: true})
})

var started *lab.Forge

func TestMain(m *testing.M) {
	code := m.Run()
	if started != nil {
		if err := started.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "after all tests:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func labForge(t *testing.T) *lab.Forge {
	t.Helper()
	labtest.Need(t, lab.PartForge)
	f, err := theForge()
	must(t, err)
	started = f
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// caller is a client of the lab's forge, as a test uses it.
type caller struct {
	*Client
	token string
	log   *[]string
}

// as is a client with a token of the owner that has the scopes; without scopes it has no token.
func as(t *testing.T, scopes ...string) caller {
	t.Helper()
	f := labForge(t)
	token := ""
	if len(scopes) > 0 {
		var err error
		token, err = f.Token(t.Context(), t.Name(), scopes...)
		must(t, err)
	}
	return with(t, f.URL(), token)
}

// with is a client with a token that waits little between attempts.
func with(t *testing.T, address, token string) caller {
	t.Helper()
	log := &[]string{}
	c, err := New(Options{
		URL: address, Token: func(context.Context) (string, error) { return token, nil }, HTTP: labForge(t).Proxy().Client(),
		Log: func(s string) { *log = append(*log, s) }, Retry: Retry{First: time.Millisecond},
	})
	must(t, err)
	return caller{c, token, log}
}

// want checks an error's kind and text and its hint, and that neither it nor the log holds the token.
func (c caller) want(t *testing.T, err, kind error, says ...string) {
	t.Helper()
	c.secret(t, err)
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("error %v is of another type", err)
		return
	}
	for _, s := range says {
		if text := err.Error() + " Missing: " + e.Missing + " Hint: " + e.Hint(); !strings.Contains(text, s) {
			t.Errorf("%q does not say %q", text, s)
		}
	}
}

// secret fails if the token is in an error, printed with any verb, or in the log.
func (c caller) secret(t *testing.T, err error) {
	t.Helper()
	if c.token == "" {
		return
	}
	all := fmt.Sprintf("%v %+v %#v %s", err, err, err, strings.Join(*c.log, "\n"))
	for e := err; e != nil; e = errors.Unwrap(e) {
		all += fmt.Sprintf("%#v", e)
	}
	for _, form := range []string{c.token, url.QueryEscape(c.token), base64.StdEncoding.EncodeToString([]byte(c.token)), hex.EncodeToString([]byte(c.token))} {
		if strings.Contains(all, form) {
			t.Errorf("the token is in: %s", all)
		}
	}
}

// ownNames counts the names that own has returned.
var ownNames atomic.Int64

// own is a name that no other test, and no other run of this one, uses at the forge.
func own(name string) string { return fmt.Sprintf("%s-%d", name, ownNames.Add(1)) }

// user makes a user.
func user(t *testing.T, name string) string {
	t.Helper()
	name = own(name)
	_, err := labForge(t).AddUser(t.Context(), name)
	must(t, err)
	return name
}

// seed makes a repository with a commit on main.
func seed(t *testing.T, name string) (r Repository, commit string) {
	t.Helper()
	f, dir, name := labForge(t), t.TempDir(), own(name)
	must(t, os.WriteFile(dir+"/README.md", []byte("# "+name+"\n"), 0o600))
	commit, err := f.Seed(t.Context(), f.Owner, name, dir)
	must(t, err)
	return Repository{f.Owner, name}, commit
}

// tag makes a tag, past the fault proxy.
func tag(t *testing.T, r Repository, name, commit string) {
	t.Helper()
	f := labForge(t)
	token, err := f.Token(t.Context(), "tags", "write:repository")
	must(t, err)
	must(t, f.API(t.Context(), "POST", r.api("tags"), token, map[string]string{"tag_name": name, "target": commit}, nil))
}

// random is content of which no copy exists.
func random(t *testing.T, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	_, err := rand.Read(b)
	must(t, err)
	return b
}
