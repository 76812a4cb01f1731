package main

import (
	"context"

	"fmt"
	"strings"

	"dagger.io/dagger"
)

func s_publish_simple(ctx context.Context, c *dagger.Client) (string, error) {
	ref, err := base(c).WithNewFile("/x", "y").WithEntrypoint([]string{"/bin/echo"}).WithDefaultArgs([]string{"hi"}).WithEnvVariable("E", "v").WithLabel("l", "v").
		WithExposedPort(8080).WithUser("nobody").WithWorkdir("/w").Publish(ctx, reg+"/conf/simple:v1")
	if err != nil {
		return "", err
	}
	p := published(ctx, ref)
	repo, dg, _ := strings.Cut(ref, "@")
	hist := ""
	if cfg, ok := p["config"].(map[string]any); ok {
		hist = js(cfg["config"])
	}
	return fmt.Sprintf("repo part=%q digest len=%d equals crane digest=%v\n%s\nconfig=%s", repo, len(dg), inspect("digest", repo) == dg, brief(p), hist), nil
}

func s_publish_compression(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	for _, k := range []dagger.ImageLayerCompression{dagger.ImageLayerCompressionGzip, dagger.ImageLayerCompressionZstd, dagger.ImageLayerCompressionEstarGz, dagger.ImageLayerCompressionUncompressed} {
		for _, m := range []dagger.ImageMediaTypes{"", dagger.ImageMediaTypesDockerMediaTypes} {
			n := strings.ToLower(string(k))
			if m != "" {
				n += "-docker"
			}
			ref, err := scratch(c, "").WithLabel("k", n).Publish(ctx, reg+"/conf/comp:"+n, dagger.ContainerPublishOpts{ForcedCompression: k, MediaTypes: m})
			if err != nil {
				l.add(n, "ERR "+es(err))
				continue
			}
			l.add(n, brief(published(ctx, ref)))
		}
	}
	return l.String(), nil
}

func s_publish_registry_auth(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	rep := func(r string, err error) string {
		if i := strings.Index(r, "@sha256:"); i > 0 {
			r = r[:i] + "@sha256:<64hex>"
		}
		return ve(r, err)
	}
	l.add("no auth", rep(scratch(c, "").Publish(ctx, areg+"/conf/auth:v1")))
	l.add("wrong auth", rep(scratch(c, "").WithRegistryAuth(areg, "u", c.SetSecret("bad", "wrong-password")).Publish(ctx, areg+"/conf/auth:v2")))
	l.add("right auth", rep(scratch(c, "").WithRegistryAuth(areg, "u", c.SetSecret("pw", "p")).Publish(ctx, areg+"/conf/auth:v3")))
	l.add("right auth, full ref as address", rep(scratch(c, "").WithRegistryAuth(areg+"/conf/auth:v4", "u", c.SetSecret("pw", "p")).Publish(ctx, areg+"/conf/auth:v4")))
	l.add("auth persists in session", rep(scratch(c, "").Publish(ctx, areg+"/conf/auth:v5")))
	l.add("pull with auth", ve(c.Container().WithRegistryAuth(areg, "u", c.SetSecret("pw", "p")).From(areg+"/library/debian:bookworm-slim").WithExec([]string{"echo", "ok"}).Stdout(ctx)))
	l.add("withoutRegistryAuth", rep(scratch(c, "").WithRegistryAuth(areg, "u", c.SetSecret("pw", "p")).WithoutRegistryAuth(areg).Publish(ctx, areg+"/conf/auth:v6")))
	l.add("unneeded auth on open registry", rep(scratch(c, "").WithRegistryAuth(reg, "u", c.SetSecret("pw", "p")).Publish(ctx, reg+"/conf/auth:v7")))
	return l.String(), nil
}

func s_pull_registry_auth_missing(ctx context.Context, c *dagger.Client) (string, error) {
	_, err := c.Container().From(areg + "/library/debian:bookworm-slim").Sync(ctx)
	return "", err
}
