//go:build mage

package main

import "forge.ops.eblu.me/eblume/blumeops/magefiles/site"

// What differs from site to site: package site explains each field, and has the values of those that are left out. The environment variable that
// a field is tagged with overrides it, and a target's flag overrides that.
var _ = site.Use(site.Settings{
	Registry:         "registry.ops.eblu.me",
	Namespace:        "blumeops",
	RegistryUser:     "zot-ci",
	RegistryPassword: "op://blumeops/zot-ci/password",

	ForgeURL:   "https://forge.ops.eblu.me",
	Owner:      "eblume",
	Repository: "blumeops",
	ForgeToken: "op://blumeops/forge-ci/token",

	DocsManifest:  "argocd/manifests/docs/deployment.yaml",
	DocsURL:       "https://docs.eblu.me",
	ReleaseAuthor: "BlumeOps <blumeops@ops.eblu.me>",

	ArgoCDURL:   "https://argocd.ops.eblu.me",
	ArgoCDToken: "op://blumeops/argocd-ci/token",

	TestCommand: "go test ./...",
})
