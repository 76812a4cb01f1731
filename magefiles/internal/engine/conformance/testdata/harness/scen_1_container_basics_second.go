package main

import (
	"context"
	"fmt"
	"strings"

	"dagger.io/dagger"
)

func s_exec_expect_any(ctx context.Context, c *dagger.Client) (string, error) {
	ct := sh(base(c), "echo o; echo e >&2; exit 7", dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
	var l lines
	l.add("exit", ve(ct.ExitCode(ctx)))
	l.add("stdout", ve(ct.Stdout(ctx)))
	l.add("stderr", ve(ct.Stderr(ctx)))
	l.add("next_exec", ve(sh(ct, "echo next").Stdout(ctx)))
	l.add("next_exit", ve(sh(ct, "echo next").ExitCode(ctx)))
	return l.String(), nil
}

func s_exec_expect_failure(ctx context.Context, c *dagger.Client) (string, error) {
	ct := sh(base(c), "echo o; exit 7", dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeFailure})
	var l lines
	l.add("exit", ve(ct.ExitCode(ctx)))
	l.add("stdout", ve(ct.Stdout(ctx)))
	return l.String(), nil
}

func s_exec_expect_failure_on_success(ctx context.Context, c *dagger.Client) (string, error) {
	return sh(base(c), "echo fine", dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeFailure}).Stdout(ctx)
}

func s_env_expand(ctx context.Context, c *dagger.Client) (string, error) {
	E := dagger.ContainerWithEnvVariableOpts{Expand: true}
	ct := base(c).WithEnvVariable("A", "one").
		WithEnvVariable("B", "${A}/two:$A").
		WithEnvVariable("C", "${A}/two:$A", E).
		WithEnvVariable("PATH", "/x:${PATH}", E).
		WithEnvVariable("D", "[$UNSET][${UNSET}][$$A][\\$A][${UNSET:-dflt}]", E).
		WithEnvVariable("A", "three")
	var l lines
	for _, n := range []string{"A", "B", "C", "D", "PATH", "NOPE"} {
		l.add(n, ve(ct.EnvVariable(ctx, n)))
	}
	l.add("env", ve(ct.WithExec([]string{"/bin/sh", "-c", "/usr/bin/env | /usr/bin/sort | /bin/grep -v ^TRACEPARENT"}).Stdout(ctx)))
	return l.String(), nil
}

func s_env_variables_list(ctx context.Context, c *dagger.Client) (string, error) {
	ct := base(c).WithEnvVariable("Z", "26").WithEnvVariable("A", "1").WithEnvVariable("M", "x=y").WithEnvVariable("EMPTY", "").WithEnvVariable("Z", "27")
	evs, err := ct.EnvVariables(ctx)
	if err != nil {
		return "", err
	}
	var l lines
	for _, e := range evs {
		n, err := e.Name(ctx)
		v, err2 := e.Value(ctx)
		l.add(ve(n, err), ve(v, err2))
	}
	return l.String(), nil
}

func s_platform(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	p := func(x dagger.Platform, err error) string { return ve(string(x), err) }
	l.add("default", p(c.DefaultPlatform(ctx)))
	l.add("container", p(c.Container().Platform(ctx)))
	l.add("base", p(base(c).Platform(ctx)))
	l.add("arm64", p(c.Container(dagger.ContainerOpts{Platform: "linux/arm64"}).Platform(ctx)))
	l.add("arm64/v8", p(c.Container(dagger.ContainerOpts{Platform: "linux/arm64/v8"}).Platform(ctx)))
	l.add("arm/v7", p(c.Container(dagger.ContainerOpts{Platform: "linux/arm/v7"}).Platform(ctx)))
	l.add("x86_64", p(c.Container(dagger.ContainerOpts{Platform: "linux/x86_64"}).Platform(ctx)))
	l.add("bare amd64", p(c.Container(dagger.ContainerOpts{Platform: "amd64"}).Platform(ctx)))
	l.add("bogus", p(c.Container(dagger.ContainerOpts{Platform: "not a platform"}).Platform(ctx)))
	return l.String(), nil
}

func s_sync(ctx context.Context, c *dagger.Client) (string, error) {
	ct, err := sh(base(c), "echo synced > /s").Sync(ctx)
	if err != nil {
		return "", err
	}
	out, err := sh(ct, "cat /s").Stdout(ctx)
	if err != nil {
		return "", err
	}
	id, err := ct.ID(ctx)
	if err != nil {
		return "", err
	}
	id2, err := ct.ID(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%q id_stable_in_session=%v scratch_sync_err=%s", out, id == id2, es(func() error { _, e := c.Container().Sync(ctx); return e }())), nil
}

func s_from_image_ref(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	ref, err := base(c).ImageRef(ctx)
	l.add("tag", ve(ref, err))
	l.add("by digest", ve(c.Container().From(ref).ImageRef(ctx)))
	repo, dg, _ := strings.Cut(ref, "@")
	_ = repo
	l.add("digest only", ve(c.Container().From(reg+"/library/debian@"+dg).ImageRef(ctx)))
	l.add("no tag", ve(c.Container().From(reg+"/library/debian").ImageRef(ctx)))
	l.add("modified", ve(base(c).WithEnvVariable("A", "1").ImageRef(ctx)))
	l.add("after exec", ve(sh(base(c), "true").ImageRef(ctx)))
	l.add("scratch", ve(c.Container().ImageRef(ctx)))
	return l.String(), nil
}

func s_exec_insecure_root(ctx context.Context, c *dagger.Client) (string, error) {
	return sh(base(c), `grep CapEff /proc/self/status; mount -t tmpfs none /mnt && echo mounted`, dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}).Stdout(ctx)
}

func s_exec_nesting(ctx context.Context, c *dagger.Client) (string, error) {
	return sh(base(c), `env | cut -d= -f1 | sort`, dagger.ContainerWithExecOpts{ExperimentalPrivilegedNesting: true}).Stdout(ctx)
}

func s_with_error(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	_, err := base(c).WithError("custom failure").Sync(ctx)
	l.add("withError", es(err))
	_, err = base(c).WithError("").Sync(ctx)
	l.add("empty", es(err))
	return l.String(), nil
}

func s_merged_usr_symlinks(ctx context.Context, c *dagger.Client) (string, error) {
	x := dagger.ContainerWithNewFileOpts{Permissions: 0o755}
	ct := base(c).WithNewFile("/bin/conf-tool", "#!/bin/sh\necho tool\n", x)
	var l lines
	l.add("/bin is still a symlink; file lands in", ve(sh(ct, "readlink /bin; ls /usr/bin/conf-tool; conf-tool").Stdout(ctx)))
	l.add("WithFile /lib/x", ve(sh(base(c).WithFile("/lib/confx", c.File("q", "1")), "readlink /lib; ls /usr/lib/confx").Stdout(ctx)))
	l.add("WithDirectory /bin", ve(sh(base(c).WithDirectory("/bin", c.Directory().WithNewFile("confy", "1")), "readlink /bin; ls /usr/bin/confy").Stdout(ctx)))
	l.add("File(/bin/sh).Size>0", ve(func() (bool, error) { n, err := base(c).File("/bin/sh").Size(ctx); return n > 0, err }()))
	l.add("Directory(/bin) entries>0", ve(func() (bool, error) { n, err := base(c).Directory("/bin").Entries(ctx); return len(n) > 0, err }()))
	l.add("Exists(/bin/sh)", ve(base(c).Exists(ctx, "/bin/sh")))
	l.add("WithoutFile /bin/which", ve(sh(base(c).WithNewFile("/bin/gone", "").WithoutFile("/bin/gone"), "readlink /bin; ls /usr/bin/gone").Stdout(ctx)))
	l.add("mount at /bin/mnt", ve(sh(base(c).WithMountedFile("/bin/mnt", c.File("q", "M")), "cat /usr/bin/mnt").Stdout(ctx)))
	return l.String(), nil
}

func s_exec_error_truncation(ctx context.Context, c *dagger.Client) (string, error) {
	_, err := sh(base(c), "head -c 300000 /dev/zero | tr '\\0' 'a'; printf END; head -c 102400 /dev/zero | tr '\\0' 'b' >&2; exit 1").Stdout(ctx)
	if err == nil {
		return "no error", nil
	}
	r := errRec(err)
	return fmt.Sprintf("stdout len=%d head=%q tail=%q; stderr len=%d head=%q", len(*r.Stdout), head(*r.Stdout, 40), tail(*r.Stdout, 8), len(*r.Stderr), head(*r.Stderr, 40)), nil
}
