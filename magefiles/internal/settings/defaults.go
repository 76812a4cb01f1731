package settings

import "reflect"

// Defaults are the settings that suit most repositories.
func Defaults() Settings {
	return Settings{
		TimeZone: "UTC",

		Docs:          "docs",
		DocsGenerator: "auto",
		DocsSource:    "https://github.com/jackyzha0/quartz.git#21dd4bae5fb7c1eec5262151ba5387c506e82913",
		NodeImage:     "node:22-slim",
		DocsKeep:      "0",
		DocsKeys:      "title,tags,modified",

		ArgoCDApp:     "docs",
		DeployTimeout: "5m",

		Manifests:           "argocd",
		GoPlatforms:         "linux/amd64,linux/arm64",
		DockerfilePlatforms: "linux/amd64",
		Channels:            "dev,test",

		Packages:           ".",
		PythonImage:        "python:3.12-slim",
		PythonRequirements: "index",

		Engine:         "auto",
		EngineCache:    "20GB",
		EngineInsecure: "false",
		CacheWrite:     "auto",
		Emulate:        "false",

		LabName: "default",
	}
}

// WithDefaults returns the settings with the defaults in the place of empty fields.
func (s Settings) WithDefaults() Settings {
	fields, defaults := reflect.ValueOf(&s).Elem(), reflect.ValueOf(Defaults())
	for i := range fields.NumField() {
		if fields.Field(i).String() == "" {
			fields.Field(i).SetString(defaults.Field(i).String())
		}
	}
	return s
}
