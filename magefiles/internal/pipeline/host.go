package pipeline

import (
	"context"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/content"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline/gobuild"
)

// Copies gives the place where folders of this machine are copied to before they are sent, below the hash of their content: Dagger sends a
// file again only if its path, its size or its time is another. It is asked when there is a connection, and gives nil for an engine that
// compares contents.
type Copies func() *content.Store

// folder hands a folder of this machine to the engine, without what the patterns exclude. All folders that builds read go through here.
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

// compiled hands a compiled program to the engine. Its path holds the hash of its content already.
func compiled(client *dagger.Client, b gobuild.Binary) *dagger.File {
	return client.Host().File(b.Path)
}
