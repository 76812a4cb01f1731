package docsite

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
)

// Page is the answer to a path, as nginx gives it in the container quartz (containers/quartz/nginx.conf), except for compression.
// It is served once.
type Page struct {
	status int      // 200, 301, 400 or 404
	file   *os.File // of 200; of 404 the error page, nil if the site has none
	to     string   // path of 301
}

// Page finds the file for the path of a URL, and opens it.
func (c *Content) Page(at string) Page {
	name, ok := normal(at)
	if !ok {
		return Page{status: http.StatusBadRequest}
	}
	switch found, folder := c.find(name); {
	case found != nil:
		return Page{status: http.StatusOK, file: found}
	case folder:
		return Page{status: http.StatusMovedPermanently, to: name + "/"}
	default:
		return Page{status: http.StatusNotFound, file: c.open("404.html")}
	}
}

// ServeHTTP sends the page.
func (p Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.file != nil {
		defer p.file.Close()
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache")
	switch {
	case p.status == http.StatusBadRequest:
		http.Error(w, "400 Bad Request", p.status)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "405 Not Allowed", http.StatusMethodNotAllowed)
	case p.status == http.StatusMovedPermanently:
		http.Redirect(w, r, (&url.URL{Path: p.to, RawQuery: r.URL.RawQuery}).String(), p.status)
	case p.file == nil:
		http.Error(w, "404 Not Found", p.status)
	default:
		p.send(w, r)
	}
}

// send sends the file. The error page is never "not modified".
func (p Page) send(w http.ResponseWriter, r *http.Request) {
	info, err := p.file.Stat()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	kind := mediaType(info.Name())
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", caching(kind))
	if p.status == http.StatusOK {
		w.Header().Set("ETag", etag(info))
		http.ServeContent(w, r, info.Name(), info.ModTime(), p.file)
		return
	}
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, p.file) // an error means that the client left
	}
}

// normal is a path without empty and dotted elements; false if it leads out of the site.
func normal(p string) (string, bool) {
	depth := 0
	for element := range strings.SplitSeq(strings.TrimPrefix(p, "/"), "/") {
		switch element {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return "", false
		}
	}
	cleaned := path.Clean("/" + p)
	if last := path.Base("/" + p); cleaned != "/" && (strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/"+last) && (last == "." || last == "..")) {
		cleaned += "/"
	}
	return cleaned, !strings.ContainsRune(p, 0)
}

// find is nginx's `try_files $uri $uri.html $uri/` with index.html as index. For a folder without its slash it is a
// redirect.
func (c *Content) find(name string) (f *os.File, redirect bool) {
	if hidden(name) || name == "/404.html" {
		return nil, false
	}
	name, folder := strings.CutSuffix(name, "/")
	name = strings.TrimPrefix(name, "/")
	if folder {
		return c.open(path.Join(name, "index.html")), false
	}
	for _, try := range []string{name, name + ".html"} {
		if f := c.open(try); f != nil {
			return f, false
		}
	}
	return nil, c.isFolder(name)
}

// hidden reports whether a path has an element that begins with a dot, other than .well-known/.
func hidden(name string) bool {
	for rest := name; ; {
		_, after, found := strings.Cut(rest, "/.")
		if !found {
			return false
		}
		if !strings.HasPrefix(after, "well-known/") {
			return true
		}
		rest = after
	}
}

// open opens a file; nil if there is none.
func (c *Content) open(name string) *os.File {
	if c == nil {
		return nil
	}
	f, err := c.root.Open(name)
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil
	}
	return f
}

func (c *Content) isFolder(name string) bool {
	if c == nil {
		return false
	}
	info, err := c.root.Stat(name)
	return err == nil && info.IsDir()
}

// etag is made from time and size, as in nginx.
func etag(info fs.FileInfo) string {
	return fmt.Sprintf(`"%x-%x"`, info.ModTime().Unix(), info.Size())
}

// caching allows caching only of files that rarely change between releases.
func caching(kind string) string {
	if strings.HasPrefix(kind, "image/") || strings.Contains(kind, "font") {
		return "public, max-age=86400"
	}
	return "no-cache"
}

// mediaTypes are the types of nginx's mime.types that a site of Quartz has.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "application/javascript; charset=utf-8", ".json": "application/json; charset=utf-8", ".txt": "text/plain; charset=utf-8",
	".xml": "text/xml; charset=utf-8", ".rss": "application/rss+xml; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".avif": "image/avif", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2", ".pdf": "application/pdf",
}

func mediaType(name string) string {
	if kind, ok := mediaTypes[strings.ToLower(path.Ext(name))]; ok {
		return kind
	}
	return "application/octet-stream"
}
