package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/quartz"
)

// watch reads the Deployment until ctx ends.
func (s *Site) watch(ctx context.Context) {
	defer close(s.stopped)
	tick := time.NewTicker(s.options.Every)
	defer tick.Stop()
	for {
		s.reconcile(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reconcile serves the release of the Deployment, if that is new.
func (s *Site) reconcile(ctx context.Context) {
	var d siteDeployment
	err := s.options.Cluster.Get(ctx, "/apis/apps/v1/namespaces/"+s.options.Namespace+"/deployments/"+s.options.Deployment, &d)
	if isStatus(err, http.StatusNotFound) {
		s.setServed(nil, fmt.Sprintf("Deployment %s not found in namespace %s", s.options.Deployment, s.options.Namespace))
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			s.setStatus("cannot read the Deployment: " + err.Error())
		}
		return
	}
	if waits := d.rolloutState(); waits != "" {
		s.setStatus("rollout: " + waits)
		return
	}
	if d.replicas() == 0 {
		s.setServed(nil, "the Deployment has no replicas")
		return
	}
	wanted, err := d.release()
	if err != nil {
		s.setStatus(err.Error())
		return
	}
	s.serveRelease(ctx, wanted)
}

// serveRelease fetches and serves a release, unless it is served already or failed a moment ago.
func (s *Site) serveRelease(ctx context.Context, wanted SiteRelease) {
	if s.Serving() == wanted {
		s.setStatus("")
		return
	}
	if s.onHold() || s.failed.release == wanted && time.Now().Before(s.failed.again) {
		return
	}
	c, err := quartz.Fetch(ctx, s.options.Client, s.contents(), wanted.URL, wanted.SHA256)
	if err == nil {
		s.setServed(&served{SiteRelease: wanted, content: c}, "")
		return
	}
	if ctx.Err() != nil {
		return
	}
	if s.failed.release != wanted {
		s.failed.release, s.failed.pause = wanted, s.options.Pause
	}
	s.failed.again = time.Now().Add(s.failed.pause)
	s.failed.pause = min(2*s.failed.pause, 30*time.Second)
	s.setStatus(fmt.Sprintf("revision %s of the Deployment: %v", wanted.Revision, err))
}

func (s *Site) onHold() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.holds > 0
}

// served is a release with its content.
type served struct {
	SiteRelease
	content *docsite.Content
}

// setServed serves the new release from now on, unless the site is held. With nil nothing is served, for the reason why.
func (s *Site) setServed(next *served, why string) {
	s.mu.Lock()
	gone := s.now
	if s.holds > 0 {
		gone = next // and is fetched again when the hold ends
	} else {
		s.now = next
	}
	s.mu.Unlock()
	if next != nil && gone != next {
		s.log.Printf("serving %s (revision %s)", quartz.Shown(next.URL), next.Revision)
	}
	if gone != nil {
		if err := gone.content.Close(); err != nil {
			s.log.Print(err)
		}
	}
	s.setStatus(why)
}

// setStatus records the reason why the requested release is not served, "" if it is. The log has it once.
func (s *Site) setStatus(why string) {
	s.mu.Lock()
	news := why != s.why
	s.why = why
	s.mu.Unlock()
	if news && why != "" {
		s.log.Print(why)
	}
}

// serve answers as the container does. Below "ok", /healthz also has the reason why the requested release is not served.
func (s *Site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	now, why := s.now, s.why
	if r.URL.Path != "/healthz" {
		var content *docsite.Content
		if now != nil {
			content = now.content
		}
		page := content.Page(r.URL.Path) // opened before the next release can replace it
		s.mu.RUnlock()
		page.ServeHTTP(w, r)
		return
	}
	s.mu.RUnlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	answer := "ok\n"
	if now == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		answer = "no content\n"
	}
	if why != "" {
		answer += why + "\n"
	}
	_, _ = io.WriteString(w, answer) // fails if the client has left
}
