// Command registry is the registry of the lab: CNCF distribution's own command, with the parts that a lab has no use for left
// out. It stores in a folder, and knows its users from an htpasswd file; the storage drivers of cloud providers and the other
// kinds of authorization are most of what the command is built from otherwise.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"

	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"             // the access controller "htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the storage driver "filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil { // cobra has said it
		os.Exit(1)
	}
}
