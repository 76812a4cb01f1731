package dockerfile

import (
	"slices"
	"testing"
)

func TestRuns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"FROM a\nRUN x\n":                           {"linux/arm64"},
		"FROM a\nCOPY x /\n":                        nil,
		"FROM --platform=$BUILDPLATFORM a\nRUN x\n": nil,
		"FROM --platform=${BUILDPLATFORM} a AS b\nRUN x\nFROM scratch\nCOPY --from=b /x /\n":            nil,
		"FROM --platform=$BUILDPLATFORM a AS b\nRUN x\nFROM b\nRUN y\n":                                 nil,
		"FROM --platform=$TARGETPLATFORM a\nRUN x\n":                                                    {"linux/arm64"},
		"FROM --platform=${TARGETPLATFORM} a\nRUN x\n":                                                  {"linux/arm64"},
		"FROM --platform=linux/s390x a AS b\nRUN x\nFROM a\nCOPY --from=0 /x /\n":                       {"linux/s390x"},
		"ARG KIND=full\nFROM a AS full\nRUN x\nFROM ${KIND}\nCOPY x /\n":                                {"linux/arm64"},
		"ARG KIND=full\nFROM --platform=$BUILDPLATFORM a AS full\nFROM $KIND\nRUN x\n":                  nil,
		"FROM a AS test\nRUN x\nFROM a\nCOPY x /\n":                                                     nil,
		"FROM a AS b\nRUN x\nFROM scratch AS c\nFROM b AS d\nCOPY --from=c / /\n":                       {"linux/arm64"},
		"FROM a AS b\nRUN x\nFROM --platform=linux/386 a\nRUN --mount=type=bind,from=b,target=/b y\n":   {"linux/386", "linux/arm64"},
		"FROM a\nRUN --mount=type=cache,target=/c x\n":                                                  {"linux/arm64"},
		"FROM a AS b\nRUN x\nFROM --platform=$OTHER a AS c\nRUN x\nFROM scratch\nCOPY --from=c /x /x\n": nil,
	} {
		file, err := Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := file.Runs("linux/arm64"); !slices.Equal(got, want) {
			t.Errorf("%q runs commands for %v, want %v", text, got, want)
		}
	}
}
