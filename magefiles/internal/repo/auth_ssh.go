package repo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// dialTime bounds the time until an SSH server answers.
const dialTime = 30 * time.Second

// sshAuth holds this program's SSH key, and the keys of known servers.
type sshAuth struct {
	user       string
	method     ssh.AuthMethod
	known      ssh.HostKeyCallback
	algorithms []string

	mu      sync.Mutex
	problem error // about the host's key
}

var _ gitssh.AuthMethod = (*sshAuth)(nil)

// Name is go-git's name of this method.
func (a *sshAuth) Name() string { return gitssh.PublicKeysName }

// String names no key.
func (a *sshAuth) String() string { return a.Name() }

// ClientConfig is the configuration with which go-git dials.
func (a *sshAuth) ClientConfig() (*ssh.ClientConfig, error) {
	return &ssh.ClientConfig{
		User: a.user, Auth: []ssh.AuthMethod{a.method}, Timeout: dialTime,
		HostKeyCallback: a.check, HostKeyAlgorithms: a.algorithms,
	}, nil
}

func (a *sshAuth) hostKey() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.problem
}

// check looks up a host's key. The handshake's own error would not say what to do.
func (a *sshAuth) check(host string, addr net.Addr, key ssh.PublicKey) error {
	err := a.known(host, addr, key)
	if err == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problem = unknownHost(host, key, err)
	return a.problem
}

func unknownHost(host string, key ssh.PublicKey, err error) error {
	name, port, splitErr := net.SplitHostPort(host)
	if splitErr != nil {
		name, port = host, "22"
	}
	scan := fmt.Sprintf("ssh-keyscan -p %s %s >> ~/.ssh/known_hosts", port, name)
	finger := ssh.FingerprintSHA256(key)
	var found *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.As(err, &revoked):
		return fmt.Errorf("%w: %s has the key %s, which known_hosts lists as revoked", ErrHostKey, host, finger)
	case errors.As(err, &found) && len(found.Want) > 0:
		return fmt.Errorf("%w: %s has the key %s, but known_hosts has another key (%s:%d): another server may have answered. "+
			"If the server has a new key, remove the old line, then run: %s", ErrHostKey, host, finger, found.Want[0].Filename, found.Want[0].Line, scan)
	}
	return fmt.Errorf("%w: known_hosts has no key of %s, which has %s: compare it with the key that its owner publishes, then run: %s", ErrHostKey, host, finger, scan)
}

// sshAuth reads key and known hosts.
func (m *Remote) sshAuth(ctx context.Context) (*sshAuth, error) {
	method, err := m.sshMethod(ctx)
	if err != nil {
		return nil, err
	}
	files := m.knownHosts()
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: known_hosts file not found: run ssh-keyscan %s >> ~/.ssh/known_hosts, and compare the key with the key that its owner publishes",
			ErrHostKey, m.endpoint.Host)
	}
	db, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, fmt.Errorf("known hosts: %w", err)
	}
	a := &sshAuth{user: m.endpoint.User, method: method, known: db.HostKeyCallback(), algorithms: db.HostKeyAlgorithms(m.sshHost())}
	if a.user == "" {
		a.user = gitssh.DefaultUsername
	}
	return a, nil
}

// sshHost is the address that go-git dials: it follows the user's ~/.ssh/config.
func (m *Remote) sshHost() string {
	host, port := strings.Trim(m.endpoint.Host, "[]"), m.endpoint.Port
	if port == 0 {
		port = gitssh.DefaultPort
	}
	if c := gitssh.DefaultSSHConfig; c != nil {
		if name := c.Get(host, "Hostname"); name != "" {
			host = name
			if p, err := strconv.Atoi(c.Get(m.endpoint.Host, "Port")); err == nil {
				port = p
			}
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// knownHosts are the known_hosts files that exist.
func (m *Remote) knownHosts() []string {
	files := m.options.KnownHosts
	if files == nil {
		files = []string{"/etc/ssh/ssh_known_hosts"}
		if home := m.repo.getenv("HOME"); home != "" {
			files = append(files, filepath.Join(home, ".ssh", "known_hosts"))
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(name string) bool {
		_, err := os.Stat(name)
		return err != nil
	})
}

func (m *Remote) sshMethod(ctx context.Context) (ssh.AuthMethod, error) {
	if m.options.SSHKey == nil {
		return m.agent()
	}
	raw, err := m.options.SSHKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("SSH key: %w", err)
	}
	key, err := parseKey(raw)
	if err != nil {
		return nil, fmt.Errorf("SSH key: %w", err)
	}
	return ssh.PublicKeys(key), nil
}

// agent uses the keys of the user's agent.
func (m *Remote) agent() (ssh.AuthMethod, error) {
	socket := m.repo.getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, fmt.Errorf("%w: no SSH key is set, and no SSH agent is running (SSH_AUTH_SOCK): set a key, or run ssh-agent and ssh-add", ErrKey)
	}
	return ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
		conn, err := net.DialTimeout("unix", socket, dialTime)
		if err != nil {
			return nil, fmt.Errorf("SSH agent: %w", err)
		}
		// The connection is used until the signature: it ends with the process.
		return agent.NewClient(conn).Signers()
	}), nil
}
