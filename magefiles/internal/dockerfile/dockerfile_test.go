package dockerfile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
)

func parse(t *testing.T, text string) *dockerfile.File {
	t.Helper()
	d, err := dockerfile.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The external inputs of a build: images by their defaults, and no stages.
func TestImages(t *testing.T) {
	d := parse(t, "# escape=`\n"+
		"ARG VERSION=1.2\nARG BASE=\"example.org/b:${VERSION}\"\nARG NONE\nARG EMPTY=\n"+
		"FROM --platform=$BUILDPLATFORM ${BASE} AS Build\n"+
		"FROM ${NONE}\nFROM ${EMPTY:-alpine}:${TAG-3}\nFROM build\nFROM scratch\n"+
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
	if at := d.Images[0].Origin("1.2"); at != (dockerfile.Place{Line: 2, Column: 13}) {
		t.Errorf("the version is at %v", at)
	}
	if at := d.Images[1].Origin("3"); at != d.Images[1].Place {
		t.Errorf("the version is at %v", at)
	}
}

// Each reference is replaced in its place, and nothing else changes.
func TestWhereImagesAreWritten(t *testing.T) {
	const text = "\ufeffARG A=a\r\nFROM --platform=a ${A} AS a\r\nFROM later\nFROM \"quoted\"\\\n AS later\nFROM b\\\n:1\n" +
		"# FROM b\nCOPY \\\n# --from=c\n --from=c --chown=c c c\nCOPY --from=later x x\nCOPY --from=SCRATCH x x\n" +
		"RUN --mount=from=d,source=d --mount=type=bind,from=d,target=/d \\\n --mount=\"from=e,target=/e\" --mount=type=secret,id=from from=d\n" +
		"RUN --mount=from=d,target=/d <<E\nfrom=d,\nE\nFROM from\n"
	d, err := dockerfile.ParseWith(text, map[string]string{"A": "given", "B": "x"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	marked := text
	for _, i := range slices.Backward(d.Images) {
		got = append(got, i.Platform+" "+i.Reference)
		if i.End > 0 {
			marked = marked[:i.Start] + "<" + i.Reference + ">" + marked[i.End:]
		}
	}
	slices.Reverse(got)
	if want := []string{"a given", " later", " quoted", " b:1", " c", " d", " d", " e", " d", " from"}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	want := strings.NewReplacer("${A}", "<given>", "FROM later", "FROM <later>", "\"quoted\"", "<quoted>", "FROM from", "FROM <from>", " --from=c", " --from=<c>", "# --from=c", "# --from=c",
		"from=d,", "from=<d>,", "from=e,", "from=<e>,", "\nfrom=d,", "\nfrom=d,").Replace(text)
	if marked != want {
		t.Errorf("got\n%s\nwant\n%s", marked, want)
	}
}

// Values that depend on the target platform are known only if a platform is assumed.
func TestImagesOfAPlatform(t *testing.T) {
	const text = "FROM a:$TARGETARCH\nFROM --platform=$BUILDPLATFORM b\n"
	assumed := parse(t, text)
	open, err := dockerfile.ParseWith(text, nil)
	if err != nil || len(open.Images) != 1 || open.Images[0].Reference != "b" || open.Images[0].Platform != "$BUILDPLATFORM" {
		t.Errorf("%+v, %v", open, err)
	}
	if len(assumed.Images) != 2 || assumed.Images[0].Reference != "a:amd64" {
		t.Errorf("%+v", assumed.Images)
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
		if _, err := dockerfile.Parse("# syntax=" + syntax + "\nFROM a:1\n"); errors.Is(err, dockerfile.ErrForeign) != foreign {
			t.Errorf("%s: error %v", syntax, err)
		}
	}
}

// many returns instructions with the given number of variables each.
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

// No file of a few KiB may use much more memory or time than another file of its size.
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
		"stated":         "FROM a\nARG A=" + strings.Repeat("${a:-", 800),
		"large heredoc":  "FROM a\nRUN <<A " + strings.Repeat("${a:-", 12000) + "\nA\n",
		"long heredoc":   "FROM a\nRUN " + lines(180000, "<<A ") + "\n" + strings.Repeat("A\n", 180000),
		"heredocs":       "FROM a\nRUN " + strings.Repeat("<<A ", 8000) + "\n" + strings.Repeat("A\n", 8000),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := dockerfile.Parse(text)
			var refused *dockerfile.ParseError
			if err != nil && !errors.As(err, &refused) {
				t.Fatal(err)
			}
			if _, err := dockerfile.ReadStatements(text); err != nil && !errors.As(err, &refused) {
				t.Error(err)
			}
			if err == nil {
				if _, err := d.Lint(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Each text is either refused or linted, and all positions are inside the text.
func FuzzDockerfile(f *testing.F) {
	f.Add(runner(f))
	f.Add("# check=skip=all\nARG A=1\nFROM ${A:-b} as C\nCOPY --from=0 <<A \\\n b\nA\nENV A=${A//a/b}\nRUN --mount=from=x a")
	f.Add("FROM a\nADD [\"x\", \"y\"]\nHEALTHCHECK CMD a\nONBUILD COPY a b\nEXPOSE 1-2/TCP\nSHELL [\"a\"]")
	f.Fuzz(func(t *testing.T, text string) {
		stated, statedErr := dockerfile.ReadStatements(text)
		d, err := dockerfile.Parse(text)
		if err != nil {
			return
		}
		if statedErr != nil || len(stated.Args) < len(d.Args) {
			t.Fatalf("states %+v, %v; a build reads %+v", stated.Args, statedErr, d.Args)
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
