package engine_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// A build with a registry that fails runs its steps, and says so once.
func TestACacheThatCannotBeRead(t *testing.T) {
	program := program(t, printEnv)
	labtest.Need(t, lab.PartRegistry)
	writer := enginetest.Options(t, "/")
	here, dir := machine(t, program, map[string]string{"source": "one"})
	writer.Workdir = dir
	here.Workdir = dir
	layer := regexp.MustCompile(`/blobs/sha256:`)
	manifest := regexp.MustCompile(`/manifests/`)
	status := func(code int, body string) faultproxy.Fault {
		return faultproxy.Fault{Kind: faultproxy.Status, Status: code, Body: body}
	}
	// The first blob that is read is the list of steps.
	afterFirst := func() func(*http.Request) bool {
		var seen atomic.Int64
		return func(q *http.Request) bool {
			return q.Method == http.MethodGet && layer.MatchString(q.URL.Path) && seen.Add(1) > 1
		}
	}
	big := strings.Repeat("x", 1<<10)
	tests := map[string]struct {
		fault faultproxy.Fault
		says  string // "" for no warning
	}{
		"down":                {faultproxy.Fault{Kind: faultproxy.Refuse}, "read: "},
		"requires an account": {status(401, ""), "requires credentials to read this"},
		"forbidden":           {status(403, ""), "does not let this account read it"},
		"not a registry":      {status(404, "<html>"), "read: "},
		"no such repository":  {status(404, `{"errors":[{"code":"NAME_UNKNOWN"}]}`), ""},
		"silent":              {faultproxy.Fault{Kind: faultproxy.Delay}, "does not answer in time"},
		"another format": {
			faultproxy.Fault{Kind: faultproxy.Status, Path: manifest, Status: 200, Body: `{"schemaVersion":2,"config":{"mediaType":"` + ociConfig + `"}}`,
				Header: http.Header{"Content-Type": {ociManifest}}}, "not a cache of BuildKit",
		},
		"damaged manifest":      {faultproxy.Fault{Kind: faultproxy.Status, Path: manifest, Status: 200, Body: `{"sch`, Header: http.Header{"Content-Type": {ociManifest}}}, "the entry is damaged"},
		"damaged steps":         {faultproxy.Fault{Kind: faultproxy.Status, Path: layer, Method: "GET", Times: 1, Status: 200, Body: big}, "read"},
		"steps cut":             {faultproxy.Fault{Kind: faultproxy.Cut, Path: layer, Bytes: 10}, "read"},
		"layers missing":        {faultproxy.Fault{Kind: faultproxy.Status, Method: "HEAD", Path: layer, Status: 404}, ""},
		"layers forbidden":      {faultproxy.Fault{Kind: faultproxy.Status, Match: afterFirst(), Status: 403}, "does not let this account read it"},
		"layers disappear":      {faultproxy.Fault{Kind: faultproxy.Status, Match: afterFirst(), Status: 404}, "read: "},
		"damaged layers":        {faultproxy.Fault{Kind: faultproxy.Status, Match: afterFirst(), Status: 200, Body: big}, "read: "},
		"layers cut":            {faultproxy.Fault{Kind: faultproxy.Cut, Match: afterFirst(), Bytes: 10}, "read: "},
		"silence about a layer": {faultproxy.Fault{Kind: faultproxy.Delay, Match: afterFirst()}, "does not answer in time"},
	}
	r, nonce, first := labRegistry(t, lab.RegistryOptions{}), rand.Text(), map[string][3]string{}
	var wrote warnings
	saving(t, writer, "another", cacheIn(r, registry.Options{}, &wrote), func(ctx context.Context, c *dagger.Client) {
		for name := range tests {
			first[name] = threeSteps(t, engine.WithCacheEntry(ctx, tagOf(name)), c, nonce+name)
		}
	})
	if len(wrote.said) > 0 {
		t.Fatalf("said %q", wrote.said)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var said warnings
			var again [3]string
			defer r.Proxy().Fail(test.fault)()
			impatient := registry.Options{Timeout: time.Second, Retry: registry.Retry{Attempts: 2, First: time.Millisecond}}
			on(t, here, tagOf(name), cacheIn(r, impatient, &said), func(ctx context.Context, c *dagger.Client) { again = threeSteps(t, ctx, c, nonce+name) })
			for i, ran := range first[name] {
				if again[i] == "" || again[i] == ran {
					t.Errorf("step %d ran at %q, on the other engine at %q", i, again[i], ran)
				}
			}
			if said := strings.Join(said.said, "\n"); (said == "") != (test.says == "") || !strings.Contains(said, test.says) || strings.Contains(said, "\n") {
				t.Errorf("said %q, want %q", said, test.says)
			}
		})
	}
}

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
)

// tagOf is a tag with the name of a test.
func tagOf(name string) string { return strings.ReplaceAll(name, " ", "-") }

// A cache that cannot be written is a warning.
func TestACacheThatCannotBeWritten(t *testing.T) {
	program := program(t, printEnv)
	opts, _ := machine(t, program, map[string]string{"source": "one"})
	nonce := rand.Text()
	for name, test := range map[string]struct {
		registry lab.RegistryOptions
		fault    faultproxy.Fault
		says     string
	}{
		"requires an account": {lab.RegistryOptions{}, faultproxy.Fault{Kind: faultproxy.Status, Method: "POST", Status: 401}, "requires credentials to write this"},
		"forbidden":           {lab.RegistryOptions{}, faultproxy.Fault{Kind: faultproxy.Status, Method: "POST", Status: 403}, "does not let this account write it"},
		"unavailable":         {lab.RegistryOptions{}, faultproxy.Fault{Kind: faultproxy.Status, Method: "PUT", Status: 500}, "write: "},
		"upload cut":          {lab.RegistryOptions{}, faultproxy.Fault{Kind: faultproxy.CutRequest, Bytes: 10}, "write: "},
		"silent":              {lab.RegistryOptions{}, faultproxy.Fault{Kind: faultproxy.Delay, Method: "POST"}, "does not answer in time"},
		"tags cannot move":    {lab.RegistryOptions{CreateOnly: true}, faultproxy.Fault{}, "a policy may allow only new tags"},
	} {
		t.Run(name, func(t *testing.T) {
			r := labRegistry(t, test.registry)
			impatient := registry.Options{Timeout: time.Second, Retry: registry.Retry{Attempts: 2, First: time.Millisecond}}
			var said warnings
			if test.fault.Kind == 0 { // another build wrote the tag
				saving(t, opts, "entry", cacheIn(r, impatient, &said), func(ctx context.Context, c *dagger.Client) { threeSteps(t, ctx, c, nonce+"another") })
				saving(t, opts, "entry", cacheIn(r, impatient, &said), func(ctx context.Context, c *dagger.Client) { threeSteps(t, ctx, c, nonce+"another") })
				if len(said.said) > 0 {
					t.Errorf("said %q when nothing changed", said.said)
				}
			} else {
				defer r.Proxy().Fail(test.fault)()
			}
			saving(t, opts, "entry", cacheIn(r, impatient, &said), func(ctx context.Context, c *dagger.Client) { threeSteps(t, ctx, c, nonce+name) })
			if len(said.said) != 1 || !strings.Contains(said.said[0], test.says) {
				t.Errorf("said %q, want %q", said.said, test.says)
			}
		})
	}
}
