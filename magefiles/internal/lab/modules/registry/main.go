// Command registry is the registry of the lab: CNCF distribution's own command, without the parts that a lab does not use. It stores in a folder,
// and reads its users from an htpasswd file. The storage drivers of cloud providers and the other kinds of authorization are most of the original
// command's code.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"

	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"             // the access controller "htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the storage driver "filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil { // cobra has printed it
		os.Exit(1)
	}
}
