package lab

import (
	"context"
	"net/http"
)

// Get reads an object, or a list, by its path, such as /apis/apps/v1/namespaces/docs/deployments/docs. Refusals of this and the
// other methods are a *StatusError.
func (c *Cluster) Get(ctx context.Context, path string, out any) error {
	return c.api().do(ctx, http.MethodGet, path, "", nil, out)
}

// Apply makes the object at path like the document (server-side apply): JSON or YAML as it stands if it is a []byte, else what
// encoding/json makes of it. Fields that an earlier document had and this one lacks go.
func (c *Cluster) Apply(ctx context.Context, path string, document any) error {
	return c.api().do(ctx, http.MethodPatch, path+"?fieldManager=blumeops-lab&force=true", "application/apply-patch+yaml", document, nil)
}

// Patch merges the document into the object at path (JSON merge patch): null removes a field, a list replaces another.
func (c *Cluster) Patch(ctx context.Context, path string, document any) error {
	return c.api().do(ctx, http.MethodPatch, path, "application/merge-patch+json", document, nil)
}

// Delete deletes the object at path. What is not there is no error.
func (c *Cluster) Delete(ctx context.Context, path string) error {
	err := c.api().do(ctx, http.MethodDelete, path, "", nil, nil)
	if isStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// api is the cluster's API for its administrator.
func (c *Cluster) api() api { return api{client: c.client, base: c.URL(), token: c.token} }

// object is a Kubernetes object, or a part of one.
type object = map[string]any
