// Package kubernetes looks at manifests: it reads YAML with its positions, says where an object does not fit its schema, reads
// kustomizations and builds them, and finds the images and the Argo CD sources that objects name. It is text in, problems out: files come
// from a function, nothing is written, and nothing is fetched.
//
// The schemas are those of Kubernetes and of Argo CD's own kinds, of the versions that the lab runs. Folder generate makes them; a test
// compares. A schema is walked along the YAML itself, by code of its own: jsonschema needs 130 ms and 30 MB for the first kind that it
// compiles, has no positions, and knows nothing of quantities, of null for an absent field or of booleans that YAML 1.1 had.
package kubernetes

//go:generate go run ./generate ../../lab/modules/argocd schemas
