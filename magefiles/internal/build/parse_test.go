package build

import (
	"path/filepath"
	"strings"
	"testing"
)

func FuzzParseArgs(f *testing.F) {
	for _, seed := range []string{"", "A=1", "A=1,B=x=y", "A=", ",", "A", "a b=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		args, err := parseArgs(s)
		if err != nil {
			return
		}
		for name, value := range args {
			if !strings.Contains(","+s+",", ","+name+"="+value+",") || value == "" {
				t.Errorf("parseArgs(%q) = %q", s, args)
			}
		}
	})
}

func TestParseOutput(t *testing.T) {
	for input, want := range map[string]output{
		"":               {},
		"image.tar":      {form: tarball, path: "image.tar"},
		"a/b/image.tar":  {form: tarball, path: "a/b/image.tar"},
		"oci:layout":     {form: ociLayout, path: "layout"},
		"oci:layout.tar": {form: ociLayout, path: "layout.tar"},
		"layout/":        {form: ociLayout, path: "layout"},
		"dir:root":       {form: rootfs, path: "root"},
		"/tmp/x":         {form: ociLayout, path: "/tmp/x"},
	} {
		if got, err := parseOutput(input); err != nil || got != want {
			t.Errorf("parseOutput(%q) = %+v, %v; want %+v", input, got, err, want)
		}
	}
}

func FuzzParseOutput(f *testing.F) {
	for _, seed := range []string{"x.tar", "oci:x", "dir:..", "..", "/", "oci:", "a:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := parseOutput(s)
		if err != nil || out.form == noOutput {
			return
		}
		if base := filepath.Base(out.path); base == "." || base == ".." || base == "/" {
			t.Errorf("parseOutput(%q) = %+v, which does not parse to the same again", s, out)
		}
	})
}
