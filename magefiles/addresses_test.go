//go:build mage

package main

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
)

// withSettings is a runner whose output can be read.
func withSettings(s settings) (*runner, *bytes.Buffer) {
	var out bytes.Buffer
	return &runner{settings: s, console: console.New(console.Options{Stdout: &out, Stderr: &out, Env: func(string) string { return "" }})}, &out
}

// addressField matches the names of fields that hold hosts or addresses.
var addressField = regexp.MustCompile(`(URL|Registry|Registries|Mirrors|HTTPS?Proxy|Source)$`)

// A password in a setting that holds hosts is refused without being repeated, in each of the ways to write it; where one may be, it is hidden.
func TestAddressesWithPasswords(t *testing.T) {
	fields := reflect.TypeFor[settings]()
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
			s := site
			reflect.ValueOf(&s).Elem().Field(i).SetString(value)
			r, out := withSettings(s)
			err := r.checkAddresses()
			if kind == "open" && (err == nil || !strings.Contains(err.Error(), variable)) || kind != "open" && err != nil {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret-canary") {
				t.Errorf("%s: the password is repeated: %v", variable, err)
			}
			r.console.Note("connect to " + value)
			if strings.Contains(out.String(), "s3cret-canary") {
				t.Errorf("%s: the password is shown: %s", variable, out)
			}
		}
	}
	r, _ := withSettings(site)
	if err := r.checkAddresses(); err != nil {
		t.Error(err)
	}
	if err := r.checkRegistry("ci:s3cret-canary@host.example"); err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "-registry") {
		t.Errorf("the flag: %v", err)
	}
}

func TestBuildKitHostWithAPassword(t *testing.T) {
	t.Setenv("BUILDKIT_HOST", "tcp://ci:s3cret-canary@host.example:1234")
	r, _ := withSettings(site)
	if err := r.checkAddresses(); err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "BUILDKIT_HOST") {
		t.Errorf("error %v", err)
	}
}
