package python

import (
	"fmt"
	"regexp"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// previewForm are the previews of vX.Y.Z-PRE that PEP 440 has, too.
var previewForm = regexp.MustCompile(`^(?:(a|alpha|b|beta|rc)(?:\.?(0|[1-9][0-9]*))?)?(?:(^|\.)dev(?:\.?(0|[1-9][0-9]*))?)?$`)

// Release is the version of a Python package that is released as vX.Y.Z[-PRE]:
//
//	v1.2.3               1.2.3
//	v1.2.3-a.1           1.2.3a1, also written alpha.1, a1 or alpha1
//	v1.2.3-b.1           1.2.3b1, also written beta.1, b1 or beta1
//	v1.2.3-rc.1          1.2.3rc1, also written rc1
//	v1.2.3-dev.1         1.2.3.dev1, also written dev1
//	v1.2.3-rc.1.dev.2    1.2.3rc1.dev2
//
// A word without a number has the number 0. PEP 440 has no other previews. The order of the two kinds of version differs in one case: for pip a
// dev release comes before a, b and rc. The error is an *image.InvalidError.
func Release(version string) (Version, error) {
	parsed, err := image.ParseVersion(version)
	if err != nil {
		return Version{}, err
	}
	numbers, pre, _ := strings.Cut(strings.TrimPrefix(parsed.String(), "v"), "-")
	if pre == "" {
		return ParseVersion(numbers)
	}
	m := previewForm.FindStringSubmatch(pre)
	if m == nil {
		return Version{}, &image.InvalidError{What: "version", Input: version,
			Reason: "Python packages have no preview -" + pre + ": expected -a.N, -b.N, -rc.N or -dev.N"}
	}
	text := numbers
	if m[1] != "" {
		text += preWords[m[1]] + number(m[2])
	}
	if strings.Contains(pre, "dev") {
		text += ".dev" + number(m[4])
	}
	return ParseVersion(text)
}

// Tag is the inverse of Release: the version as vX.Y.Z[-PRE]. A number that is missing is 0: 1.2 is v1.2.0. Versions with an epoch, with more
// than three numbers, with a post release or with a local part have none; the error is an *image.InvalidError.
func (v Version) Tag() (string, error) {
	reason := ""
	switch {
	case v.epoch != "0":
		reason = "has an epoch"
	case len(v.release) > 3:
		reason = "has more than three numbers"
	case v.post.word != "":
		reason = "is a post release"
	case len(v.local) > 0:
		reason = "has a local part"
	}
	if reason != "" {
		return "", &image.InvalidError{What: "version of a Python package", Input: v.String(), Reason: reason + ", which vX.Y.Z-PRE does not have"}
	}
	numbers := append(append([]string{}, v.release...), "0", "0")
	text := fmt.Sprintf("v%s.%s.%s", numbers[0], numbers[1], numbers[2])
	separator := "-"
	for _, p := range []part{v.pre, v.dev} {
		if p.word != "" {
			text += separator + p.word + "." + p.number
			separator = "."
		}
	}
	_, err := image.ParseVersion(text)
	return text, err
}
