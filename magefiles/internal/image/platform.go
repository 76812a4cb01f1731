package image

import (
	"runtime"
	"slices"
	"strings"
)

// Platform is the system that an image runs on, in the terms of the OCI image specification
// (which are Go's GOOS and GOARCH).
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"` // of the processor, such as v7 of arm; "" if the architecture has no variant that matters
}

// known are the platforms that images here can be built for: those that Go compiles to and
// Linux base images commonly have.
var known = []Platform{
	{"linux", "amd64", ""},
	{"linux", "arm64", ""},
	{"linux", "arm", "v7"},
	{"linux", "arm", "v6"},
	{"linux", "386", ""},
	{"linux", "ppc64le", ""},
	{"linux", "riscv64", ""},
	{"linux", "s390x", ""},
}

// aliases maps other names of a platform to the one above, as containerd does.
var aliases = map[string]string{
	"linux/arm64/v8": "linux/arm64",
	"linux/arm":      "linux/arm/v7",
	"linux/aarch64":  "linux/arm64",
	"linux/x86_64":   "linux/amd64",
	"linux/amd64/v1": "linux/amd64",
}

// ParsePlatform reads OS/ARCHITECTURE[/VARIANT]. The error is an *InvalidError that
// lists the known platforms and suggests the one that was probably meant.
func ParsePlatform(s string) (Platform, error) {
	want := s
	if alias, ok := aliases[s]; ok {
		want = alias
	}
	for _, p := range known {
		if p.String() == want {
			return p, nil
		}
	}
	return Platform{}, &InvalidError{What: "platform", Input: s, Reason: platformReason(s)}
}

func platformReason(s string) string {
	reason := "is unknown"
	if s == "" {
		reason = "is empty"
	}
	if hint := platformHint(s); hint != "" {
		reason += "; did you mean " + hint + "?"
	}
	return reason + " (known: " + strings.Join(platformNames(), ", ") + ")"
}

func platformHint(s string) string {
	if s == "arm" {
		return "linux/arm64, or linux/arm/v7 for 32 bits"
	}
	s = strings.ToLower(strings.TrimSpace(s))
	if alias, ok := aliases[s]; ok {
		return alias
	}
	if alias, ok := aliases["linux/"+s]; ok {
		return alias
	}
	if slices.Contains(platformNames(), "linux/"+s) {
		return "linux/" + s
	}
	return nearest(s, platformNames())
}

func platformNames() []string {
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = p.String()
	}
	return names
}

// ParsePlatforms reads a list such as "linux/amd64,linux/arm64". The order is kept;
// an empty list and a platform that is given twice are errors.
func ParsePlatforms(list string) ([]Platform, error) {
	var parsed []Platform
	for item := range strings.SplitSeq(list, ",") {
		p, err := ParsePlatform(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if slices.Contains(parsed, p) {
			return nil, &InvalidError{What: "platforms", Input: list, Reason: "name " + p.String() + " twice"}
		}
		parsed = append(parsed, p)
	}
	return parsed, nil
}

// NativePlatform is the platform that this machine runs without emulation: Linux,
// also where the program itself runs on another system, as images are for Linux.
func NativePlatform() Platform {
	p, err := ParsePlatform("linux/" + runtime.GOARCH)
	if err != nil {
		return known[0]
	}
	return p
}

// String returns OS/ARCHITECTURE[/VARIANT].
func (p Platform) String() string {
	if p.Variant == "" {
		return p.OS + "/" + p.Architecture
	}
	return p.OS + "/" + p.Architecture + "/" + p.Variant
}

// JoinPlatforms is the list that ParsePlatforms reads.
func JoinPlatforms(list []Platform) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.String()
	}
	return strings.Join(names, ",")
}

// SamePlatforms reports whether both lists hold the same platforms, in any order.
func SamePlatforms(a, b []Platform) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p Platform) bool { return !slices.Contains(b, p) })
}
