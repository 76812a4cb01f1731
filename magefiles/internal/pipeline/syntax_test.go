package pipeline

import (
	"errors"
	"testing"
)

func TestLocated(t *testing.T) {
	const dockerfile = "FROM scratch\n  NONSENSE here\nCOPY --bogus=1 a b\nENV\n"
	for said, want := range map[string]string{
		"failed to convert Dockerfile to LLB: dockerfile parse error on line 2: unknown instruction: NONSENSE (did you mean ONBUILD?)": "c/Dockerfile:2:3: unknown instruction: NONSENSE (did you mean ONBUILD?)",
		"dockerfile parse error on line 3: unknown flag: --bogus":                                                                      "c/Dockerfile:3:6: unknown flag: --bogus",
		"dockerfile parse error on line 3: unknown flag: bogus":                                                                        "c/Dockerfile:3:8: unknown flag: bogus",
		"dockerfile parse error on line 4: ENV requires at least one argument":                                                         "c/Dockerfile:4:1: ENV requires at least one argument",
		"dockerfile parse error on line 99: unknown instruction: X":                                                                    "c/Dockerfile:99:1: unknown instruction: X",
		"the Dockerfile cannot be empty":                                                                                               "the Dockerfile cannot be empty",
	} {
		if got := located(explain(errors.New(said)), "c/Dockerfile", dockerfile); got.Error() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	var hinted interface{ Hint() string }
	if err := located(explain(errors.New("dockerfile parse error on line 2: x")), "f", dockerfile); !errors.As(err, &hinted) || hinted.Hint() == "" {
		t.Error("the hint is lost")
	}
}

func FuzzColumn(f *testing.F) {
	f.Add("  RUN x", "unknown flag: x")
	f.Add("é", "a: É")
	f.Fuzz(func(t *testing.T, line, message string) {
		if c := column(line, message); c < 1 || c > len([]rune(line))+1 {
			t.Errorf("column %d of %q", c, line)
		}
	})
}
