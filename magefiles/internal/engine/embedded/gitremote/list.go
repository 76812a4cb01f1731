package gitremote

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// most is how long an answer may be: the references of a very large repository take some 10 MB.
const most = 256 << 20

// List asks for the references. HTTP needs no git command for this.
func (r Remote) List(ctx context.Context) (Refs, error) {
	if strings.HasPrefix(r.URL, "http://") || strings.HasPrefix(r.URL, "https://") {
		return r.listHTTP(ctx)
	}
	out, err := r.run(ctx, "", "ls-remote", "--symref", "--", r.URL)
	if err != nil {
		return Refs{}, err
	}
	refs := Refs{symbolic: map[string]string{}}
	for _, line := range strings.Split(out, "\n") {
		sha, name, ok := strings.Cut(line, "\t")
		switch target, symbolic := strings.CutPrefix(sha, "ref: "); {
		case !ok:
		case symbolic:
			refs.symbolic[name] = target
		default:
			refs.all = append(refs.all, Ref{Name: name, SHA: sha})
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
		return advertised(io.LimitReader(resp.Body, most))
	case http.StatusUnauthorized, http.StatusForbidden:
		return Refs{}, &Error{ErrAuth}
	case http.StatusNotFound:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // it only adds to the error
		return Refs{}, fmt.Errorf("repository not found: %s", text)
	}
	return Refs{}, fmt.Errorf("GET %s: the server answered %s", req.URL.Redacted(), resp.Status)
}

func (r Remote) client() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if r.Authorities != "" {
		text, err := os.ReadFile(r.Authorities)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport}, nil
}

var errNotSmart = errors.New("the server does not speak git's smart HTTP protocol: its answer is not a list of references")

// advertised reads lines, each with its length before it.
func advertised(body io.Reader) (Refs, error) {
	refs := Refs{symbolic: map[string]string{}}
	in := bufio.NewReader(body)
	for first := true; ; {
		line, err := packet(in)
		if errors.Is(err, io.EOF) && !first {
			return refs, nil
		}
		if err != nil {
			return Refs{}, err
		}
		if line == "" || strings.HasPrefix(line, "# service=") {
			continue
		}
		if message, failed := strings.CutPrefix(line, "ERR "); failed {
			return Refs{}, &Error{errors.New(message)}
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
		if name != "capabilities^{}" { // the mark of an empty repository
			refs.all = append(refs.all, Ref{Name: name, SHA: sha})
		}
	}
}

// readSymbolic reads the abilities of the server: symref=HEAD:refs/heads/main among others.
func (r *Refs) readSymbolic(abilities string) {
	for _, ability := range strings.Fields(abilities) {
		if value, ok := strings.CutPrefix(ability, "symref="); ok {
			name, target, _ := strings.Cut(value, ":")
			r.symbolic[name] = target
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
