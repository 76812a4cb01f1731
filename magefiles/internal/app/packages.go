package app

import (
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/packagelist"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// ListPackages lists the Python packages.
func (a *App) ListPackages() (fmt.Stringer, error) {
	return packagelist.List{Files: a.tree(), Folders: settings.List(a.Packages)}.Run()
}
