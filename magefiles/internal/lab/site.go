package lab

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// SiteOptions are the settings of the site and its Deployment.
type SiteOptions struct {
	Addr    string // of its fault proxy, on 127.0.0.1; "" is a free port
	Cluster interface {
		// Get reads the Kubernetes object at path, such as /apis/apps/v1/namespaces/docs/deployments/docs, into out. A missing object is a
		// *StatusError with the code 404.
		Get(ctx context.Context, path string, out any) error
	}
	Namespace  string        // "" is docs
	Deployment string        // "" is docs
	Client     *http.Client  // fetches releases; nil: one without a proxy
	Every      time.Duration // interval of the reads of the Deployment; 0 is 200 ms
	Pause      time.Duration // after a release that could not be fetched; doubled after each, at most 30 s; 0 is 1 s
}

// Site acts as the pods of the docs site, because the lab's cluster runs no containers. When the rollout of their Deployment is complete it does
// the same as the container quartz (containers/quartz): it fetches the release that the Deployment names, checks and unpacks it, and serves it as
// that container's nginx is configured to. Until then, and if that fails, it still serves the earlier release, as the old pods would.
type Site struct {
	options   SiteOptions
	dir       string
	temporary bool
	logFile   *os.File
	log       *log.Logger
	proxy     *faultproxy.Proxy
	stop      context.CancelFunc
	stopped   chan struct{}

	mu    sync.RWMutex
	now   *served // the served release; nil: none
	why   string  // why the Deployment's release is not served; "": it is
	holds int

	failed struct { // release that could not be fetched; used by the watch only
		release SiteRelease
		again   time.Time     // time of the next attempt
		pause   time.Duration // the pause after that
	}
}

// StartSite returns when the site answers, which is before it has content. The caller closes it.
func StartSite(_ context.Context, h Home, o SiteOptions) (_ *Site, err error) {
	s := &Site{options: o.withDefaults()}
	if s.dir, s.temporary, err = h.folder("site"); err != nil {
		return nil, fmt.Errorf("start site: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start site: %w", err), s.Close())
		}
	}()
	if err := os.RemoveAll(s.contents()); err != nil { // of an earlier site, whose Deployment may be deleted
		return nil, err
	}
	if err := os.Mkdir(s.contents(), 0o700); err != nil {
		return nil, err
	}
	if s.logFile, err = os.OpenFile(s.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	s.log = log.New(s.logFile, "", log.LstdFlags)
	// There is no server behind this fault proxy: the site is a part of this process.
	s.proxy, err = faultproxy.Start(faultproxy.Options{Addr: o.Addr, Wrap: func(http.Handler) http.Handler { return http.HandlerFunc(s.serve) }})
	if err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(context.Background())
	s.stop, s.stopped = stop, make(chan struct{})
	go s.watch(watching)
	return s, nil
}

func (o SiteOptions) withDefaults() SiteOptions {
	if o.Namespace == "" {
		o.Namespace = "docs"
	}
	if o.Deployment == "" {
		o.Deployment = "docs"
	}
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{}}
	}
	if o.Every == 0 {
		o.Every = 200 * time.Millisecond
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	return o
}

// Name is "site".
func (s *Site) Name() string { return "site" }

// URL is the site's address.
func (s *Site) URL() string { return s.proxy.URL() }

// Log has the start of each served release, and errors.
func (s *Site) Log() string { return filepath.Join(s.dir, "site.log") }

// Proxy is the fault proxy of the site.
func (s *Site) Proxy() *faultproxy.Proxy { return s.proxy }

func (s *Site) contents() string { return filepath.Join(s.dir, "content") }

// Close ends the site, and cancels a running download.
func (s *Site) Close() error {
	var errs []error
	if s.stop != nil {
		s.stop()
		<-s.stopped
	}
	if s.proxy != nil {
		errs = append(errs, s.proxy.Close())
	}
	if s.now != nil {
		errs = append(errs, s.now.content.Close())
	}
	if s.logFile != nil {
		errs = append(errs, s.logFile.Close())
	}
	errs = append(errs, os.RemoveAll(s.contents()))
	if s.temporary {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// Hold makes the site keep its served release, with any deployment, until release is called.
func (s *Site) Hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.holds--
	})
}

// Serving is the release that is served; the zero value if there is none.
func (s *Site) Serving() SiteRelease {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.now == nil {
		return SiteRelease{}
	}
	return s.now.SiteRelease
}
