package secret

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

const (
	vaultID  = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	itemID   = "bbbbbbbbbbbbbbbbbbbbbbbbbb"
	fileID   = "ffffffffffffffffffffffffff"
	hiddenID = "hhhhhhhhhhhhhhhhhhhhhhhhhh" // of a vault that the token may not read
	access   = "c0nnect-t0ken"
)

// connectServer is the part of a 1Password Connect server that is documented in https://developer.1password.com/docs/connect/api-reference: the real
// one needs an account.
type connectServer struct {
	*httptest.Server
	fail func(http.ResponseWriter, *http.Request) bool // answers instead

	mu       sync.Mutex
	requests []string
}

func newConnectServer(t *testing.T) *connectServer {
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: func() []byte {
		der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}()})
	section := func(id string) map[string]string { return map[string]string{"id": id} }
	full := map[string]any{
		"id": itemID, "title": "zot", "category": "LOGIN", "vault": map[string]string{"id": vaultID},
		"sections": []map[string]string{{"id": "s1", "label": "api keys"}, {"id": "s2", "label": "Old"}},
		"fields": []map[string]any{
			{"id": "username", "type": "STRING", "purpose": "USERNAME", "label": "username", "value": "ci"},
			{"id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "password", "value": canaryValue},
			{"id": "x1", "type": "CONCEALED", "label": "password", "value": "old", "section": section("s2")},
			{"id": "x2", "type": "CONCEALED", "label": "ci", "value": "two\nlines\n", "section": section("s1")},
			{"id": "x3", "type": "CONCEALED", "label": "twice", "value": "1", "section": section("s1")},
			{"id": "x4", "type": "CONCEALED", "label": "twice", "value": "2", "section": section("s2")},
			{"id": "x5", "type": "OTP", "label": "one-time password", "value": "otpauth://totp/x?secret=JBSW", "totp": "134253"},
			{"id": "x6", "type": "SSHKEY", "label": "private key", "value": string(key)},
			{"id": "x7", "type": "STRING", "label": "nothing"},
		},
		"files": []map[string]any{
			{"id": fileID, "name": "cert.pem", "size": 9, "content_path": "/v1/vaults/" + vaultID + "/items/" + itemID + "/files/" + fileID + "/content", "section": section("s1")},
			{"id": "large", "name": "large.bin", "size": maxSize + 1},
		},
	}
	s := &connectServer{}
	answer := func(w http.ResponseWriter, status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value)
	}
	refused := func(w http.ResponseWriter, status int, message string) {
		answer(w, status, map[string]any{"status": status, "message": message})
	}
	filter := regexp.MustCompile(`^(name|title) eq "([^"]*)"$`)
	list := func(w http.ResponseWriter, r *http.Request, attribute string, all map[string][]string) {
		asked := filter.FindStringSubmatch(r.URL.Query().Get("filter"))
		if asked == nil || asked[1] != attribute {
			refused(w, http.StatusBadRequest, "invalid filter")
			return
		}
		found := []map[string]string{}
		for _, id := range all[asked[2]] {
			found = append(found, map[string]string{"id": id, attribute: asked[2]})
		}
		answer(w, http.StatusOK, found)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/vaults", func(w http.ResponseWriter, r *http.Request) {
		list(w, r, "name", map[string][]string{"homelab": {vaultID}, "two": {"v1", "v2"}})
	})
	mux.HandleFunc("GET /v1/vaults/{vault}/items", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("vault") {
		case vaultID:
			list(w, r, "title", map[string][]string{"zot": {itemID}, "zwei": {"i1", "i2"}})
		case hiddenID:
			refused(w, http.StatusForbidden, "Authorization: token does not have permission to perform 'READ' on vault "+hiddenID)
		default:
			refused(w, http.StatusNotFound, "Vault not found")
		}
	})
	mux.HandleFunc("GET /v1/vaults/"+vaultID+"/items/{item}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("item") != itemID {
			refused(w, http.StatusNotFound, "Item not found")
			return
		}
		answer(w, http.StatusOK, full)
	})
	mux.HandleFunc("GET /v1/vaults/"+vaultID+"/items/"+itemID+"/files/"+fileID+"/content", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "-----PEM\n")
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.URL.RequestURI())
		s.mu.Unlock()
		switch {
		case s.fail != nil && s.fail(w, r):
		case r.Header.Get("Authorization") != "Bearer "+access:
			refused(w, http.StatusUnauthorized, "Invalid token signature")
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *connectServer) resolver(options Options, pairs ...string) *Resolver {
	options.Env = env(append(pairs, "OP_CONNECT_HOST", s.URL+"/", "OP_CONNECT_TOKEN", access+"\n", "OP_SERVICE_ACCOUNT_TOKEN", "ops_x")...)
	options.HTTP = func() *http.Client { return s.Client() }
	options.Retry = httpx.Retry{Attempts: 2, First: time.Millisecond}
	return NewResolver(options)
}

func TestConnectServerReadsWhatReferencesName(t *testing.T) {
	s := newConnectServer(t)
	var learned []string
	r := s.resolver(Options{Learn: func(v string) { learned = append(learned, v) }})
	want := map[string]string{
		"op://homelab/zot/password":                            canaryValue,
		"op://homelab/zot/Password":                            canaryValue,
		"op://" + vaultID + "/" + itemID + "/username":         "ci",
		"op://homelab/zot/old/password":                        "old",
		"op://homelab/zot/api keys/ci":                         "two\nlines\n",
		"op://homelab/zot/s1/x2":                               "two\nlines\n",
		"op://homelab/zot/ci":                                  "two\nlines\n",
		"op://homelab/zot/s1/twice":                            "1",
		"op://homelab/zot/one-time password?attribute=otp":     "134253",
		"op://homelab/zot/one-time password?attribute=totp":    "134253",
		"op://homelab/zot/one-time password":                   "otpauth://totp/x?secret=JBSW",
		"op://homelab/zot/password?attribute=type":             "CONCEALED",
		"op://homelab/zot/password?attribute=purpose":          "PASSWORD",
		"op://homelab/zot/password?attribute=value":            canaryValue,
		"op://homelab/zot/api keys/ci?attribute=id":            "x2",
		"op://homelab/zot/cert.pem":                            "-----PEM\n",
		"op://homelab/zot/api keys/cert.pem?attribute=content": "-----PEM\n",
		"op://homelab/zot/cert.pem?attribute=size":             "9",
		"op://homelab/zot/cert.pem?attribute=name":             "cert.pem",
	}
	var refs []Reference
	for text := range want {
		refs = append(refs, must(t, text))
	}
	got, err := r.Resolve(t.Context(), refs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, secret := range got {
		if secret.Reveal() != want[refs[i].String()] {
			t.Errorf("%s = %q, want %q", refs[i], secret.Reveal(), want[refs[i].String()])
		}
		if !slices.Contains(learned, secret.Reveal()) {
			t.Errorf("%s is not learned", refs[i])
		}
	}
	if !slices.Contains(learned, access) {
		t.Error("the access token is not learned")
	}
	times := map[string]int{}
	for _, request := range s.requests {
		times[request]++
	}
	if item := "/v1/vaults/" + vaultID + "/items/" + itemID; times[item] != 2 { // by its name and by its ID
		t.Errorf("the item was requested %d times: %q", times[item], s.requests)
	}
	key, err := r.Resolve(t.Context(), must(t, "op://homelab/zot/private key?ssh-format=openssh"))
	if err != nil {
		t.Fatal(err)
	}
	if signer, err := ssh.ParsePrivateKey([]byte(key[0].Reveal())); err != nil || !strings.HasPrefix(key[0].Reveal(), "-----BEGIN OPENSSH PRIVATE KEY-----\n") || signer.PublicKey().Type() != ssh.KeyAlgoED25519 {
		t.Errorf("the key for OpenSSH: %v", err)
	}
}

func TestConnectServerFailures(t *testing.T) {
	for text, want := range map[string]struct {
		state State
		says  string
	}{
		"op://nowhere/zot/password":                                   {Missing, "vault not found"},
		"op://two/zot/password":                                       {Unreadable, "more than one vault"},
		"op://" + hiddenID + "/zot/password":                          {Missing, "item not found"},
		"op://homelab/none/password":                                  {Missing, "item not found"},
		"op://homelab/" + fileID + "/password":                        {Missing, "item not found"},
		"op://homelab/zwei/password":                                  {Unreadable, "more than one item"},
		"op://homelab/zot/none":                                       {Missing, "field not found"},
		"op://homelab/zot/none/password":                              {Missing, "section not found"},
		"op://homelab/zot/twice":                                      {Unreadable, "more than one field"},
		"op://homelab/zot/nothing":                                    {Empty, "the field is empty"},
		"op://homelab/zot/password?attribute=otp":                     {Unreadable, "no one-time password"},
		"op://homelab/zot/password?attribute=size":                    {Unreadable, "attribute size is of files"},
		"op://homelab/zot/password?ssh-format=openssh":                {Unreadable, "no private key"},
		"op://homelab/zot/large.bin":                                  {Unreadable, "larger than 500 KiB"},
		"op://homelab/zot/one-time password?ssh-format=openssh":       {Unreadable, "no private key"},
		"op://homelab/zot/api keys/username?attribute=content":        {Missing, "field not found"},
		"op://homelab/" + strings.Repeat("z", 26) + "/a?attribute=id": {Missing, "item not found"},
	} {
		statuses, err := newConnectServer(t).resolver(Options{}).Check(t.Context(), must(t, text), must(t, "op://homelab/zot/username"))
		if err != nil {
			t.Fatal(err)
		}
		if got := statuses[0]; got.State != want.state || !strings.Contains(got.Reason, want.says) || !strings.HasPrefix(got.Source, "1Password Connect, http://127.0.0.1:") {
			t.Errorf("%s: %+v, want %s, %q", text, got, want.state, want.says)
		}
		if statuses[1].State != OK {
			t.Errorf("beside %s: %+v", text, statuses[1])
		}
	}
}

func TestConnectServerThatDoesNotAnswer(t *testing.T) {
	status := func(code int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
			return true
		}
	}
	for name, c := range map[string]struct {
		fail     func(http.ResponseWriter, *http.Request) bool
		says     string
		requests int
	}{
		"refused token": {func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Authorization"); return false }, "refuses the token (Invalid token signature)", 1},
		"outage":        {status(http.StatusServiceUnavailable, `{"status":503,"message":"sync pending"}`), "sync pending", 2},
		"web page":      {status(http.StatusOK, "<html>login</html>"), "sends a web page instead of JSON", 1},
		"token again":   {status(http.StatusBadRequest, `{"message":"bad token `+access+`"}`), "bad token ***", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newConnectServer(t)
			s.fail = c.fail
			r := s.resolver(Options{})
			for range 2 { // the second time there is no request
				_, err := r.Resolve(t.Context(), must(t, "op://homelab/zot/password"), must(t, "op://homelab/zot/username"))
				var failed *Error
				if !errors.As(err, &failed) || failed.State != Unreachable || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), access) {
					t.Errorf("%v; want %q", err, c.says)
				}
			}
			if len(s.requests) != c.requests {
				t.Errorf("%d requests, want %d: %q", len(s.requests), c.requests, s.requests)
			}
		})
	}
}

func TestConnectServerSettings(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"no token":        {[]string{"OP_CONNECT_HOST", "http://connect.lan"}, "only one of them is set"},
		"no address":      {[]string{"OP_CONNECT_TOKEN", "x"}, "only one of them is set"},
		"no scheme":       {[]string{"OP_CONNECT_HOST", "connect.lan:8080", "OP_CONNECT_TOKEN", "x"}, "is not an address"},
		"user in address": {[]string{"OP_CONNECT_HOST", "http://me:hunter2@connect.lan", "OP_CONNECT_TOKEN", "x"}, "is not an address"},
	} {
		_, err := NewResolver(Options{Env: env(c.env...)}).Resolve(t.Context(), must(t, "op://v/i/f"))
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzConnectServer answers with any item.
func FuzzConnectServer(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `[]`, `{"fields":[{"id":"f","section":{}}]}`, `{"fields":[null],"files":[{"id":"f","size":-1}],"sections":[{}]}`, `{"fields":[{"label":"f","value":"x"}]}`} {
		f.Add(seed, "op://v/i/s/f")
	}
	f.Add(`{"fields":[{"id":"f","value":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}]}`, "op://v/i/f?ssh-format=openssh")
	f.Fuzz(func(t *testing.T, answer, reference string) {
		var it item
		if _, err := ParseReference(reference); err != nil || !strings.HasPrefix(reference, "op://") || json.Unmarshal([]byte(answer), &it) != nil {
			return
		}
		ref := splitOp(reference)
		in, err := it.section(ref.section)
		if err != nil {
			return
		}
		if f, err := it.field(in, ref); err == nil && f != nil {
			_, _ = f.read(ref)
		}
		if f, err := it.file(in, ref); err == nil {
			_, _ = f.attribute(ref.attribute)
		}
	})
}
