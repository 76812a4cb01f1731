package repo

import (
	"fmt"
	"net/http"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// maxRefs bounds a server's list of branches and tags, which is read into memory. A repository with a hundred thousand sends less than a
// tenth of it.
const maxRefs = 64 << 20

// bounding ends a list of references that does not end. The pack after it goes to disk.
type bounding struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounding) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/info/refs") {
		resp.Body = httpx.Bound(resp.Body, maxRefs, fmt.Errorf("its list of branches and tags is too long: the maximum is %d MiB", maxRefs>>20))
	}
	return resp, err
}
