package procgroup

import (
	"slices"
	"strings"
)

// Names of variables that a kind of program requires. A name that ends with * is a prefix.
var (
	// Basic is for any program: to find its files, its locale and the network.
	Basic = []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TMPDIR", "TMP", "TEMP", "XDG_*",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "NIX_*",
	}
	// Git is for git, with its credential helpers and SSH.
	Git = slices.Concat(Basic, []string{
		"GIT_*", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS",
		"GNUPGHOME", "GPG_TTY", "CURL_CA_BUNDLE", "NETRC", "GIT_SSL_KEY",
	})
	// Go is for the go command, which runs git and a C compiler, and may be a shim of a version manager.
	Go = slices.Concat(Git, []string{
		"GO*", "CGO_*", "CC", "CXX", "AR", "PKG_CONFIG*", "GCCGO", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "CCACHE_*", "MISE_*", "ASDF_*",
	})
)

// credential are words in the names of variables that hold a credential, like names that end with KEY. No prefix matches such a
// variable.
var credential = []string{"TOKEN", "PASSWORD", "PASSWD", "SECRET", "CREDENTIAL"}

// Environment are the entries NAME=VALUE of env that a program requires. It does not get the rest of this process's environment, such as
// tokens: it may run code of a stranger.
func Environment(env, needs []string) []string {
	var kept []string
	for _, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); needed(name, needs) {
			kept = append(kept, entry)
		}
	}
	return kept
}

func needed(name string, needs []string) bool {
	return slices.ContainsFunc(needs, func(need string) bool {
		prefix, is := strings.CutSuffix(need, "*")
		if !is {
			return name == need
		}
		return strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, "KEY") && !slices.ContainsFunc(credential, func(word string) bool { return strings.Contains(name, word) })
	})
}
