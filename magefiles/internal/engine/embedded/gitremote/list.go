package gitremote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// patience is how long a server may send nothing.
const patience = time.Minute

// most is how long an answer may be: the references of a very large repository take some 10 MB.
const most = 256 << 20

// List asks for the references. HTTP needs no git command for this.
func (r Remote) List(ctx context.Context) (Refs, error) {
	if strings.HasPrefix(r.URL, "http://") || strings.HasPrefix(r.URL, "https://") {
		return r.listHTTP(ctx)
	}
	out, err := r.run(ctx, "", "ls-remote", "--symref", "--", r.URL)
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("failed to list the references of %s: %w", r.URL, err)
		}
		return Refs{}, err
	}
	refs := newRefs()
	for _, line := range strings.Split(out, "\n") {
		sha, name, ok := strings.Cut(line, "\t")
		switch target, symbolic := strings.CutPrefix(sha, "ref: "); {
		case !ok:
		case symbolic:
			refs.point(name, target)
		default:
			refs.add(name, sha)
		}
	}
	return refs, nil
}

// listHTTP reads the advertisement of the smart HTTP protocol, see gitprotocol-http(5).
func (r Remote) listHTTP(ctx context.Context) (Refs, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(r.URL, "/")+"/info/refs?service=git-upload-pack", nil)
	if err != nil {
		return Refs{}, err
	}
	req.Header.Set("User-Agent", "git/blumeops")
	if r.Header != "" {
		req.Header.Set("Authorization", r.Header)
	}
	client, err := r.client()
	if err != nil {
		return Refs{}, err
	}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return Refs{}, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		refs, err := advertised(io.LimitReader(resp.Body, most))
		if errors.Is(err, errNotSmart) {
			err = fmt.Errorf("GET %s: %w", req.URL, err)
		}
		return refs, err
	case http.StatusUnauthorized, http.StatusForbidden:
		return Refs{}, &Error{ErrAuth}
	case http.StatusNotFound:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // it only adds to the error
		return Refs{}, fmt.Errorf("repository not found: %s", plain.Text(string(text)))
	}
	return Refs{}, fmt.Errorf("GET %s: the server answered %s", req.URL.Redacted(), resp.Status)
}

func (r Remote) client() (*http.Client, error) {
	transport, err := trust.Transport(r.Authorities)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: httpx.NoStall(transport, patience), CheckRedirect: r.checkRedirect}, nil
}

// checkRedirect refuses that another server gets the credential: git follows the redirect as well, and sends the header there.
func (r Remote) checkRedirect(req *http.Request, via []*http.Request) error {
	if r.Header != "" && req.URL.Host != via[0].URL.Host {
		return fmt.Errorf("the server redirects to %s, which must not get the credential: use the address of that server", req.URL.Host)
	}
	return httpx.CheckRedirect(req, via)
}

var errNotSmart = errors.New("the server does not speak git's smart HTTP protocol: its answer is not a list of references")

// advertised reads lines, each with its length before it.
func advertised(body io.Reader) (Refs, error) {
	refs := newRefs()
	in := bufio.NewReader(body)
	for first, header := true, false; ; {
		line, err := packet(in)
		if errors.Is(err, io.EOF) && !first {
			err = errors.New("the server's list of references is incomplete: try again")
		}
		if err != nil {
			return Refs{}, err
		}
		if strings.HasPrefix(line, "# service=") {
			header = true
			continue
		}
		if line == "" {
			if header { // the list follows
				header = false
				continue
			}
			return refs, nil
		}
		if message, failed := strings.CutPrefix(line, "ERR "); failed {
			return Refs{}, &Error{errors.New(plain.OneLine(message))}
		}
		line, abilities, _ := strings.Cut(line, "\x00")
		if first {
			refs.readSymbolic(abilities)
			first = false
		}
		sha, name, ok := strings.Cut(line, " ")
		if !ok || !IsSHA(sha) {
			if sha == "shallow" {
				continue
			}
			return Refs{}, errNotSmart
		}
		refs.add(name, sha) // not capabilities^{} of an empty repository
	}
}

// readSymbolic reads the abilities of the server: symref=HEAD:refs/heads/main among others.
func (r *Refs) readSymbolic(abilities string) {
	for _, ability := range strings.Fields(abilities) {
		if value, ok := strings.CutPrefix(ability, "symref="); ok {
			name, target, _ := strings.Cut(value, ":")
			r.point(name, target)
		}
	}
}

// packet reads one line of the protocol, see gitprotocol-common(5). The mark between two parts is "".
func packet(in *bufio.Reader) (string, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return "", errNotSmart
		}
		return "", err
	}
	n, err := strconv.ParseUint(string(size[:]), 16, 16)
	if err != nil || n > 0 && n < 4 {
		return "", errNotSmart
	}
	if n == 0 {
		return "", nil
	}
	line := make([]byte, n-4)
	if _, err := io.ReadFull(in, line); err != nil {
		return "", errNotSmart
	}
	return strings.TrimSuffix(string(line), "\n"), nil
}
