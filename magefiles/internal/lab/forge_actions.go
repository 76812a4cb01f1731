package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// EnableActions makes pushes, tags and pull requests of a repository start its workflows from now on. Before that a repository starts none, so
// that it can be filled first. The forge must have been started with Actions.
func (f *Forge) EnableActions(ctx context.Context, owner, repository string) error {
	var is struct {
		HasActions bool `json:"has_actions"`
	}
	err := f.asAdmin(ctx, http.MethodPatch, "/api/v1/repos/"+owner+"/"+repository, map[string]any{"has_actions": true}, &is)
	if err == nil && !is.HasActions {
		err = errors.New("this forge does not run workflows: set ForgeOptions.Actions")
	}
	if err != nil {
		return fmt.Errorf("actions of %s/%s: %w", owner, repository, err)
	}
	return nil
}

// SetSecret gives the workflows of a repository a secret. The forge accepts letters, digits and _ in its name, and stores it in capitals.
func (f *Forge) SetSecret(ctx context.Context, owner, repository, name, value string) error {
	path := "/api/v1/repos/" + owner + "/" + repository + "/actions/secrets/" + name
	if err := f.asAdmin(ctx, http.MethodPut, path, map[string]any{"data": value}, nil); err != nil {
		return fmt.Errorf("secret %s of %s/%s: %w", name, owner, repository, err)
	}
	return nil
}

// SetVariable gives the workflows of a repository a variable, and replaces one of that name.
func (f *Forge) SetVariable(ctx context.Context, owner, repository, name, value string) error {
	path := "/api/v1/repos/" + owner + "/" + repository + "/actions/variables/" + name
	in := map[string]any{"value": value}
	err := f.asAdmin(ctx, http.MethodPut, path, in, nil)
	if isStatus(err, http.StatusNotFound) {
		err = f.asAdmin(ctx, http.MethodPost, path, in, nil)
	}
	if err != nil {
		return fmt.Errorf("variable %s of %s/%s: %w", name, owner, repository, err)
	}
	return nil
}

// runnerToken is a registration token for a runner of all repositories.
func (f *Forge) runnerToken(ctx context.Context) (string, error) {
	var made struct{ Token string }
	err := f.asAdmin(ctx, http.MethodPost, "/api/v1/admin/actions/runners/registration-token", nil, &made)
	if err == nil && strings.TrimSpace(made.Token) == "" {
		err = errors.New("the forge returned an empty token")
	}
	return made.Token, err
}
