package settings

import (
	"reflect"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

func TestBuilders(t *testing.T) {
	t.Parallel()
	amd64, arm64 := image.Platform{OS: "linux", Architecture: "amd64"}, image.Platform{OS: "linux", Architecture: "arm64"}
	got, err := Settings{Builders: "linux/amd64=tcp://build-amd:1234/, linux/aarch64=dagger+tcp://[::1]:1234,linux/arm64=unix:///run/a@b.sock,linux/arm64=ssh://board"}.BuilderList()
	want := []Builder{{amd64, "tcp://build-amd:1234"}, {arm64, "dagger+tcp://[::1]:1234"}, {arm64, "unix:///run/a@b.sock"}, {arm64, "ssh://board"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for list, wants := range map[string][]string{
		"tcp://build-amd:1234":             {`"tcp://build-amd:1234" must be PLATFORM=ADDRESS`, "example"},
		"linux/arm=tcp://a:1":              nil, // the usual variant
		"linux/arm65=tcp://a:1":            {`"linux/arm65=tcp://a:1" must begin with a platform`, "did you mean linux/arm64"},
		"linux/arm64=build-arm:1234":       {"invalid address", "tcp://HOST:PORT"},
		"linux/arm64=build-arm":            {"has no scheme", "tcp://HOST:PORT"},
		"linux/arm64=tcp://build-arm":      {"invalid address"},
		"linux/arm64=tcp://:1234":          {"invalid address"},
		"linux/arm64=tcp://a:1/path":       {"invalid address"},
		"linux/arm64=tcp://a:1?tls=x":      {"invalid address"},
		"linux/arm64=unix://host/path":     {"invalid address"},
		"linux/arm64=docker-container://a": {"invalid address"},
		"linux/arm64=dagger+ssh://a":       {"invalid address"},
		"linux/arm64=tcp://%zz:1":          {"invalid address"},
		"linux/arm64=tcp://a:1,linux/arm64/v8=tcp://a:1,linux/x=tcp://a:1": {"listed twice: remove one", "linux/x"},
	} {
		_, err := Settings{Builders: list}.BuilderList()
		if wants == nil && err != nil {
			t.Errorf("%s: %v", list, err)
		}
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "BLUMEOPS_BUILDERS") {
				t.Errorf("%s: %v, want it to say %q", list, err, want)
			}
		}
	}
}

// The same address may serve two platforms. A password in an address is refused, and not shown.
func TestBuildersWithCredentials(t *testing.T) {
	t.Parallel()
	if list, err := (Settings{Builders: "linux/amd64=tcp://a:1,linux/386=tcp://a:1"}).BuilderList(); err != nil || len(list) != 2 {
		t.Errorf("got %v, %v", list, err)
	}
	for _, address := range []string{"tcp://me:canary@a:1", "dagger+tcp://canary@a:1", "ssh://me:can/ary@a"} {
		var hidden []string
		err := Settings{Builders: "linux/amd64=" + address}.CheckAddresses(func(string) string { return "" }, func(p string) { hidden = append(hidden, p) })
		if err == nil || !strings.Contains(err.Error(), "BLUMEOPS_BUILDERS") || strings.Contains(err.Error(), "ary@") || len(hidden) == 0 {
			t.Errorf("%s: %v, hidden %q", address, err, hidden)
		}
	}
}

func TestEmulates(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"": false, "true": true, "false": false} {
		if got, err := (Settings{Emulate: value}).Emulates(); got != want || err != nil {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
	if _, err := (Settings{Emulate: "perhaps"}).Emulates(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_EMULATE") {
		t.Errorf("got %v", err)
	}
}
