package secret

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// server is a 1Password Connect server: https://developer.1password.com/docs/connect/api-reference. It has another API than 1Password itself, and
// the SDK does not speak it.
type server struct {
	address string
	token   Secret
	http    http.Client
	caller  httpx.Caller

	items map[string]found // by VAULT/ITEM of a reference
}

type found struct {
	item *item
	err  error
}

// item is a FullItem of the API.
type item struct {
	ID       string
	Vault    named
	Fields   []field
	Sections []section
	Files    []file
}

type section struct{ ID, Label string }

type field struct {
	ID, Label, Type, Purpose, Value string
	TOTP                            string
	Section                         *section
}

type file struct {
	ID, Name    string
	Size        int64
	ContentPath string `json:"content_path"`
	Section     *section
}

// named is a vault or an item in a list.
type named struct{ ID string }

const (
	serverWait = 30 * time.Second // for progress of a request
	maxList    = 4 << 20          // bytes of an answer
)

// newServer checks the address. It makes no request.
func newServer(login Login, options Options) (Vault, error) {
	base, err := url.Parse(login.Server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, problemf(Unreachable, "set "+serverVariable+" to the address of the Connect server, such as http://connect.lan:8080",
			"%s=%s is not an address", serverVariable, httpx.Clean(login.Server))
	}
	s := &server{address: strings.TrimRight(login.Server, "/"), token: login.Token, items: map[string]found{}}
	if options.HTTP != nil {
		s.http = *options.HTTP()
	}
	s.http.Transport, s.http.CheckRedirect = httpx.NoStall(s.http.Transport, serverWait), httpx.CheckRedirect
	s.caller = httpx.Caller{Retry: options.Retry, Secrets: func() []string { return []string{login.Token.Reveal()} }}
	return s, nil
}

// String names the server.
func (s *server) String() string { return Login{Server: s.address}.String() }

// ResolveAll implements Vault. Each item is requested once.
func (s *server) ResolveAll(ctx context.Context, references []string) (map[string]Answer, error) {
	answers := make(map[string]Answer, len(references))
	for _, reference := range references {
		value, err := s.read(ctx, splitOp(reference))
		if p := (*problem)(nil); err != nil && (!errors.As(err, &p) || p.state == Unreachable) {
			return nil, err // concerns all references
		}
		answers[reference] = Answer{Value: value, Err: err}
	}
	return answers, nil
}

func (s *server) read(ctx context.Context, ref opReference) (string, error) {
	it, err := s.item(ctx, ref.vault, ref.item)
	if err != nil {
		return "", err
	}
	in, err := it.section(ref.section)
	if err != nil {
		return "", err
	}
	if f, err := it.field(in, ref); err != nil || f != nil {
		if err != nil {
			return "", err
		}
		return f.read(ref)
	}
	f, err := it.file(in, ref)
	if err != nil {
		return "", err
	}
	if text, is := f.attribute(ref.attribute); is {
		return text, nil
	}
	return s.content(ctx, it, f)
}

// item requests an item by the ID or the name of its vault and its own.
func (s *server) item(ctx context.Context, vault, name string) (*item, error) {
	key := vault + "/" + name
	if known, is := s.items[key]; is {
		return known.item, known.err
	}
	it, err := s.request(ctx, vault, name)
	if ctx.Err() == nil {
		s.items[key] = found{it, err}
	}
	return it, err
}

func (s *server) request(ctx context.Context, vault, name string) (*item, error) {
	in, err := s.find(ctx, "/v1/vaults", "name", vault, "vaultNotFound", "tooManyVaults")
	if err != nil {
		return nil, err
	}
	items := "/v1/vaults/" + url.PathEscape(in) + "/items"
	id, err := s.find(ctx, items, "title", name, "itemNotFound", "tooManyItems")
	if err != nil {
		return nil, err
	}
	var it item
	return &it, s.get(ctx, items+"/"+url.PathEscape(id), "itemNotFound", decodeTo(&it))
}

// opID is the form of the IDs of vaults, items and files.
var opID = regexp.MustCompile(`^[a-z0-9]{26}$`)

// find returns the ID of the one with a name, or with that ID. A reference holds no quotes, so a filter needs no escapes.
func (s *server) find(ctx context.Context, list, attribute, name, none, many string) (string, error) {
	var all []named
	query := "?filter=" + url.QueryEscape(fmt.Sprintf("%s eq %q", attribute, name))
	if err := s.get(ctx, list+query, none, decodeTo(&all)); err != nil {
		return "", err
	}
	switch {
	case len(all) > 1:
		return "", refusal(many)
	case len(all) == 1 && all[0].ID != "":
		return all[0].ID, nil
	case opID.MatchString(name):
		return name, nil
	}
	return "", refusal(none)
}

// get makes a request. missing is the reason of an answer 404, and of 403: a token may read some vaults only.
func (s *server) get(ctx context.Context, path, missing string, read func(io.Reader) error) error {
	err := s.caller.Do(ctx, "1Password Connect", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+path, nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+s.token.Reveal())
		answer, err := s.http.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return httpx.Status(answer)
		}
		return read(answer.Body)
	})
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	failure := s.caller.Explain(err)
	switch failure.Status {
	case http.StatusNotFound, http.StatusForbidden:
		return refusal(missing)
	case http.StatusUnauthorized:
		return problemf(Unreachable, "check "+serverTokenVariable+": expected the access token of the Connect server, which may have ended",
			"%s refuses the token%s", s, failure.Said)
	}
	return problemf(Unreachable, failure.Advice, "%s %s", s, failure.Problem)
}

func decodeTo(to any) func(io.Reader) error {
	return func(r io.Reader) error { return httpx.Decode(r, maxList, to) }
}

// content reads a file of an item, which must be text.
func (s *server) content(ctx context.Context, it *item, f *file) (string, error) {
	if f.Size > maxSize {
		return "", problemf(Unreadable, "", "the file in 1Password is larger than %d KiB, the maximum of a build secret", maxSize/1024)
	}
	var text []byte
	path := "/v1/vaults/" + url.PathEscape(it.Vault.ID) + "/items/" + url.PathEscape(it.ID) + "/files/" + url.PathEscape(f.ID) + "/content"
	err := s.get(ctx, path, "fieldNotFound", func(r io.Reader) (err error) {
		text, err = httpx.ReadAll(r, maxSize)
		return err
	})
	if err == nil && !utf8.Valid(text) {
		err = refusal("unsupportedFileFormat")
	}
	return string(text), err
}

// section finds the section of a reference by its ID or its label: "" for none.
func (it *item) section(name string) (*section, error) {
	if name == "" {
		return nil, nil
	}
	for _, s := range it.Sections {
		if same(name, s.ID, s.Label) {
			return &s, nil
		}
	}
	return nil, refusal("noMatchingSections")
}

// same reports whether a part of a reference names what has an ID and a label: as the op command, in any case of letters.
func same(part, id, label string) bool { return part == id || strings.EqualFold(part, label) }

// within reports whether a field or a file counts for a reference. Without a section in the reference all do.
func within(in, own *section) bool { return in == nil || own != nil && own.ID == in.ID }

// field finds the field of a reference: nil if there is none. Fields outside of sections are preferred to those in sections.
func (it *item) field(in *section, ref opReference) (*field, error) {
	var outside, all []field
	for _, f := range it.Fields {
		if !within(in, f.Section) || !same(ref.field, f.ID, f.Label) {
			continue
		}
		all = append(all, f)
		if f.Section == nil || f.Section.ID == "" {
			outside = append(outside, f)
		}
	}
	if len(outside) == 1 {
		all = outside
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return &all[0], nil
	}
	return nil, refusal("tooManyMatchingFields")
}

func (it *item) file(in *section, ref opReference) (*file, error) {
	var all []file
	for _, f := range it.Files {
		if within(in, f.Section) && same(ref.field, f.ID, f.Name) {
			all = append(all, f)
		}
	}
	switch len(all) {
	case 0:
		return nil, refusal("fieldNotFound")
	case 1:
		return &all[0], nil
	}
	return nil, refusal("tooManyMatchingFields")
}

// read is the value or an attribute of a field.
func (f *field) read(ref opReference) (string, error) {
	switch ref.attribute {
	case "", "value":
		if ref.ssh {
			return openSSH(f.Value)
		}
		return f.Value, nil
	case "otp", "totp":
		if f.TOTP == "" {
			return "", problemf(Unreadable, "name the field with the one-time password", "the field in 1Password has no one-time password")
		}
		return f.TOTP, nil
	case "type":
		return f.Type, nil
	case "id":
		return f.ID, nil
	case "purpose":
		return f.Purpose, nil
	}
	return "", problemf(Unreadable, "", "the attribute %s is of files, and this is a field", ref.attribute)
}

// attribute is that of a file, which needs no request.
func (f *file) attribute(name string) (string, bool) {
	switch name {
	case "id":
		return f.ID, true
	case "name":
		return f.Name, true
	case "size":
		return fmt.Sprint(f.Size), true
	case "type":
		return "FILE", true
	}
	return "", false
}

// openSSH converts a private key, which 1Password keeps as PKCS #8, to the format of OpenSSH.
func openSSH(key string) (string, error) {
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		return "", problemf(Unreadable, "name the field with the private key", "the field in 1Password is no private key")
	}
	if block.Type == "OPENSSH PRIVATE KEY" {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", problemf(Unreadable, "", "the private key in 1Password cannot be read: %w", err)
	}
	converted, err := ssh.MarshalPrivateKey(parsed, "")
	if err != nil {
		return "", problemf(Unreadable, "", "the private key in 1Password cannot be converted for OpenSSH: %w", err)
	}
	return string(pem.EncodeToMemory(converted)), nil
}
