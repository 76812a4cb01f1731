package container_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/container"
)

func parse(t *testing.T, text string) *container.Dockerfile {
	t.Helper()
	d, err := container.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What a build takes from elsewhere: images by their defaults, and no stages.
func TestImages(t *testing.T) {
	d := parse(t, "# escape=`\n"+
		"ARG VERSION=1.2\nARG BASE=\"example.org/b:${VERSION}\"\nARG NONE\nARG EMPTY=\n"+
		"FROM --platform=$BUILDPLATFORM ${BASE} AS Build\n"+
		"FROM ${NONE}\nFROM ${EMPTY:-alpine}:3\nFROM build\nFROM scratch\n"+
		"COPY --from=BUILD /a /b\nCOPY --from=2 /a /b\nCOPY `\n  --from=example.org/x:1 /a /b\n"+
		"RUN --mount=type=secret,id=x --mount=from=y:2,target=/y true\n")
	var got []string
	for _, i := range d.Images {
		got = append(got, fmt.Sprintf("%d:%d %s %s", i.Line, i.Column, i.Instruction, i.Reference))
	}
	want := []string{
		"6:32 FROM example.org/b:1.2", "8:6 FROM alpine:3", "14:10 COPY --from example.org/x:1", "15:43 RUN --mount y:2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if at := d.Images[0].Origin("1.2"); at != (container.Place{Line: 2, Column: 13}) {
		t.Errorf("the version is at %v", at)
	}
	if at := d.Images[1].Origin("3"); at != d.Images[1].Place {
		t.Errorf("the version is at %v", at)
	}
}

func TestSources(t *testing.T) {
	d := parse(t, "FROM a\nARG D=dir\nENV E=${D}x\nCOPY a ./b/../c *.md $D ${E} $UNKNOWN /abs ../up /to/\n"+
		"ADD https://example.org/a git@example.org:a.git b.tar /to/\nCOPY --from=x:1 y /\nCOPY <<EOF /x\nEOF\nCOPY . /\nONBUILD COPY z /\n")
	var got []string
	for _, s := range d.Sources {
		got = append(got, s.Instruction+" "+s.Path)
	}
	if want := []string{"COPY a", "COPY c", "COPY dir", "COPY dirx", "COPY abs", "COPY up", "ADD b.tar", "COPY ."}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestForeignSyntax(t *testing.T) {
	for syntax, foreign := range map[string]bool{"docker/dockerfile:1": false, "docker.io/docker/dockerfile": false, "docker/dockerfile:1-labs": true, "example.org/bake": true} {
		if _, err := container.Parse("# syntax=" + syntax + "\nFROM a:1\n"); errors.Is(err, container.ErrForeign) != foreign {
			t.Errorf("%s: error %v", syntax, err)
		}
	}
}

// many are instructions with as many variables each.
func many(instructions, variables int) string {
	text := ""
	for i := range instructions {
		text += "ENV"
		for j := range variables {
			text += fmt.Sprintf(" V%d_%d=1", i, j)
		}
		text += "\n"
	}
	return text
}

// No file of a few KiB takes memory or time that another one of its size would not.
func TestHostileFiles(t *testing.T) {
	lines := func(n int, line string) string { return strings.Repeat(line+"\\\n", n) }
	for name, text := range map[string]string{
		"doubled":        "FROM a\nENV A=xxxxxxx\n" + strings.Repeat("ENV A=$A$A\n", 100),
		"doubled before": strings.Repeat("ARG A=$A$A$A-\n", 100) + "FROM a",
		"replaced":       "FROM a\nENV A=aaaaaa\n" + strings.Repeat("ENV A=${A//a/aaaaaa}\n", 100),
		"labels":         "FROM a\nENV A=" + strings.Repeat("x", 10000) + "\n" + strings.Repeat("LABEL a=$A$A$A$A$A$A$A$A$A$A$A$A\n", 900),
		"instructions":   "FROM a\n" + strings.Repeat("ENV A1=1\n", 450),
		"stages":         strings.Repeat("FROM a AS a\nENV b=$x\n", 240),
		"nested":         "FROM a\nENV A=" + lines(600, "${a:-") + strings.Repeat("}", 600),
		"nested open":    "FROM a\nENV A=" + lines(600, "${a:-"),
		"continued":      "FROM a\nRUN " + lines(21000, "A"),
		"sources":        "FROM a\nCOPY " + lines(1000, "A ") + " /\n",
		"undefined":      "FROM a\nENV " + lines(380, "abc=$abx ") + "\n",
		"ports":          "FROM a\nEXPOSE " + lines(300, "1-65535/tcp ") + "\n",
		"patterns":       "FROM a\nENV A=" + strings.Repeat("a", 1000) + "\nENV " + lines(200, "B=${A%%*a*a*a*b} ") + "\n",
		"variables":      "FROM a\n" + many(60, 60),
		"large":          strings.Repeat("#\n", 1<<20),
		"JSON":           "FROM a\nRUN " + strings.Repeat("[", 60000),
		"continuation":   "FROM a\n" + strings.Repeat("# a\n", 16000),
		"heredocs":       "FROM a\nRUN " + strings.Repeat("<<A ", 8000) + "\n" + strings.Repeat("A\n", 8000),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := container.Parse(text)
			var refused *container.ParseError
			if err != nil && !errors.As(err, &refused) {
				t.Fatal(err)
			}
			if err == nil {
				if _, err := d.Lint(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Whatever the text, it is refused or linted, and positions are in it.
func FuzzDockerfile(f *testing.F) {
	f.Add(runner(f))
	f.Add("# check=skip=all\nARG A=1\nFROM ${A:-b} as C\nCOPY --from=0 <<A \\\n b\nA\nENV A=${A//a/b}\nRUN --mount=from=x a")
	f.Add("FROM a\nADD [\"x\", \"y\"]\nHEALTHCHECK CMD a\nONBUILD COPY a b\nEXPOSE 1-2/TCP\nSHELL [\"a\"]")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := container.Parse(text)
		if err != nil {
			return
		}
		problems, err := d.Lint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Message == "" || strings.ContainsAny(p.Message, "\n") || p.Line > last {
				t.Errorf("%+v", p)
			}
		}
		for _, i := range d.Images {
			if i.Line < 1 || i.Line > last || i.Column < 1 {
				t.Errorf("%+v", i)
			}
		}
	})
}

func TestHostileServices(t *testing.T) {
	bomb := "a: &a [x]\n"
	for range 20 {
		bomb += "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
	}
	for _, text := range []string{
		strings.Repeat("[", 1<<20), strings.Repeat("{a: ", 1<<18), strings.Repeat("- ", 1<<19), strings.Repeat("[", 200000), strings.Repeat("a: {", 50000), "services:\n" + strings.Repeat("- &a\n", 1<<15),
		bomb + "services: *b", "services: &a [*a]", "services: &a\n- name: *a", "", "\x00", "services:\n" + strings.Repeat("  - name: a\n", 1<<14),
	} {
		container.ParseServices(text)
	}
}

// Whatever the text, what is found has its place in it.
func FuzzServices(f *testing.F) {
	f.Add("services:\n  - name: docs\n    current-version: \"1.2\"\n    container: quartz\n  - {name: x, container: null}\n")
	f.Add("a: &a {name: b}\nservices: [*a, 1, {name: [c]}]")
	f.Fuzz(func(t *testing.T, text string) {
		list, problems := container.ParseServices(text)
		for _, s := range list {
			if s.Name == "" || s.Line < 1 || s.Column < 1 {
				t.Errorf("%+v", s)
			}
		}
		for _, p := range problems {
			if p.Message == "" || strings.Contains(p.Message, "\n") {
				t.Errorf("%+v", p)
			}
		}
	})
}
