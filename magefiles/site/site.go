// Package site holds the settings of a repository that uses the targets of package targets.
//
// A magefile states them once, in a variable declaration:
//
//	var _ = site.Use(site.Settings{Registry: "registry.example", Namespace: "me"})
//
// An empty field has the value in [Defaults], if there is one. A target that requires an empty field without a default fails, and names the
// field and its environment variable.
package site

import "reflect"

var used = Defaults()

// Use sets the settings of this repository, and returns them with the defaults in empty fields. The last call counts.
func Use(s Settings) Settings {
	used = s.filled()
	return used
}

// Used returns the settings of the last call of Use, with the defaults in empty fields.
func Used() Settings { return used }

// Defaults are the values of empty fields.
func Defaults() Settings {
	return Settings{
		TimeZone: "UTC",

		Docs:          "docs",
		DocsGenerator: "auto",
		DocsSource:    "https://github.com/jackyzha0/quartz.git#21dd4bae5fb7c1eec5262151ba5387c506e82913",
		NodeImage:     "node:22-slim",
		DocsKeep:      "0",

		ArgoCDApp:     "docs",
		DeployTimeout: "5m",

		Manifests:           "argocd",
		GoPlatforms:         "linux/amd64,linux/arm64",
		DockerfilePlatforms: "linux/amd64",

		Engine:      "auto",
		EngineCache: "20GB",

		LabName: "default",
	}
}

// filled returns the settings with the defaults in empty fields.
func (s Settings) filled() Settings {
	fields, defaults := reflect.ValueOf(&s).Elem(), reflect.ValueOf(Defaults())
	for i := range fields.NumField() {
		if fields.Field(i).String() == "" {
			fields.Field(i).SetString(defaults.Field(i).String())
		}
	}
	return s
}
