package lab

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// Everybody may pull from the registry of a lab and push to it, but only its owner may replace base images: not through the fault proxy, not on
// the registry's own port, and not by another spelling of the path.
func TestBasesCannotBeReplaced(t *testing.T) {
	r := startRegistry(t, RegistryOptions{Protected: []string{"library/tiny"}})
	must(t, r.Seed(t.Context(), "library/tiny:v1", tinyLayout(t, "one")))
	must(t, r.Seed(t.Context(), "mine/tiny:v1", tinyLayout(t, "two")))
	_, before := ask(t, r, http.MethodGet, "/v2/library/tiny/manifests/v1", "", nil)
	_, other := ask(t, r, http.MethodGet, "/v2/mine/tiny/manifests/v1", "", nil)
	if len(before) == 0 || bytes.Equal(before, other) {
		t.Fatal("the images cannot be read without an account")
	}
	desc, _, _, err := baseimage.ReadManifest(tinyLayout(t, "one"))
	must(t, err)
	for _, user := range []string{"", "lab", "ci"} {
		for _, c := range []struct {
			what, method, path string
			want               int
		}{
			{"pushing an image", http.MethodPut, "/v2/mine/tiny/manifests/v2", 201},
			{"uploading", http.MethodPost, "/v2/mine/tiny/blobs/uploads/", 202},
			{"replacing a base", http.MethodPut, "/v2/library/tiny/manifests/v1", 401},
			{"another tag of a base", http.MethodPut, "/v2/library/tiny/manifests/v2", 401},
			{"an encoded path", http.MethodPut, "/v2/library%2Ftiny/manifests/v1", 401},
			{"an encoded letter", http.MethodPut, "/v2/%6cibrary/tiny/manifests/v1", 401},
			{"a detour, which ends in a read", http.MethodPut, "/v2/mine/../library/tiny/manifests/v1", 200},
			{"two slashes, which end in a read", http.MethodPut, "/v2//library/tiny/manifests/v1", 200},
			{"uploading to a base", http.MethodPost, "/v2/library/tiny/blobs/uploads/", 401},
			{"deleting a base", http.MethodDelete, "/v2/library/tiny/manifests/" + desc.Digest.String(), 401},
		} {
			status, _ := ask(t, r, c.method, c.path, user, other)
			wantStatus(t, c.what+" as "+user, status, c.want)
		}
	}
	// The registry's own port.
	text, err := os.ReadFile(filepath.Join(r.dir, "config.yml"))
	must(t, err)
	var config struct{ HTTP struct{ Addr string } }
	must(t, json.Unmarshal(text, &config))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+config.HTTP.Addr+"/v2/library/tiny/manifests/v1", bytes.NewReader(other))
	must(t, err)
	resp, err := r.Client().Do(req)
	must(t, err)
	resp.Body.Close()
	wantStatus(t, "replacing a base behind the front", resp.StatusCode, 401)
	if _, after := ask(t, r, http.MethodGet, "/v2/library/tiny/manifests/v1", "", nil); !bytes.Equal(after, before) {
		t.Error("the base is another one")
	}
}
