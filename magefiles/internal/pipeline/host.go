package pipeline

import (
	"context"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/content"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline/gobuild"
)

// Copies returns the store to which folders of this machine are copied before they are sent, below the hash of their content: Dagger sends a file
// again only if its path, its size or its time changed. It is called after connecting, and returns nil for an engine that compares contents.
type Copies func() *content.Store

// folder passes a folder of this machine to the engine, without the files that the patterns exclude. All folders that builds read use this
// method.
func (c Copies) folder(ctx context.Context, client *dagger.Client, dir string, exclude []string) (*dagger.Directory, error) {
	var store *content.Store
	if c != nil {
		store = c()
	}
	if store == nil {
		return client.Host().Directory(dir, dagger.HostDirectoryOpts{Exclude: exclude}), nil
	}
	place, err := store.Put(ctx, dir, exclude)
	if err != nil {
		return nil, err
	}
	return client.Host().Directory(place), nil
}

// compiled passes a compiled program to the engine. Its path already holds the hash of its content.
func compiled(client *dagger.Client, b gobuild.Binary) *dagger.File {
	return client.Host().File(b.Path)
}

// shellFolder passes the folder of a static shell. Its path already holds the hash of its content, too.
func shellFolder(client *dagger.Client, dir string) *dagger.Directory {
	return client.Host().Directory(dir)
}
