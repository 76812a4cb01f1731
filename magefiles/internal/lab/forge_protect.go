package lab

import (
	"context"
	"fmt"
	"net/http"
)

// ProtectOptions are the exceptions of a protected branch. The zero value lets nobody push.
type ProtectOptions struct {
	Pushers []string // users who may push, though never by force
}

// Protect protects a branch, or changes its protection. It also applies to its owner and administrators.
func (f *Forge) Protect(ctx context.Context, owner, repository, branch string, o ProtectOptions) error {
	rules := "/api/v1/repos/" + owner + "/" + repository + "/branch_protections"
	method, path := http.MethodPatch, rules+"/"+branch
	err := f.asAdmin(ctx, http.MethodGet, path, nil, nil)
	if isStatus(err, http.StatusNotFound) {
		method, path, err = http.MethodPost, rules, nil
	}
	if err == nil {
		in := map[string]any{
			"rule_name": branch, "enable_push": len(o.Pushers) > 0, "enable_push_whitelist": true, "push_whitelist_usernames": o.Pushers,
		}
		err = f.asAdmin(ctx, method, path, in, nil)
	}
	if err != nil {
		return fmt.Errorf("protect %s of %s/%s: %w", branch, owner, repository, err)
	}
	return nil
}
