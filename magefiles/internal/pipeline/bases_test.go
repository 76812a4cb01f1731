package pipeline

import (
	"slices"
	"strings"
	"testing"
)

// everything is a Dockerfile with everything that could be read as a base.
const everything = `# syntax=docker/dockerfile:1
ARG PYTHON=3.12
ARG BASE=python:${PYTHON}-slim
from --platform=$BUILDPLATFORM golang:1.26 as build
RUN <<EOF
FROM not/a:base
EOF
RUN cat <<-"ONE" <<TWO && \
# a comment
    echo
	FROM not/a:base
	ONE
FROM not/a:base
TWO
RUN echo \
FROM not/a:base
FROM $BASE AS final
COPY --from=build /x /x
COPY --from=nginx:1.29 --chown=1:1 /etc nginx:1.29
COPY --chown=1:1 \
# --from=alpine:3 is a comment
  --from=alpine:3 /a /b
RUN --mount=type=bind,source=alpine,from=alpine,target=/a --mount=from=alpine,target=/b \
  --mount=from=build,target=/c echo from=alpine
COPY --from=0 /y /y
FROM scratch
FROM Final
FROM ${UNKNOWN}
FROM ${UNKNOWN:-busybox}
FROM registry.example/own:1
`

func refs(b bases) (refs []string) {
	for _, base := range b.found {
		refs = append(refs, base.Reference)
	}
	return refs
}

func TestFindBases(t *testing.T) {
	got := findBases(everything, nil, nil)
	if want := []string{"golang:1.26", "python:3.12-slim", "nginx:1.29", "alpine:3", "alpine", "alpine", "busybox", "registry.example/own:1"}; !slices.Equal(refs(got), want) {
		t.Errorf("found %q, want %q", refs(got), want)
	}
	if want := []string{"python:3.12-slim", "busybox", "registry.example/own:1"}; !slices.Equal(got.ofTarget(), want) {
		t.Errorf("must have the platform: %q, want %q", got.ofTarget(), want)
	}
	given := findBases(everything, map[string]string{"PYTHON": "3.13", "UNKNOWN": "ignored, as no ARG declares it"}, nil)
	if !slices.Contains(refs(given), "python:3.13-slim") {
		t.Errorf("with an argument: %q", refs(given))
	}
}

func TestFindBasesWithAnotherEscape(t *testing.T) {
	text := "# escape=`\nFROM a:1\nRUN dir C:\\\nFROM b:1\nRUN x `\nFROM c:1\n"
	if got := refs(findBases(text, nil, nil)); !slices.Equal(got, []string{"a:1", "b:1"}) {
		t.Errorf("found %q", got)
	}
}

func TestMirroredDockerfile(t *testing.T) {
	site := Site{Mirrors: map[string]string{"docker.io": "127.0.0.1:5000/hub"}}
	got := findBases(everything, nil, nil).mirrored(site)
	want := strings.NewReplacer(
		"golang:1.26", "127.0.0.1:5000/hub/library/golang:1.26",
		"FROM $BASE", "FROM 127.0.0.1:5000/hub/library/python:3.12-slim",
		"--from=nginx:1.29", "--from=127.0.0.1:5000/hub/library/nginx:1.29",
		"  --from=alpine:3", "  --from=127.0.0.1:5000/hub/library/alpine:3",
		"from=alpine,", "from=127.0.0.1:5000/hub/library/alpine:latest,",
		"${UNKNOWN:-busybox}", "127.0.0.1:5000/hub/library/busybox:latest",
	).Replace(everything)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := findBases(everything, nil, nil).mirrored(Site{}); got != everything {
		t.Errorf("without a mirror it became\n%s", got)
	}
}

func TestBasesInPlaceOfOthers(t *testing.T) {
	instead := map[string]string{"registry.example/own:1": "registry.example/own:2", "python:3.12-slim": "registry.example/python:7"}
	b := findBases(everything, nil, instead)
	site := Site{Mirrors: map[string]string{"registry.example": "127.0.0.1:5000"}}
	got := b.mirrored(site)
	want := strings.NewReplacer("FROM $BASE", "FROM 127.0.0.1:5000/python:7", "FROM registry.example/own:1", "FROM 127.0.0.1:5000/own:2").Replace(everything)
	if got != want || b.replaceable() != nil {
		t.Errorf("%v, got\n%s\nwant\n%s", b.replaceable(), got, want)
	}
	if of := b.ofTarget(); !slices.Contains(of, "registry.example/own:2") || slices.Contains(b.all(), "registry.example/own:1") {
		t.Errorf("asks about %q, and logs in for %q", of, b.all())
	}
	odd := findBases("FROM regi\\\nstry.example/own:1\n", nil, instead)
	if err := odd.replaceable(); err == nil || !strings.Contains(err.Error(), "line 1: cannot replace registry.example/own:1 by registry.example/own:2") {
		t.Errorf("on two lines: %v", err)
	}
}

func TestSiteArgsOmitUnsetValues(t *testing.T) {
	got := Site{HTTPSProxy: "http://proxy:3128", Packages: map[string]string{"PIP_INDEX_URL": "https://pypi.example/simple", "NPM_CONFIG_REGISTRY": ""}}.args()
	if len(got) != 2 || got["HTTPS_PROXY"] != "http://proxy:3128" || got["PIP_INDEX_URL"] != "https://pypi.example/simple" {
		t.Errorf("got %q", got)
	}
}

// For any text, each image that is found is at its reported position, and lines keep their numbers.
func FuzzFindBases(f *testing.F) {
	f.Add(everything)
	f.Add("FROM")
	f.Add("FROM a AS")
	f.Add("FROM --platform=x\nARG\nCOPY --from=\n")
	f.Add("RUN <<A <<A\n")
	f.Add("FROM\f''''''\n")
	f.Add("# escape=`\nFROM a`\n")
	f.Fuzz(func(t *testing.T, text string) {
		b := findBases(text, nil, nil)
		for _, base := range b.found {
			if base.Start < 0 || base.Start > base.End || base.End > len(text) || (base.End == 0) != (base.Start == 0) {
				t.Fatalf("%+v is outside of the text", base)
			}
			if base.End > 0 && !strings.ContainsAny(text[base.Start:base.End], "$\"'\\`") && text[base.Start:base.End] != base.Reference {
				t.Errorf("the text is %q at the place of %q", text[base.Start:base.End], base.Reference)
			}
		}
		mirrored := b.mirrored(Site{Mirrors: map[string]string{"docker.io": "m.example"}})
		if strings.Count(mirrored, "\n") != strings.Count(text, "\n") {
			t.Errorf("lines were added or lost:\n%s", mirrored)
		}
	})
}
