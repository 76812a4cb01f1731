//go:build mage

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// deployer is a task.Deployer: an Application of Argo CD.
type deployer struct {
	client  *argo.Client
	app     string
	timeout time.Duration
	tell    func(line string)
}

func (d deployer) Check(ctx context.Context) error {
	_, err := d.client.Preflight(ctx, d.app)
	return err
}

func (d deployer) State(ctx context.Context, commit string, contains task.Contains) (deployed bool, why string, err error) {
	deployed, says, err := d.client.Deployed(ctx, d.app, argo.Want{Commit: commit, Contains: contains})
	return deployed, "of " + d.app + " Argo CD says that " + says, err
}

func (d deployer) Deploy(ctx context.Context, commit string, contains task.Contains) error {
	_, err := d.client.Deploy(ctx, d.app, argo.Want{
		Commit: commit, Contains: contains, Timeout: d.timeout, Progress: func(p argo.Progress) { d.tell(p.String()) },
	})
	return err
}

// publicSite is a task.Website: a site of ours, which states its version in release.json.
type publicSite struct {
	url  string
	http *http.Client
}

func (s publicSite) String() string { return s.url }

const (
	siteTimeout = 15 * time.Second
	siteAnswer  = 1 << 16 // more is no release.json
)

// Version asks past caches: by a header, and by an address that none has seen.
func (s publicSite) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	address := strings.TrimSuffix(s.url, "/") + "/release.json?at=" + strconv.FormatInt(time.Now().UnixNano(), 36)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	q.Header.Set("Cache-Control", "no-cache")
	resp, err := s.http.Do(q)
	if refused, ok := trust.Refused(err); ok {
		return "", advice{fmt.Errorf("its certificate is refused (%s)", refused.Problem), refused.Do}
	}
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return "", nil
	case resp.StatusCode != http.StatusOK:
		return "", errors.New("it answers " + resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, siteAnswer))
	if err != nil {
		return "", err
	}
	var release struct{ Version string }
	if json.Unmarshal(text, &release) != nil {
		return "", nil // a page, as some servers give for what they do not have
	}
	return release.Version, nil
}

// docsSite is a task.SiteBuilder: docs:build at a commit.
type docsSite struct {
	runner *runner
	git    *repo.Repo
	engine string // the flag
}

func (s docsSite) Check(ctx context.Context, commit string) error {
	build, err := s.at(commit)
	if err != nil {
		return err
	}
	return build.Check(ctx, task.DocsArgs{})
}

func (s docsSite) Source(context.Context) (string, error) {
	build, err := s.runner.docsBuilder(s.engine, s.git, "")
	return build.Builder(), err
}

func (s docsSite) Build(ctx context.Context, commit, version, date, file string) error {
	build, err := s.at(commit)
	if err != nil {
		return err
	}
	zone, err := s.runner.zone()
	if err != nil {
		return err
	}
	day, err := time.ParseInLocation(time.DateOnly, date, zone)
	if err != nil {
		return err
	}
	_, err = build.Run(ctx, task.DocsArgs{Version: version, Output: file, Time: day, Date: date})
	return err
}

// at builds the docs of a commit, without its changelog fragments.
func (s docsSite) at(commit string) (task.BuildDocs, error) {
	build, err := s.runner.docsBuilder(s.engine, s.git, commit)
	if err != nil {
		return task.BuildDocs{}, err
	}
	if build.Tree, err = s.git.Recorded(commit); err != nil {
		return task.BuildDocs{}, err
	}
	config, err := changelog.ParseConfig(build.Tree)
	switch {
	case err == nil:
		build.Settings.Fragment = append(build.Settings.Fragment, config.Directory)
	case !errors.Is(err, fs.ErrNotExist):
		return task.BuildDocs{}, err
	}
	return build, nil
}
