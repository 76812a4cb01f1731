package build_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/build"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

const withArgs = `ARG BASE=scratch
FROM ${BASE} AS first
ARG VERSION=1 REVISION
RUN make
FROM first
ARG VERSION
RUN install
`

// A warning names an argument that changes nothing in the build that BuildKit's frontend makes of the Dockerfile, and no other one.
func TestArgsWithoutEffect(t *testing.T) {
	plain := converted(t, nil)
	for name, warned := range map[string]bool{
		"VERSION": false, "REVISION": false, "HTTP_PROXY": false, "https_proxy": false, "SOURCE_DATE_EPOCH": false, "BUILDKIT_INLINE_CACHE": false,
		"BUILDKIT_MULTI_PLATFORM": false, "TARGETARCH": false,
		"VERSON": true, "version": true, "PROXY": true, "XHTTP_PROXY": true, "MAKE": true,
	} {
		changes := !bytes.Equal(plain, converted(t, map[string]string{name: "2"}))
		got := warnings(t, withArgs, name+"=2")
		if warned != (len(got) == 1) || changes && warned {
			t.Errorf("%s: warnings %q, want one: %v; the build changes: %v", name, got, warned, changes)
		}
		for _, text := range got {
			if want := "build argument " + name + " has no effect: containers/web/Dockerfile declares only BASE, REVISION, VERSION"; text != want {
				t.Errorf("%q, want %q", text, want)
			}
		}
	}
	if got := warnings(t, "FROM scratch\n", "A=1,B=2"); len(got) != 2 || !strings.HasSuffix(got[1], "declares no arguments") {
		t.Errorf("without a declaration: %q", got)
	}
	if got := warnings(t, "# syntax=example/other\nFROM scratch\n", "A=1"); len(got) > 0 {
		t.Errorf("another frontend: %q", got)
	}
}

func warnings(t *testing.T, text, args string) (got []string) {
	t.Helper()
	files := fstest.MapFS{"containers/web/Dockerfile": {Data: []byte(text)}}
	b := build.Build{Files: files, Builder: &imagetest.Builder{T: t}, Warn: func(s string) { got = append(got, s) }}
	if _, err := b.Run(t.Context(), tasks.BuildArgs{Name: "web", Args: args}); err != nil {
		t.Fatal(err)
	}
	return got
}

// converted is what BuildKit's frontend makes of withArgs: its steps and its image.
func converted(t *testing.T, args map[string]string) []byte {
	t.Helper()
	result, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(withArgs), dockerfile2llb.ConvertOpt{Config: dockerui.Config{BuildArgs: args}})
	if err != nil {
		t.Fatal(err)
	}
	definition, err := result.State.Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	img := *result.Image
	img.Created, img.History = nil, nil
	config, err := json.Marshal(img)
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Join(slices.Clone(definition.Def), nil), config...)
}
