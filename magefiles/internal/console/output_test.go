package console

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestOutput(t *testing.T) {
	dir := t.TempDir()
	o := Output{OutputFile: filepath.Join(dir, "out"), SummaryFile: filepath.Join(dir, "summary")}
	if err := os.WriteFile(o.OutputFile, []byte("before=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{{"ref", "r@sha256:1"}, {"multi", "a\nb"}, {"empty", ""}, {"tricky", "END_OF_VALUE\nEND_OF_VALUE_\nx=y"}, {"cr", "a\rref=evil"}} {
		if err := o.Set(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	want := "before=1\nref=r@sha256:1\nmulti<<END_OF_VALUE\na\nb\nEND_OF_VALUE\nempty=\n" +
		"tricky<<END_OF_VALUE__\nEND_OF_VALUE\nEND_OF_VALUE_\nx=y\nEND_OF_VALUE__\ncr<<END_OF_VALUE\na\rref=evil\nEND_OF_VALUE\n"
	if got := read(t, o.OutputFile); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, text := range []string{"# one", "two\n\n"} {
		if err := o.Summary(text); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, o.SummaryFile); got != "# one\ntwo\n" {
		t.Errorf("summary %q", got)
	}
	for _, name := range []string{"", "a=b", "a\nb", "1a", "a<<b", "é"} {
		if err := o.Set(name, "x"); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}

func TestOutputWithoutFilesDoesNothing(t *testing.T) {
	if err := (Output{}).Set("a", "b"); err != nil {
		t.Error(err)
	}
	if err := (Output{}).Summary("x"); err != nil {
		t.Error(err)
	}
}

func TestOutputSaysWhatItCouldNotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "out")
	if err := (Output{OutputFile: path}).Set("a", "b"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// TestFullDisk writes each kind of result to a device that is full.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		testenv.Missing(t, err)
	}
	defer full.Close()
	c := New(Options{Stdout: full, Stderr: full})
	o := Output{OutputFile: full.Name(), SummaryFile: full.Name()}
	for what, err := range map[string]error{
		"write the result to stdout": c.Result("ref"), "to stdout": c.JSON([]string{"ref"}),
		"the file in $GITHUB_OUTPUT": o.Set("a", "b"), "the file in $GITHUB_STEP_SUMMARY": o.Summary("a"),
	} {
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.Note("goes nowhere, and nothing fails")
}

// TestNobodyReads has a process write its result to a closed pipe: the process goes on, and can report it.
func TestNobodyReads(t *testing.T) {
	if os.Getenv("CONSOLE_TEST_RESULT") != "" {
		c := New(Options{Stdout: os.Stdout, Stderr: io.Discard})
		if err := c.Result("ref"); !errors.Is(err, syscall.EPIPE) {
			os.Exit(3)
		}
		os.Exit(4)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestNobodyReads$")
	cmd.Env, cmd.Stdout = append(os.Environ(), "CONSOLE_TEST_RESULT=1"), write
	_ = cmd.Run() // its state is checked below
	if cmd.ProcessState.ExitCode() != 4 {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}

// readOutputs reads a file of outputs as the runner does: NAME=VALUE, or NAME<<END, lines, END.
func readOutputs(t *testing.T, text string) map[string]string {
	values := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if name, end, heredoc := strings.Cut(lines[i], "<<"); heredoc && !strings.Contains(name, "=") {
			var value []string
			for i++; i < len(lines) && lines[i] != end; i++ {
				value = append(value, lines[i])
			}
			values[name] = strings.Join(value, "\n")
			continue
		}
		name, value, ok := strings.Cut(lines[i], "=")
		if !ok {
			t.Fatalf("line %q is neither NAME=VALUE nor NAME<<END", lines[i])
		}
		values[name] = value
	}
	return values
}

func FuzzOutput(f *testing.F) {
	f.Add("plain")
	f.Add("END_OF_VALUE\nother=1")
	f.Add("a<<b\nc\nEND_OF_VALUE__")
	f.Fuzz(func(t *testing.T, value string) {
		o := Output{OutputFile: filepath.Join(t.TempDir(), "out")}
		for _, name := range []string{"first", "second"} {
			if err := o.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
		got := readOutputs(t, read(t, o.OutputFile))
		if len(got) != 2 || got["first"] != value || got["second"] != value {
			t.Fatalf("%q was read back as %q", value, got)
		}
	})
}

func TestParseFormat(t *testing.T) {
	for in, want := range map[string]Format{"": Text, "text": Text, "json": JSON, "sarif": "sarif"} {
		if got, err := ParseFormat(in, "sarif"); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if _, err := ParseFormat("yaml"); err == nil || !strings.Contains(err.Error(), "text, json") {
		t.Errorf("%v", err)
	}
}
