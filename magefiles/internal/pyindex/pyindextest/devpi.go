// Package pyindextest has a fake of an index for the tests of several packages.
package pyindextest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// Devpi is a fake of an index of devpi, made from its documentation (https://doc.devpi.net): uploads as .pypirc describes them, with the user's
// password, and the simple API below +simple. It refuses files that it has, as an index with volatile=False does.
type Devpi struct {
	User, Password string

	mu    sync.Mutex
	files map[string][]byte
	forms []map[string][]string
}

// Index is the path of the index that the fake has.
const Index = "/me/prod"

// Forms are the fields of all uploads.
func (d *Devpi) Forms() []map[string][]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.forms
}

// ServeHTTP implements http.Handler.
func (d *Devpi) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != d.User || password != d.Password {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "the password "+password+" is wrong")
		return
	}
	project, simple := strings.CutPrefix(r.URL.Path, Index+"/+simple/")
	switch {
	case r.Method == http.MethodPost && r.URL.Path == Index+"/":
		d.upload(w, r)
	case r.Method == http.MethodGet && simple:
		d.list(w, strings.Trim(project, "/"))
	default:
		http.NotFound(w, r)
	}
}

func (d *Devpi) upload(w http.ResponseWriter, r *http.Request) {
	content, header, err := r.FormFile("content")
	if err != nil || r.FormValue(":action") != "file_upload" {
		http.Error(w, "not an upload", http.StatusBadRequest)
		return
	}
	text, err := io.ReadAll(content)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if _, ok := d.files[header.Filename]; ok {
		http.Error(w, header.Filename+" already exists in non-volatile index", http.StatusConflict)
		return
	}
	if d.files == nil {
		d.files = map[string][]byte{}
	}
	d.files[header.Filename] = text
	d.forms = append(d.forms, r.MultipartForm.Value)
}

func (d *Devpi) list(w http.ResponseWriter, project string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	found := false
	for name, text := range d.files {
		if own, _, _ := strings.Cut(name, "-"); python.Name(own).Normalized() == project {
			sum := sha256.Sum256(text)
			fmt.Fprintf(w, "<a href=\"../../+f/abc/%s#sha256=%s\">%s</a>\n", name, hex.EncodeToString(sum[:]), name)
			found = true
		}
	}
	if !found {
		w.WriteHeader(http.StatusNotFound)
	}
}
