package settings

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
)

// output is a console that hides secrets, and what it prints.
func output() (*bytes.Buffer, *console.Console) {
	var out bytes.Buffer
	return &out, console.New(console.Options{Stdout: &out, Stderr: &out, Env: noVariable})
}

func noVariable(string) string { return "" }

// addressField matches the names of fields that hold hosts or addresses.
var addressField = regexp.MustCompile(`(URL|Index|Registry|Registries|Mirrors|HTTPS?Proxy|Source|Builders|^Cache)$`)

// A password in a setting that holds hosts is refused without being repeated, in each of the ways to write it; where one may be, it is hidden.
func TestAddressesWithPasswords(t *testing.T) {
	fields := reflect.TypeFor[Settings]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		kind := field.Tag.Get("address")
		if (kind != "") != addressField.MatchString(field.Name) {
			t.Errorf("%s has the tag address:%q", field.Name, kind)
		}
		if kind == "" {
			continue
		}
		variable, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		for _, value := range []string{
			"ci:s3cret-canary@host.example", "https://ci:s3cret-canary@host.example/path", "https://s3cret-canary@host.example", "ci:s3/s3cret-canary@host.example/x",
			"a.example,ci:s3cret-canary@b.example", "docker.io=ci:s3cret-canary@host.example/hub",
			"https://ci:s3cret-canary=x@host.example", "docker.io=https://ci:s3cret-canary=x@host.example", "https://ci:s3cret-canary,x@host.example",
		} {
			s := example
			reflect.ValueOf(&s).Elem().Field(i).SetString(value)
			out, hide := output()
			err := s.CheckAddresses(noVariable, learn(hide))
			if kind == "open" && (err == nil || !strings.Contains(err.Error(), variable)) || kind != "open" && err != nil {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret-canary") {
				t.Errorf("%s: the password is repeated: %v", variable, err)
			}
			hide.Note("connect to " + value)
			if strings.Contains(out.String(), "s3cret-canary") {
				t.Errorf("%s: the password is shown: %s", variable, out)
			}
		}
	}
	_, hide := output()
	if err := example.CheckAddresses(noVariable, learn(hide)); err != nil {
		t.Error(err)
	}
	if err := CheckAddress("-registry", "ci:s3cret-canary@host.example", learn(hide)); err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "-registry") {
		t.Errorf("the flag: %v", err)
	}
}

func TestBuildKitHostWithAPassword(t *testing.T) {
	getenv := func(name string) string {
		return map[string]string{"BUILDKIT_HOST": "tcp://ci:s3cret-canary@host.example:1234"}[name]
	}
	_, hide := output()
	if err := example.CheckAddresses(getenv, learn(hide)); err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "BUILDKIT_HOST") {
		t.Errorf("error %v", err)
	}
}

// learn has a console hide a password.
func learn(c *console.Console) func(string) {
	return func(password string) { c.Redactor().Learn(password) }
}
