// Package site holds the settings of a repository that uses the targets of package targets.
//
// A magefile states them once, in a variable declaration:
//
//	var _ = site.Use(site.Settings{Registry: "registry.example", Namespace: "me"})
//
// A field that is left empty has the value of [Defaults], if there is one. A target that needs another field names it.
package site

import "reflect"

var used = Defaults()

// Use states the settings of this repository and returns them with the defaults filled in. The last call counts.
func Use(s Settings) Settings {
	used = s.filled()
	return used
}

// Used returns what Use was given, with the defaults filled in.
func Used() Settings { return used }

// Defaults are the settings that suit most repositories.
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

// filled returns the settings with the defaults in the place of empty fields.
func (s Settings) filled() Settings {
	fields, defaults := reflect.ValueOf(&s).Elem(), reflect.ValueOf(Defaults())
	for i := range fields.NumField() {
		if fields.Field(i).String() == "" {
			fields.Field(i).SetString(defaults.Field(i).String())
		}
	}
	return s
}
