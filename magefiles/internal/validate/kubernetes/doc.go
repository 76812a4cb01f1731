// Package kubernetes checks manifests: it parses YAML with positions, validates objects against schemas, reads and builds kustomizations,
// and finds the images and the Argo CD sources in objects. Text goes in, problems come out: files come from a function, and the package
// writes and downloads nothing.
//
// The schemas are those of Kubernetes and of Argo CD's own kinds, in the versions that the lab runs. The folder generate makes them; a test
// compares. The package has its own validator, which walks a schema along the YAML: jsonschema needs 130 ms and 30 MB for the first kind
// that it compiles, gives no positions, and does not support quantities, null for an absent field or the booleans of YAML 1.1.
package kubernetes

//go:generate go run ./generate ../../lab/modules/argocd schemas
