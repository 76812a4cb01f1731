package main

import (
	"context"

	"dagger.io/dagger"
)

func s_db_dockerignore(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	l.add("ctx", ve(dbDir(c, "ignore").DockerBuild().Directory("/ctx").Glob(ctx, "**")))
	l.add("empty context dir", ve(c.Directory().WithNewFile("Dockerfile", "FROM scratch\nCOPY . /ctx/\n").DockerBuild().Directory("/ctx").Glob(ctx, "**")))
	return l.String(), nil
}

func s_db_copy_missing(ctx context.Context, c *dagger.Client) (string, error) {
	_, err := dbDir(c, "nocopy").DockerBuild().Sync(ctx)
	return "", err
}

func s_db_syntax_error(ctx context.Context, c *dagger.Client) (string, error) {
	_, err := dbDir(c, "syntax").DockerBuild().Sync(ctx)
	return "", err
}

func s_db_scratch_config(ctx context.Context, c *dagger.Client) (string, error) {
	ct := dbDir(c, "scratch").DockerBuild()
	var l lines
	l.add("entries", ve(ct.Rootfs().Entries(ctx)))
	l.add("env X", ve(ct.EnvVariable(ctx, "X")))
	l.add("PATH", ve(ct.EnvVariable(ctx, "PATH")))
	l.add("label", ve(ct.Label(ctx, "a")))
	l.add("entrypoint", ve(ct.Entrypoint(ctx)))
	l.add("defaultArgs", ve(ct.DefaultArgs(ctx)))
	l.add("workdir", ve(ct.Workdir(ctx)))
	ref, err := ct.Publish(ctx, reg+"/conf/dbscratch:v1")
	l.add("publish err", es(err))
	if err == nil {
		published(ctx, ref)
	}
	return l.String(), nil
}
