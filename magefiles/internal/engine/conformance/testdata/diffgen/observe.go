package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sort"
	"strings"

	"dagger.io/dagger"
)

// listTree lists a tree: mode, owner, size of files, link, path; the times that withTimestamps set; the contents of small
// files. What every Debian has is left out.
const listTree = `cd "$0" || exit 1
export LC_ALL=C
P='-path ./usr -o -path ./etc -o -path ./var -o -path ./lib -o -path ./lib64 -o -path ./bin -o -path ./sbin -o -path ./proc -o -path ./sys -o -path ./dev -o -path ./boot -o -path ./root/.bashrc -o -path ./root/.profile'
find . \( $P \) -prune -o \( -type f -printf '%M %u %g %s %p\n' -o -printf '%M %u %g - %p -> %l\n' \) | sort -k5 | head -70
find . \( $P \) -prune -o ! -type l ! -newermt 2002-01-01 -printf 'time %Ts %p\n' | sort | grep -v 'time 0 ' | head -20
find . \( $P \) -prune -o -type f -size -20k -print | sort | head -25 | while IFS= read -r f; do printf '== %s\n' "$f"; head -c 300 "$f"; echo; done
exit 0`

// lookInside is run in a container at the end.
const lookInside = `export LC_ALL=C
id; pwd; umask; env | grep -v '^OTEL_\|^TRACEPARENT\|^BAGGAGE\|^DIFFGEN_\|^_=\|^SHLVL\|^LC_ALL\|^OLDPWD' | sort
for d in /m /s /work /data; do [ -e $d ] || [ -L $d ] && find $d \( -type f -printf '%M %u %g %s %p\n' -o -printf '%M %u %g - %p -> %l\n' \) | sort -k5 | head -30; done
exit 0`

// final asks the questions of the end about one value.
func (r *runner) final(step int, name string) {
	v := r.vals[name]
	ask := func(what string, f func() (any, error)) {
		seen, err := f()
		r.see(Observation{Step: step, What: what, Of: name}, seen, err)
	}
	tree := func(c *dagger.Container) func() (any, error) {
		return func() (any, error) {
			out, err := c.WithExec([]string{"sh", "-c", listTree, "/o"}).Stdout(r.ctx)
			return strings.Split(strings.TrimSuffix(out, "\n"), "\n"), err
		}
	}
	switch {
	case v.dir != nil:
		ask("tree", tree(r.base().WithMountedDirectory("/o", v.dir)))
	case v.file != nil:
		ask("stat", func() (any, error) { return r.stat(v.file.Stat()) })
		ask("tree", tree(r.base().WithDirectory("/o", r.dag.Directory().WithFile("", v.file))))
	case v.ctr != nil:
		ask("config", func() (any, error) { return r.config(v.ctr) })
		ask("tree", tree(r.base().WithMountedDirectory("/o", v.ctr.Rootfs())))
		ask("inside", func() (any, error) {
			out, err := v.ctr.WithExec([]string{"sh", "-c", lookInside}).Stdout(r.ctx)
			return strings.Split(strings.TrimSuffix(out, "\n"), "\n"), err
		})
	}
}

// config reads a container's configuration through the API.
func (r *runner) config(c *dagger.Container) (any, error) {
	ctx, m := r.ctx, map[string]any{}
	var err error
	get := func(name string, f func() (any, error)) {
		if err == nil {
			m[name], err = f()
		}
	}
	get("user", func() (any, error) { return c.User(ctx) })
	get("workdir", func() (any, error) { return c.Workdir(ctx) })
	get("entrypoint", func() (any, error) { return c.Entrypoint(ctx) })
	get("defaultArgs", func() (any, error) { return c.DefaultArgs(ctx) })
	get("mounts", func() (any, error) { return c.Mounts(ctx) })
	get("platform", func() (any, error) { return c.Platform(ctx) })
	get("env", func() (any, error) {
		var l []string
		vs, err := c.EnvVariables(ctx)
		for _, v := range vs {
			n, _ := v.Name(ctx)
			x, _ := v.Value(ctx)
			if n != "DIFFGEN_RUN" {
				l = append(l, n+"="+x)
			}
		}
		return l, err
	})
	get("labels", func() (any, error) {
		var l []string
		vs, err := c.Labels(ctx)
		for _, v := range vs {
			n, _ := v.Name(ctx)
			x, _ := v.Value(ctx)
			l = append(l, n+"="+x)
		}
		sort.Strings(l) // a Dockerfile's are in an order of chance
		return l, err
	})
	get("ports", func() (any, error) {
		var l []string
		vs, err := c.ExposedPorts(ctx)
		for _, v := range vs {
			p, _ := v.Port(ctx)
			x, _ := v.Protocol(ctx)
			d, _ := v.Description(ctx)
			l = append(l, fmt.Sprintf("%d/%s %s", p, x, d))
		}
		sort.Strings(l) // their order is chance
		return l, err
	})
	for k, v := range m {
		if b, _ := json.Marshal(v); string(b) == "null" || string(b) == "[]" || string(b) == `""` {
			delete(m, k)
		}
	}
	return m, err
}

// published reads an image's manifest and configuration from the registry.
func published(ref string) (any, error) {
	repo, digest, _ := strings.Cut(strings.TrimPrefix(ref, registry()+"/"), "@")
	tagged := ""
	if j := strings.LastIndex(repo, ":"); j >= 0 {
		repo, tagged = repo[:j], repo[j:]
	}
	get := func(kind, digest string) (m map[string]any, err error) {
		req, err := http.NewRequest("GET", "http://"+registry()+"/v2/"+repo+"/"+kind+"/"+digest, nil)
		if err != nil {
			return nil, err
		}
		req.Header["Accept"] = []string{"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
			"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json", "*/*"}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err == nil {
			err = json.Unmarshal(b, &m)
		}
		return m, err
	}
	man, err := get("manifests", digest)
	if err != nil {
		return nil, err
	}
	seen := map[string]any{"tag": tagged, "mediaType": man["mediaType"], "annotations": man["annotations"]}
	if l, ok := man["manifests"].([]any); ok {
		var p []any
		for _, x := range l {
			p = append(p, x.(map[string]any)["platform"])
		}
		seen["platforms"] = p
		return seen, nil
	}
	var layers []string
	ls, _ := man["layers"].([]any)
	for _, l := range ls {
		layers = append(layers, fmt.Sprint(l.(map[string]any)["mediaType"]))
	}
	seen["layers"] = layers
	conf, _ := man["config"].(map[string]any)
	cfg, err := get("blobs", fmt.Sprint(conf["digest"]))
	if err != nil {
		return nil, err
	}
	delete(cfg, "created")
	delete(cfg, "rootfs")
	if c, ok := cfg["config"].(map[string]any); ok {
		if env, ok := c["Env"].([]any); ok {
			var l []any
			for _, e := range env {
				if !strings.HasPrefix(fmt.Sprint(e), "DIFFGEN_RUN=") {
					l = append(l, e)
				}
			}
			c["Env"] = l
		}
	}
	delete(cfg, "history") // its texts are the engine's own, and depend on what it has cached
	seen["config"] = cfg
	return seen, nil
}

var chance = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(` ?\[traceparent:[0-9a-f]+-[0-9a-f]+\]`), ""},
	{regexp.MustCompile(`(sha256|xxh3):[0-9a-f]{16,64}`), "$1:<digest>"},
	{regexp.MustCompile(`/[^ :"']*/snapshots/[0-9]+/fs`), "<snapshot>"},
	{regexp.MustCompile(`/[^ :"']*/cachemounts/buildkit[0-9]+`), "<tmp>"},
	{regexp.MustCompile(`/tmp/[A-Za-z.-]+[0-9]+`), "<tmp>"},
	{regexp.MustCompile(`\b(Container|Directory|File)@[A-Za-z0-9+/_-]+=*`), "$1@<id>"},
	{regexp.MustCompile(`Eh[A-Za-z0-9+/]{14,}=*`), "<id>"},
	{regexp.MustCompile(`127\.0\.0\.1:[0-9]+->`), "127.0.0.1:<port>->"},
	{regexp.MustCompile(`\b[0-9a-f]{32,64}\b`), "<hex>"},
	{regexp.MustCompile(`\b[a-z0-9]{25}\b`), "<name>"},
}

// normal takes out of a text what is chance.
func (r *runner) normal(s string) string {
	s = strings.ReplaceAll(s, r.host, "<host>")
	s = strings.ReplaceAll(s, strings.TrimPrefix(r.host, "/"), "<host>")
	s = strings.ReplaceAll(s, r.repo, "<repo>")
	s = strings.ReplaceAll(s, "diffgen/"+r.nonce, "<repo>")
	s = strings.ReplaceAll(s, r.nonce, "<run>")
	s = strings.ReplaceAll(s, baseImage(), "BASE_IMAGE")
	s = strings.ReplaceAll(s, registry(), "<registry>")
	for _, c := range chance {
		s = c.re.ReplaceAllString(s, c.to)
	}
	return s
}
