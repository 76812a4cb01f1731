package procgroup

import (
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	env := func(name string) string { return map[string]string{"DIR": "a b"}[name] }
	for line, want := range map[string][]string{
		"go test ./...":             {"go", "test", "./..."},
		`go test -run 'A|B' "$DIR"`: {"go", "test", "-run", "A|B", "a b"},
		"env A=1 make  check":       {"env", "A=1", "make", "check"},
		"npm test -- --grep=*.js":   {"npm", "test", "--", "--grep=*.js"},
		`sh -c 'make && make test'`: {"sh", "-c", "make && make test"},
		`a{b,c} ~ "\$DIR" $DIR '\'`: {"a{b,c}", "~", "$DIR", "a b", `\`},
	} {
		if got, err := Split(line, env); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v", line, got, err)
		}
	}
	for line, want := range map[string]string{
		"": "expected a program", "  ": "expected a program", `""`: "expected a program", "A=1 make": "use `env A=1 …`",
		"make && make test": "into a script", "make | tee log": "into a script", "make $(id)": "into a script", "make `id`": "into a script",
		"make > log": "into a script", "make 'x": "into a script", "make; id": "into a script", "make\nid": "", "make & id": "into a script",
		"make <(id)": "into a script", "make ${DIR:?no}": "into a script", "make $((1+1))": "into a script", "make $'a'": "into a script", `make a\ b`: "into a script",
	} {
		got, err := Split(line, env)
		if want == "" && (err != nil || len(got) != 2) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q: got %q, %v", line, got, err)
		}
	}
}

// FuzzSplit: any command line in the settings is a program or an error, and nothing is run.
func FuzzSplit(f *testing.F) {
	for _, line := range []string{"go test ./...", `a "b c" 'd'`, "$(id)", "a{b,c} ~ $((1+1)) ${X:?no} ${X[1]} $* $1", "<(a)"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if args, err := Split(line, func(string) string { return "" }); err == nil && (len(args) == 0 || args[0] == "") {
			t.Errorf("%q has no program", line)
		}
	})
}
