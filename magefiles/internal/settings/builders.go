package settings

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Builder is an engine that builds the images of a platform.
type Builder struct {
	Platform image.Platform
	Address  string // of a BuildKit daemon, or of a Dagger runner with the prefix dagger+
}

// BuilderList parses the field Builders. The error has all items that are invalid.
func (s Settings) BuilderList() ([]Builder, error) {
	var list []Builder
	var invalid []error
	for _, item := range List(s.Builders) {
		b, err := parseBuilder(item)
		if err == nil && slices.Contains(list, b) {
			err = errors.New("is listed twice: remove one of the two")
		}
		if err != nil {
			invalid = append(invalid, fmt.Errorf("BLUMEOPS_BUILDERS: %q %w", item, err))
			continue
		}
		list = append(list, b)
	}
	return list, errors.Join(invalid...)
}

func parseBuilder(item string) (b Builder, err error) {
	platform, address, ok := strings.Cut(item, "=")
	if !ok {
		return b, errors.New("must be PLATFORM=ADDRESS (example: linux/arm64=tcp://build-arm:1234)")
	}
	if b.Platform, err = image.ParsePlatform(platform); err != nil {
		return b, fmt.Errorf("must begin with a platform: %w", err)
	}
	b.Address = strings.TrimSuffix(address, "/")
	return b, checkBuilder(b.Address)
}

// builderForms are the addresses of builders, for messages.
const builderForms = "tcp://HOST:PORT, unix:///PATH/buildkitd.sock or ssh://HOST for BuildKit, dagger+tcp://HOST:PORT or dagger+unix:///PATH for a Dagger runner"

func checkBuilder(address string) error {
	wrong := fmt.Errorf("has an invalid address: expected %s", builderForms)
	u, err := url.Parse(address)
	if err != nil {
		return wrong
	}
	bare := u.RawQuery == "" && u.Fragment == ""
	switch scheme := strings.TrimPrefix(u.Scheme, "dagger+"); {
	case u.Scheme == "":
		return fmt.Errorf("has no scheme: expected %s", builderForms)
	case scheme == "unix" && bare && u.Host == "" && u.Path != "":
		return nil
	case scheme == "tcp" && bare && u.Hostname() != "" && u.Port() != "" && u.Path == "":
		return nil
	case u.Scheme == "ssh" && bare && u.Hostname() != "":
		return nil
	}
	return wrong
}

// Emulates reports whether a platform may be built under emulation if none of its builders can build.
func (s Settings) Emulates() (bool, error) {
	emulate, err := strconv.ParseBool(cmp.Or(s.Emulate, "false"))
	if err != nil {
		return false, fmt.Errorf("BLUMEOPS_EMULATE: %q must be true or false", s.Emulate)
	}
	return emulate, nil
}
