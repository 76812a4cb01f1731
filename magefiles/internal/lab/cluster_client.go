package lab

import (
	"context"
	"net/http"
)

// Get reads an object, or a list, by its path, such as /apis/apps/v1/namespaces/docs/deployments/docs. An error answer to this and the other
// methods is a *StatusError.
func (c *Cluster) Get(ctx context.Context, path string, out any) error {
	return c.api().do(ctx, http.MethodGet, path, "", nil, out)
}

// Apply changes the object at path to the document (server-side apply): a []byte is JSON or YAML and is sent unchanged, other values are encoded
// by encoding/json. Fields of an earlier document that are missing in this one are removed.
func (c *Cluster) Apply(ctx context.Context, path string, document any) error {
	return c.api().do(ctx, http.MethodPatch, path+"?fieldManager=blumeops-lab&force=true", "application/apply-patch+yaml", document, nil)
}

// Patch merges the document into the object at path (JSON merge patch): null removes a field, a list replaces another.
func (c *Cluster) Patch(ctx context.Context, path string, document any) error {
	return c.api().do(ctx, http.MethodPatch, path, "application/merge-patch+json", document, nil)
}

// Delete deletes the object at path. A missing object is not an error.
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
