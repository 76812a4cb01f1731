package app

import (
	"cmp"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
)

// repository is where the forge has this repository.
func (a *App) repository() forge.Repository {
	return forge.Repository{Owner: a.Owner, Name: a.Repository}
}

// forge is the client of the forge.
func (a *App) forge() (*forge.Client, error) {
	return a.client.get(func() (*forge.Client, error) { return a.forgeAt(0) })
}

// forgeAt is a client that makes so many attempts; 0 is its default.
func (a *App) forgeAt(attempts int) (*forge.Client, error) {
	if err := a.Require("ForgeURL", "Owner", "Repository"); err != nil {
		return nil, console.BadInput(err)
	}
	client, err := forge.New(forge.Options{URL: a.ForgeURL, Token: a.forgeToken, HTTP: a.http(), Log: a.console.Note, Retry: forge.Retry{Attempts: attempts}})
	return client, console.BadInput(err)
}

// docsName is the name of the package of the docs, and the start of its files' names.
const docsName = "docs"

// The container quartz reads these variables.
const (
	docsURLVariable = "DOCS_RELEASE_URL"
	docsSumVariable = "DOCS_RELEASE_SHA256"
)

// docsPackage is the package of the docs.
func (a *App) docsPackage(client *forge.Client) forge.Package {
	return forge.NewPackage(client, docsName, a.repository(), cmp.Or(a.PackagesURL, a.ForgeURL), a.console.Note)
}
