package repo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// RemoteOptions say where the remote is and how this program shows who it is. Secrets are asked for when they are needed, each time.
type RemoteOptions struct {
	// URL is https, http, ssh, the short form user@host:path, or a path; "" is that of the checkout's remote.
	URL string
	// Credentials gives a user and a token for an HTTP host (host or host:port). ok is false if there are none. nil: only what
	// stands in the URL, if anything does.
	Credentials func(ctx context.Context, host string) (user, token string, ok bool, err error)
	// Plain are hosts, besides this machine, that a token may be sent to over plain HTTP.
	Plain []string
	// SSHKey gives a private key, without a passphrase; nil asks the SSH agent that SSH_AUTH_SOCK names.
	SSHKey func(ctx context.Context) ([]byte, error)
	// KnownHosts are files with the keys of SSH hosts; nil is ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.
	KnownHosts []string
	// Transport speaks HTTP; nil is http.DefaultTransport.
	Transport http.RoundTripper
}

// Remote is a repository that this one fetches from and pushes to. What it says of itself is asked anew each time. No error holds a secret.
type Remote struct {
	repo     *Repo
	options  RemoteOptions
	endpoint *transport.Endpoint // without credentials
	inURL    credentials         // that stood in the URL
	tracked  string              // name of the remote whose tracking branches follow; "" for another URL
}

type credentials struct{ user, token string }

// Remote returns the repository's remote. It does not ask it anything yet.
func (r *Repo) Remote(o RemoteOptions) (*Remote, error) {
	m := &Remote{repo: r, options: o}
	url := o.URL
	if url == "" {
		var err error
		if m.tracked, url, err = r.remoteURL(); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(url, "://") && !scpLike.MatchString(url) && !filepath.IsAbs(url) {
		url = filepath.Join(r.root, filepath.FromSlash(url))
	}
	ep, err := transport.NewEndpoint(url)
	if err != nil {
		return nil, fmt.Errorf("address of the git remote: expected https, ssh or a path, as git takes them: %w", hide(err, url))
	}
	switch ep.Protocol {
	case "http", "https", "ssh", "file":
	default:
		return nil, fmt.Errorf("address of the git remote: %s is not spoken here: use https, ssh or a path", ep.Protocol)
	}
	if ep.Protocol != "ssh" {
		m.inURL = credentials{ep.User, ep.Password}
		ep.User = ""
	}
	ep.Password = ""
	m.endpoint = ep
	return m, nil
}

// remoteURL is the name and the first address of the checkout's remote.
func (r *Repo) remoteURL() (name, url string, err error) {
	if name = r.remoteName(); name == "" {
		return "", "", fmt.Errorf("%s: no git remote is called origin: git remote add origin URL, or set the forge's address", r.root)
	}
	remote, err := r.git.Remote(name)
	if err != nil {
		return "", "", fmt.Errorf("%s: remote %s: %w", r.root, name, err)
	}
	if len(remote.Config().URLs) == 0 {
		return "", "", fmt.Errorf("%s: remote %s has no address: git remote set-url %s URL", r.root, name, name)
	}
	return name, remote.Config().URLs[0], nil
}

// String is the remote's address, without credentials.
func (m *Remote) String() string { return m.endpoint.String() }

// Refs are what a remote has, as it said when it was asked. Hashes are whole.
type Refs struct {
	Heads   map[string]string // commits by the branches' bare names
	Tags    map[string]Tagged // by bare name
	Default string            // name of the branch that HEAD is; "" if it does not say
}

// Tagged is what a tag is on.
type Tagged struct {
	Hash   string // of the tag's object, or of the commit if it has none
	Commit string // that it leads to
}

// Refs asks for the remote's branches and tags. A repository that is empty has none.
func (m *Remote) Refs(ctx context.Context) (Refs, error) {
	s, err := m.uploading(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return Refs{Heads: map[string]string{}, Tags: map[string]Tagged{}}, nil
	}
	if err != nil {
		return Refs{}, err
	}
	defer s.Close()
	return readRefs(s.advertised), nil
}

func readRefs(a *packp.AdvRefs) Refs {
	r := Refs{Heads: map[string]string{}, Tags: map[string]Tagged{}}
	for name, hash := range a.References {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			r.Heads[branch] = hash.String()
		}
		if tag, ok := strings.CutPrefix(name, "refs/tags/"); ok {
			t := Tagged{Hash: hash.String(), Commit: hash.String()}
			if peeled, ok := a.Peeled[name]; ok {
				t.Commit = peeled.String()
			}
			r.Tags[tag] = t
		}
	}
	for _, link := range a.Capabilities.Get(capability.SymRef) {
		if branch, ok := strings.CutPrefix(link, "HEAD:refs/heads/"); ok {
			r.Default = branch
		}
	}
	return r
}

// PushRight asks whether a push would be let in: whether this account may write here at all, and whether the server moves a branch and a tag in one
// step. It pushes nothing. What rules there are for a branch, it cannot know; and Forgejo and Gitea let everybody who may read begin a push, for a
// review: what an account may do there their API tells.
func (m *Remote) PushRight(ctx context.Context) error {
	s, err := m.receiving(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return m.mayPush(s.advertised, true)
}

// TagRight asks whether PushTag would be let in, as PushRight does for a branch and a tag.
func (m *Remote) TagRight(ctx context.Context) error {
	s, err := m.receiving(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return m.mayPush(s.advertised, false)
}

func (m *Remote) mayPush(a *packp.AdvRefs, both bool) error {
	if both && !a.Capabilities.Supports(capability.Atomic) {
		return fmt.Errorf("%s: %w: a tag could come without its branch, or a branch without its tag: "+
			"set receive.advertiseAtomic to true in the server's git configuration, or push to one that has it", m, ErrNotAtomic)
	}
	if !a.Capabilities.Supports(capability.ReportStatus) {
		return fmt.Errorf("%s: the server does not say what became of a push (git's report-status): use another", m)
	}
	return nil
}
