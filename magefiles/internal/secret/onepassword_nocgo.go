//go:build !cgo

package secret

import "context"

// connect fails: 1Password's SDK (v0.4.0) does not compile without cgo, not even for service accounts.
func connect(context.Context, Login) (Vault, error) {
	return nil, problemf(Unreachable,
		"install a C compiler (Debian: gcc and libc6-dev), leave CGO_ENABLED unset and run again; or install the op command; or set the BLUMEOPS_* variables of the secrets",
		"%w", errNoSDK)
}
