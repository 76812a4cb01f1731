package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/urlutil"
	"github.com/opencontainers/go-digest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// download is the field http: a file from a web server. BuildKit fetches it, and keeps it with its ETag: a later session asks the server whether it
// changed. Within a session it is fetched once.
func download(q *Query, ctx context.Context, a gql.Args) (any, error) {
	address := a.String("url")
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, invalidURL(address, err)
	}
	// Go's client refuses these in the same words.
	switch {
	case parsed.Opaque != "" && strings.Contains(address, "@"): // user:password@host
		return nil, invalidURL(address, nil)
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return nil, fmt.Errorf("Get %q: unsupported protocol scheme %q", parsed.Redacted(), parsed.Scheme)
	case parsed.Host == "":
		return nil, fmt.Errorf("Get %q: http: no Host in request URL", parsed.Redacted())
	}
	name, err := downloadName(parsed, a)
	if err != nil {
		return nil, err
	}
	mode, sum := permissions(a, 0o600).Perm(), a.String("checksum")
	if _, err := digest.Parse(sum); sum != "" && err != nil {
		return nil, fmt.Errorf("invalid checksum %q: %w", sum, err)
	}
	header, ok, err := gql.Object[*Secret](a, "authHeader")
	if err != nil {
		return nil, err
	}
	var value []byte
	if ok {
		if value, err = header.Plaintext(ctx); err != nil {
			return nil, err
		}
	}
	server, err := q.Env.serverOf(ctx, a, parsed.Hostname())
	if err != nil {
		return nil, err
	}
	if server != nil {
		return q.Env.fetchFromService(ctx, server, address, name, mode, string(value), sum)
	}
	attrs := map[string]string{
		pb.AttrHTTPFilename: name,
		pb.AttrHTTPPerm:     "0" + strconv.FormatInt(int64(mode), 8),
		// BuildKit ignores it. Open sessions do not share their answers with it.
		"blumeops.session": q.Env.Solver.SessionID(),
	}
	if sum != "" {
		attrs[pb.AttrHTTPChecksum] = sum
	}
	if ok {
		attrs[pb.AttrHTTPAuthHeaderSecret] = header.id()
	}
	st := q.Env.source(address, address, attrs, "download "+urlutil.RedactCredentials(address))
	if _, err := q.Env.Solver.Solve(ctx, st); err != nil {
		q.Env.failures.add(address)
		return nil, downloadError(err)
	}
	return &File{env: q.Env, st: st, path: "/" + name}, nil
}

// downloadName is the name that the call gives, or the last element of the address.
func downloadName(address *url.URL, a gql.Args) (string, error) {
	if name := a.String("name"); name != "" {
		if strings.Contains(name, "/") || name == "." || name == ".." || strings.ContainsRune(name, 0) {
			return "", fmt.Errorf("file name %q must not contain a directory", name)
		}
		return name, nil
	}
	if name := path.Base(address.Path); name != "." && name != "/" && name != ".." {
		return name, nil
	}
	return "index", nil
}

// source is a source of BuildKit with attributes. An open build answers a source that failed with the same error again: one that failed under its
// name before gets one more attribute, which BuildKit ignores.
func (e *Env) source(failing, address string, attrs map[string]string, name string) llb.State {
	if n := e.failures.count(failing); n > 0 {
		attrs["blumeops.attempt"] = strconv.Itoa(n + 1)
	}
	var c llb.Constraints
	llb.WithCustomName(name).SetConstraintsOption(&c)
	return llb.NewState(llb.NewSource(address, attrs, c).Output())
}

var (
	loading = regexp.MustCompile(`^(failed to load cache key: |failed to solve: )+`)
	refused = regexp.MustCompile(`^invalid response status (\d+)$`)
	sums    = regexp.MustCompile(`sha[0-9]+:[0-9a-f]+`)
)

// downloadError is the error of a download in Dagger's words.
func downloadError(err error) error {
	s := loading.ReplaceAllString(err.Error(), "")
	if m := refused.FindStringSubmatch(s); m != nil {
		code, _ := strconv.Atoi(m[1])
		return fmt.Errorf("invalid response status %s %s", m[1], http.StatusText(code))
	}
	if found := sums.FindAllString(s, -1); strings.HasPrefix(s, "digest mismatch ") && len(found) > 1 {
		return fmt.Errorf("http checksum mismatch: expected %s, got %s", found[len(found)-1], found[0])
	}
	if s == err.Error() {
		return err
	}
	return errors.New(s)
}
