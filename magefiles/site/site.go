// Package site holds the settings of a repository that uses the targets of package targets.
//
// A magefile states them once, in a variable declaration:
//
//	var _ = site.Use(site.Settings{Registry: "registry.example", Namespace: "me"})
//
// An empty field has the value in [Defaults], if there is one. A target that requires an empty field without a default fails, and names the
// field and its environment variable.
package site

import (
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/app"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Settings are the settings that differ between sites: the registry, the forge, Argo CD, the docs. The page docs/reference/settings.md explains
// the fields, and so does
//
//	go doc forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings.Settings
type Settings = settings.Settings

// Use states the settings of this repository, and returns them with the defaults filled in. It also links the implementation of the targets into
// the program. The last call counts.
func Use(s Settings) Settings {
	s = s.WithDefaults()
	tasks.Register(app.Runner(s))
	return s
}

// Defaults are the values of empty fields.
func Defaults() Settings { return settings.Defaults() }
