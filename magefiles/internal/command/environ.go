package command

import (
	"slices"
	"strings"
)

// Names of variables that a kind of program needs. One that ends with * is a prefix.
var (
	// Basic is what any program may need to find its files, its locale and the network.
	Basic = []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TMPDIR", "TMP", "TEMP", "XDG_*",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "NIX_*",
	}
	// Git is what git needs, with its credential helpers and SSH.
	Git = slices.Concat(Basic, []string{
		"GIT_*", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS",
		"GNUPGHOME", "GPG_TTY", "CURL_CA_BUNDLE", "NETRC", "GIT_SSL_KEY",
	})
	// Go is what the go command needs, which runs git and a C compiler, and may be a shim of a version manager.
	Go = slices.Concat(Git, []string{
		"GO*", "CGO_*", "CC", "CXX", "AR", "PKG_CONFIG*", "GCCGO", "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "CCACHE_*", "MISE_*", "ASDF_*",
	})
)

// credential are words in the names of variables that hold one, as keys do whose names end with KEY. No prefix takes such a variable.
var credential = []string{"TOKEN", "PASSWORD", "PASSWD", "SECRET", "CREDENTIAL"}

// Environment are the entries NAME=VALUE of env that a program needs. What else is in the environment of this process, such as tokens, is
// not its business: it may run what a stranger wrote.
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
