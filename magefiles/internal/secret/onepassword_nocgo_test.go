//go:build !cgo

package secret

import (
	"errors"
	"strings"
	"testing"
)

func TestWithoutCgoTheMessageSaysSo(t *testing.T) {
	r := NewResolver(Options{Env: env("OP_SERVICE_ACCOUNT_TOKEN", "ops_x")})
	_, err := r.Resolve(t.Context(), must(t, "op://v/i/f"))
	var failed *Error
	if !errors.As(err, &failed) || failed.State != Unreachable || !strings.Contains(err.Error(), "without cgo") || !strings.Contains(failed.Hint(), "gcc") {
		t.Errorf("%v", err)
	}
}
