package daemon

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// settingsLabel is the worker label with the key of the settings that a running daemon was started with.
const settingsLabel = "me.eblu.ops.blumeops.settings"

// minFreeBytes is the part of the disk that the cache leaves free; collection starts before it is reached.
const minFreeBytes = 2 << 30

// settings is the file that our buildkitd reads: type config in modules/buildkitd/main.go has the same fields.
type settings struct {
	Root, Socket, Runtime, RuntimeHint string
	Rootless                           bool
	Usernet                            string
	Labels                             map[string]string
	CacheBytes, MinFreeBytes           int64
	CAFile                             string
	Registries                         map[string]registrySettings
}

// registrySettings has the field names of BuildKit's util/resolver/config.RegistryConfig. Unset fields are omitted: BuildKit takes false for
// HTTPS also on loopback.
type registrySettings struct {
	Mirrors   []string `json:",omitempty"`
	PlainHTTP bool     `json:",omitempty"`
}

// passedVariables are the variables that change how the daemon fetches. They are part of its settings.
var passedVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
}

// settings returns the settings that the daemon is started with.
func (o Options) settings() settings {
	f := o.files()
	s := settings{
		Root: f.root, Socket: f.socket, Runtime: f.runtime, RuntimeHint: o.noRuntime().Error(),
		Rootless:   os.Geteuid() != 0,
		CacheBytes: o.CacheBytes, MinFreeBytes: minFreeBytes, CAFile: o.authoritiesCopy(),
		Registries: map[string]registrySettings{},
	}
	if s.Rootless && !o.singleUser() {
		if state, err := o.builder().Inspect(usernet); err == nil { // else its build fails with the same error
			s.Usernet = state.Path
		}
	}
	for host, r := range o.Registries {
		s.Registries[host] = registrySettings(r)
	}
	s.Labels = map[string]string{settingsLabel: o.settingsKey(s), StartLabel: rand.Text()}
	return s
}

// authoritiesCopy is the path from which the daemon reads the authorities: its own copy, named by the content, because the daemon outlives the
// file of a run. A file that cannot be read is named itself, so that the daemon reports it.
func (o Options) authoritiesCopy() string {
	if o.CAFile == "" {
		return ""
	}
	text, err := os.ReadFile(o.CAFile)
	if err != nil {
		return o.CAFile
	}
	sum := sha256.Sum256(text)
	return filepath.Join(o.StateDir, "authorities", hex.EncodeToString(sum[:16])+".pem")
}

// copyAuthorities writes that copy.
func (o Options) copyAuthorities() error {
	kept := o.authoritiesCopy()
	if kept == o.CAFile {
		return nil
	}
	text, err := os.ReadFile(o.CAFile)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(kept+".tmp", text, 0o644); err != nil {
		return err
	}
	return os.Rename(kept+".tmp", kept)
}

// settingsKey is a hash, so it does not reveal a password in a proxy's address.
func (o Options) settingsKey(s settings) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	enc.Encode(s)
	enc.Encode(o.environ(passedVariables))
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// environment is the whole environment of the daemon. The daemon outlives the command that starts it, so it must not get the secrets of that
// command's environment.
func (o Options) environment() []string {
	f := o.files()
	env := o.environ(passedVariables)
	env = append(env, o.environ([]string{"HOME", "USER", "LOGNAME", "LANG"})...)
	return append(env,
		"PATH="+strings.Join(o.searchPath(), string(filepath.ListSeparator)),
		"TMPDIR="+f.tmp, // BuildKit does not always remove its files there
		"XDG_RUNTIME_DIR="+filepath.Dir(f.runtime),
		// No step's output is cut: the clients show its end and keep all of it.
		"BUILDKIT_STEP_LOG_MAX_SIZE=-1",
		"BUILDKIT_STEP_LOG_MAX_SPEED=-1",
	)
}

func (o Options) environ(names []string) []string {
	var env []string
	for _, name := range names {
		if v := o.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// write replaces the file atomically.
func (s settings) write(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
