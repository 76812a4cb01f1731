package python

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Version is a version of a Python package (PEP 440).
type Version struct {
	epoch   string   // "0" is the default. Numbers are texts without leading zeros: PEP 440 does not bound them.
	release []string // at least one number
	pre     part     // a, b or rc
	post    part     // post
	dev     part     // dev
	local   []string // numbers and words after +
}

// part is a word with a number; the word is "" for none.
type part struct{ word, number string }

func (p part) String() string { return p.word + p.number }

// maxVersion is far above real versions.
const maxVersion = 200

// versionForm is the form of PEP 440 (appendix B).
var versionForm = regexp.MustCompile(`^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
	`(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]+)?)?` +
	`(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?` +
	`(?:[-_.]?(dev)[-_.]?([0-9]+)?)?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// preWords are the words of PEP 440, and their normal forms.
var preWords = map[string]string{"alpha": "a", "a": "a", "beta": "b", "b": "b", "preview": "rc", "pre": "rc", "c": "rc", "rc": "rc"}

// ParseVersion accepts every form of PEP 440. The error is an *image.InvalidError.
func ParseVersion(s string) (Version, error) {
	invalid := func(reason string) (Version, error) {
		return Version{}, &image.InvalidError{What: "version of a Python package", Input: s, Reason: reason}
	}
	if len(s) > maxVersion {
		return invalid("is longer than 200 characters")
	}
	m := versionForm.FindStringSubmatch(strings.ToLower(strings.Trim(s, " \t\n\r\f\v")))
	if m == nil || !isASCII(s) {
		return invalid("expected a version of PEP 440, such as 1.2.3, 1.2.3rc1 or 1.2.3.dev4")
	}
	v := Version{epoch: number(m[1])}
	for n := range strings.SplitSeq(m[2], ".") {
		v.release = append(v.release, number(n))
	}
	if m[3] != "" {
		v.pre = part{preWords[m[3]], number(m[4])}
	}
	if m[5] != "" || m[6] != "" {
		v.post = part{"post", number(m[5] + m[7])} // only one of them is set
	}
	if m[8] != "" {
		v.dev = part{"dev", number(m[9])}
	}
	if m[10] != "" {
		for _, p := range separators.Split(m[10], -1) {
			if isNumber(p) {
				p = number(p)
			}
			v.local = append(v.local, p)
		}
	}
	return v, nil
}

// number is a number without leading zeros; "" is 0.
func number(text string) string { return cmp.Or(strings.TrimLeft(text, "0"), "0") }

func isNumber(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// String is the normal form.
func (v Version) String() string {
	text := ""
	if v.epoch != "0" {
		text = v.epoch + "!"
	}
	text += strings.Join(v.release, ".") + v.pre.String()
	for _, p := range []part{v.post, v.dev} {
		if p.word != "" {
			text += "." + p.String()
		}
	}
	if len(v.local) > 0 {
		text += "+" + strings.Join(v.local, ".")
	}
	return text
}

// IsPreview reports whether pip installs the version only on request.
func (v Version) IsPreview() bool { return v.pre.word != "" || v.dev.word != "" }

// Local is the part after +, which an index does not accept in uploads; "" if there is none.
func (v Version) Local() string { return strings.Join(v.local, ".") }

// Compare orders versions as pip does.
func (v Version) Compare(w Version) int {
	return cmp.Or(
		compareNumbers(v.epoch, w.epoch),
		slices.CompareFunc(withoutZeros(v.release), withoutZeros(w.release), compareNumbers),
		comparePre(v, w),
		compareParts(v.post, w.post, -1),
		compareParts(v.dev, w.dev, 1),
		compareLocals(v.local, w.local),
	)
}

func compareNumbers(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// withoutZeros is a release without the zeros at its end: 1.0 is 1.
func withoutZeros(release []string) []string {
	for len(release) > 0 && release[len(release)-1] == "0" {
		release = release[:len(release)-1]
	}
	return release
}

// comparePre compares previews: 1.dev0, then 1a0, 1b0, 1rc0, then 1 and 1.post0.
func comparePre(v, w Version) int {
	return cmp.Or(cmp.Compare(v.phase(), w.phase()), compareNumbers(v.pre.number, w.pre.number))
}

// phase is a text whose order is that of the phases of a version.
func (v Version) phase() string {
	switch {
	case v.pre.word != "":
		return v.pre.word
	case v.post.word == "" && v.dev.word != "":
		return "" // a development release before all previews
	}
	return "z"
}

// compareParts compares parts of which one may be missing; missing says where a version without the part is: before or after.
func compareParts(a, b part, missing int) int {
	switch {
	case a.word == "" && b.word == "":
		return 0
	case a.word == "":
		return missing
	case b.word == "":
		return -missing
	}
	return compareNumbers(a.number, b.number)
}

// compareLocals compares local parts: a missing part comes first, and a word before a number.
func compareLocals(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		switch isX, isY := isNumber(x), isNumber(y); {
		case isX && isY:
			return compareNumbers(x, y)
		case isX:
			return 1
		case isY:
			return -1
		}
		return cmp.Compare(x, y)
	})
}
