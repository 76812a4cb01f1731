package build

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

var argName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseArgs reads build arguments, as in K=V,K2=V2.
func parseArgs(list string) (map[string]string, error) {
	args := map[string]string{}
	if list == "" {
		return args, nil
	}
	for item := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(item, "=")
		_, twice := args[name]
		reason := ""
		switch {
		case !ok:
			reason = "expected NAME=VALUE, separated by commas; a value cannot contain a comma"
		case !argName.MatchString(name):
			reason = "the name may only contain letters, digits and underscores"
		case twice:
			reason = "must be given only once"
		case value == "":
			reason = "the value is empty, which Dagger cannot pass; omit it, and make the default in the Dockerfile empty"
		}
		if reason != "" {
			return nil, &image.InvalidError{What: "build argument", Input: item, Reason: reason}
		}
		args[name] = value
	}
	return args, nil
}

// joinArgs is the text that parseArgs reads.
func joinArgs(args map[string]string) string {
	items := make([]string, 0, len(args))
	for _, name := range slices.Sorted(maps.Keys(args)) {
		items = append(items, name+"="+args[name])
	}
	return strings.Join(items, ",")
}

// predefined matches the arguments that BuildKit and its Dockerfile frontend know without an ARG:
// https://docs.docker.com/reference/dockerfile/#predefined-args
var predefined = regexp.MustCompile(`^(?:(?:HTTP|HTTPS|FTP|NO|ALL)_PROXY|(?:http|https|ftp|no|all)_proxy|(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)|TARGETSTAGE|SOURCE_DATE_EPOCH|BUILDKIT_.*)$`)

// warnOfArgs warns of arguments that the Dockerfile does not declare, because a build with a wrong name is a build with the default. It is no
// error: a base may declare an argument by ONBUILD.
func (b Build) warnOfArgs(r image.BuildRequest) error {
	if b.Warn == nil || len(r.Args) == 0 {
		return nil
	}
	file := path.Join(r.Container.Dir, "Dockerfile")
	text, err := fs.ReadFile(b.Files, file)
	if err != nil {
		return err
	}
	stated, err := dockerfile.ReadStatements(string(text))
	if err != nil || stated.Foreign { // the build reports an error
		return nil
	}
	declared := "no arguments"
	if len(stated.Declared) > 0 {
		declared = "only " + strings.Join(slices.Compact(slices.Sorted(slices.Values(stated.Declared))), ", ")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Args)) {
		if !slices.Contains(stated.Declared, name) && !predefined.MatchString(name) {
			b.Warn(fmt.Sprintf("build argument %s has no effect: %s declares %s", name, file, declared))
		}
	}
	return nil
}
