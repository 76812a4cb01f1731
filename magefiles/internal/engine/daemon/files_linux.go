package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

const (
	// socketPathLimit is the longest path in sockaddr_un, without the final zero, see unix(7).
	socketPathLimit = 107
	// longestSocket has the length of the longest name of a socket below the folder of sockets, RootlessKit's.
	longestSocket = "/" + kitState + "0123456789ab/api.sock"
)

// files are the paths under StateDir.
type files struct {
	bin, root, run, tmp, log, lock string
	sockets                        string // folder of the sockets: run, unless that path is too long
	socket, config, runtime        string
	network                        string // a socket of the daemon beside socket, see modules/buildkitd/sockets.go
}

func (o Options) files() files {
	at := func(elem ...string) string { return filepath.Join(append([]string{o.StateDir}, elem...)...) }
	f := files{
		bin: at("bin"), root: at("root"), run: at("run"), tmp: at("tmp"), log: at("log", "buildkitd.log"), lock: at("lock"),
		config: at("run", "buildkitd.json"), runtime: at("run", "oci-runtime"),
	}
	f.sockets = f.run
	if !fits(f.run) {
		f.sockets = shortFolder(o.StateDir, o.Getenv)
	}
	f.socket = filepath.Join(f.sockets, "buildkitd.sock")
	f.network = filepath.Join(f.sockets, "network.sock")
	return f
}

func fits(dir string) bool { return len(dir)+len(longestSocket) <= socketPathLimit }

// shortFolder is the folder of the sockets if the path of StateDir is too long: in the user's runtime folder, otherwise in /tmp.
func shortFolder(stateDir string, getenv func(string) string) string {
	sum := sha256.Sum256([]byte(stateDir))
	name := hex.EncodeToString(sum[:6])
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		if path := filepath.Join(dir, "blumeops-"+name); fits(path) {
			return path
		}
	}
	return filepath.Join("/tmp", fmt.Sprintf("blumeops-%d-%s", os.Getuid(), name))
}

// prepare makes the folders, with no access for other users.
func (f files) prepare() error {
	for _, dir := range []string{f.bin, f.root, f.run, f.tmp, filepath.Dir(f.log), f.sockets} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("the engine's folder: %w", err)
		}
		if err := checkOwner(dir); err != nil {
			return err
		}
	}
	return nil
}
