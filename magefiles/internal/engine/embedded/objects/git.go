package objects

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/util/gitutil"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// GitRepository is a git repository with the references that it had when the session first asked for it.
type GitRepository struct {
	env     *Env
	address string // as the field url says it; "" for a directory
	remote  gitremote.Remote
	parsed  *gitutil.GitURL  // nil for a directory
	agent   *Socket          // for SSH
	store   *gitremote.Store // of a directory or a service; nil for the store of the engine
	files   *Directory       // the directory itself; nil for a remote repository
	bare    bool             // it is a directory without a work tree
	discard bool             // trees have no folder .git
	refs    gitremote.Refs
	checks  checks
}

var gitRepositoryFields = map[string]gql.Resolver{
	"url":           field((*GitRepository).url),
	"head":          field(func(r *GitRepository, _ context.Context, _ gql.Args) (any, error) { return r.find("HEAD") }),
	"ref":           field(func(r *GitRepository, _ context.Context, a gql.Args) (any, error) { return r.find(a.String("name")) }),
	"branch":        field((*GitRepository).branch),
	"tag":           field((*GitRepository).tag),
	"commit":        field((*GitRepository).commit),
	"latestVersion": field((*GitRepository).latestVersion),
	"uncommitted":   field((*GitRepository).uncommitted),
	"tags": field(func(r *GitRepository, _ context.Context, a gql.Args) (any, error) {
		return r.refs.Tags(a.Strings("patterns")), nil
	}),
	"branches": field(func(r *GitRepository, _ context.Context, a gql.Args) (any, error) {
		return r.refs.Branches(a.Strings("patterns")), nil
	}),
}

// newGit is the field git. It asks the repository for its references, once in a session.
func newGit(q *Query, ctx context.Context, a gql.Args) (any, error) {
	address := a.String("url")
	parsed, err := gitutil.ParseURL(address)
	if err == nil {
		return q.Env.git(ctx, parsed, address, a)
	}
	if !errors.Is(err, gitutil.ErrUnknownProtocol) {
		return nil, fmt.Errorf("failed to parse Git URL: %w", invalidURL(address, inDaggersWords(err)))
	}
	for _, scheme := range []string{"https://", "ssh://"} {
		parsed, err := gitutil.ParseURL(scheme + address)
		if err != nil {
			continue
		}
		r, err := q.Env.git(ctx, parsed, scheme+address, a)
		if !errors.Is(err, gitremote.ErrAuth) {
			return r, err
		}
	}
	return nil, errors.New("failed to determine Git URL protocol")
}

// inDaggersWords quotes the protocol that is invalid.
func inDaggersWords(err error) error {
	if errors.Is(err, gitutil.ErrInvalidProtocol) {
		var protocol string
		if _, scan := fmt.Sscanf(err.Error(), "%s", &protocol); scan == nil && len(protocol) > 1 {
			return fmt.Errorf("invalid protocol %q", protocol[:len(protocol)-1])
		}
	}
	return err
}

// invalidURL is the error of parsing a URL. It repeats no part of one that may contain a password.
func invalidURL(address string, err error) error {
	if strings.Contains(address, "@") {
		return errors.New("invalid URL: special characters in the user name and the password must be escaped, as %40 for @")
	}
	return err
}

func (e *Env) git(ctx context.Context, parsed *gitutil.GitURL, address string, a gql.Args) (any, error) {
	r := &GitRepository{env: e, parsed: parsed, address: address, discard: a.Has("keepGitDir") && !a.Bool("keepGitDir")}
	r.remote.URL, r.remote.Authorities = parsed.Remote, e.Authorities
	var err error
	switch parsed.Scheme {
	case gitutil.HTTPProtocol, gitutil.HTTPSProtocol:
		err = r.useHTTP(ctx, a)
	case gitutil.SSHProtocol:
		err = r.useSSH(a)
	}
	if _, has := parsed.User.Password(); has && r.remote.Header == "" {
		err = fmt.Errorf("a git URL with the scheme %s must not contain a password", parsed.Scheme) // git would show it to all users of the machine
	}
	if err != nil {
		return nil, err
	}
	if err := r.useService(ctx, a); err != nil {
		return nil, err
	}
	r.refs, err = r.remote.List(ctx)
	if errors.Is(err, gitremote.ErrAuth) && r.remote.Header == "" && r.agent == nil {
		r.remote.Header = r.remote.HostCredential(ctx)
		if r.remote.Header != "" {
			r.refs, err = r.remote.List(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// useHTTP reads the credentials of the call. Those in the address are taken out of it: it becomes an argument of git.
func (r *GitRepository) useHTTP(ctx context.Context, a gql.Args) error {
	user := a.String("httpAuthUsername")
	if info := r.parsed.User; info != nil {
		user = first(user, info.Username())
		if password, ok := info.Password(); ok {
			r.remote.Header = basic(info.Username(), password)
		}
		clean := url.URL{Scheme: r.parsed.Scheme, Host: r.parsed.Host, Path: r.parsed.Path}
		r.remote.URL, r.address = clean.String(), clean.String()
	}
	token, ok, err := gql.Object[*Secret](a, "httpAuthToken")
	if err != nil {
		return err
	}
	if ok {
		value, err := token.line(ctx)
		r.remote.Header = basic(first(user, "x-access-token"), value)
		return err
	}
	header, ok, err := gql.Object[*Secret](a, "httpAuthHeader")
	if err != nil || !ok {
		return err
	}
	r.remote.Header, err = header.line(ctx)
	return err
}

// line is the value without the end of the line that a secret from a file has.
func (s *Secret) line(ctx context.Context) (string, error) {
	value, err := s.Plaintext(ctx)
	return strings.TrimRight(string(value), "\r\n"), err
}

func basic(user, password string) string {
	return "basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// useSSH takes the socket of the call, or that of the user's agent.
func (r *GitRepository) useSSH(a gql.Args) error {
	r.remote.KnownHosts = a.String("sshKnownHosts")
	if r.parsed.User == nil {
		r.parsed.User = url.User("git")
		r.remote.URL = (&url.URL{Scheme: "ssh", User: r.parsed.User, Host: r.parsed.Host, Path: r.parsed.Path}).String()
	}
	socket, ok, err := gql.Object[*Socket](a, "sshAuthSocket")
	if err != nil {
		return err
	}
	if !ok {
		path, _ := r.env.LookupEnv("SSH_AUTH_SOCK")
		if path == "" {
			return fmt.Errorf("%w: SSH URLs are not supported without an SSH socket", gitremote.ErrAuth)
		}
		socket = &Socket{env: r.env, path: path}
	}
	r.agent, r.remote.Agent = socket, socket.path
	return nil
}

// gitPorts are the ports of addresses without one.
var gitPorts = map[string]string{gitutil.HTTPProtocol: "80", gitutil.HTTPSProtocol: "443", gitutil.SSHProtocol: "22", gitutil.GitProtocol: "9418"}

// useService replaces the hostname of a service of the session by an address of this machine that leads to it, if the repository is there. Git then
// works on the host: BuildKit would keep what it fetches by an address that another service has later. Git itself does not reach the network of the
// services if the engine does not run as root.
func (r *GitRepository) useService(ctx context.Context, a gql.Args) error {
	host, port, err := net.SplitHostPort(r.parsed.Host)
	if err != nil {
		host, port = r.parsed.Host, ""
	}
	server, err := r.env.serverOf(ctx, a, host)
	if err != nil || server == nil {
		return err
	}
	number, err := strconv.Atoi(cmp.Or(port, gitPorts[r.parsed.Scheme]))
	if err != nil {
		return fmt.Errorf("git repository %s: invalid port %q", r.parsed.Host, port)
	}
	local, err := r.env.Services.local(server, number)
	if err != nil {
		return err
	}
	at := url.URL{Scheme: r.parsed.Scheme, User: r.parsed.User, Host: local, Path: r.parsed.Path}
	if r.parsed.Scheme != gitutil.SSHProtocol {
		at.User = nil
	}
	r.remote.Direct = true
	r.remote.URL, r.store = at.String(), &gitremote.Store{Dir: filepath.Join(r.env.TempDir, "git-of-services")}
	return nil
}

func (r *GitRepository) url(context.Context, gql.Args) (any, error) {
	if r.address == "" {
		return nil, nil
	}
	return r.address, nil
}

func (r *GitRepository) find(name string) (any, error) {
	ref, err := r.refs.Lookup(name)
	if err != nil {
		return nil, err
	}
	return &GitRef{repository: r, ref: ref}, nil
}

// full is a name in full, given in full or in short.
func full(prefix, name string) string { return prefix + strings.TrimPrefix(name, prefix) }

func (r *GitRepository) branch(_ context.Context, a gql.Args) (any, error) {
	return r.find(full("refs/heads/", a.String("name")))
}

func (r *GitRepository) tag(_ context.Context, a gql.Args) (any, error) {
	return r.find(full("refs/tags/", a.String("name")))
}

func (r *GitRepository) commit(_ context.Context, a gql.Args) (any, error) {
	if id := a.String("id"); !gitremote.IsSHA(id) {
		return nil, fmt.Errorf("invalid commit SHA: %q", id)
	}
	return r.find(a.String("id"))
}

func (r *GitRepository) latestVersion(context.Context, gql.Args) (any, error) {
	ref, err := r.refs.LatestVersion()
	if err != nil {
		return nil, err
	}
	return &GitRef{repository: r, ref: ref}, nil
}
