package engine_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// brought is a way to mount or copy the file "f" of a host folder into a step, as /data/f.
type brought struct {
	put func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container
	// fixed says that the file's content is not part of the step's cache key: a secret is known by its name, as in Dagger.
	fixed bool
}

var waysIn = map[string]brought{
	"host file, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedFile("/data/f", c.Host().File(folder+"/f"))
	}},
	"host file, copied": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithFile("/data/f", c.Host().File(folder+"/f"))
	}},
	"host folder, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedDirectory("/data", c.Host().Directory(folder))
	}},
	"host folder, copied": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithDirectory("/data", c.Host().Directory(folder))
	}},
	"file of a host folder, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedFile("/data/f", c.Host().Directory(folder).File("f"))
	}},
	"folder of a host folder, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedDirectory("/data", c.Host().Directory(filepath.Dir(folder)).Directory(filepath.Base(folder)))
	}},
	"host folder with times, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedDirectory("/data", c.Host().Directory(folder).WithTimestamps(1))
	}},
	"host folder with times, copied": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithDirectory("/data", c.Host().Directory(folder).WithTimestamps(1))
	}},
	"host folder, copied around links": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		from := c.Host().Directory(folder)
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			base = base.WithDirectory("/data/real-"+name, c.Directory()).WithSymlink("real-"+name, "/data/"+name)
			from = from.WithDirectory(name, c.Host().Directory(folder))
		}
		return base.WithDirectory("/data", from)
	}},
	"host folder with a new file, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedDirectory("/data", c.Host().Directory(folder).WithNewFile("new", "new"))
	}},
	"host folder without a file, copied": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithDirectory("/data", c.Host().Directory(folder).WithoutFile("old"))
	}},
	"host folder with a link, as the root": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		root := c.Host().Directory(filepath.Dir(folder)).WithFile("program", base.File("/program")).WithSymlink(filepath.Base(folder), "data")
		return base.WithRootfs(root)
	}},
	"host folder, as the root": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithRootfs(c.Host().Directory(filepath.Dir(folder))).WithMountedFile("/program", base.File("/program")).
			WithSymlink(filepath.Base(folder), "/data")
	}},
	"difference of a host folder, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedDirectory("/data", c.Directory().WithNewFile("other", "other").Diff(c.Host().Directory(folder)))
	}},
	"host folder after its export, copied": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		d := c.Host().Directory(folder)
		if _, err := d.Export(context.Background(), filepath.Join(filepath.Dir(filepath.Dir(folder)), "export")); err != nil {
			d = d.WithError(err.Error())
		}
		return base.WithDirectory("/data", d)
	}},
	"host folder, mounted by a Dockerfile": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		context := c.Host().Directory(filepath.Dir(folder)).WithNewFile("Dockerfile", "FROM scratch\nCOPY program /\n"+
			"RUN --mount=type=bind,target=/context [\"/program\", \"@/context/f\"]\nCOPY "+filepath.Base(folder)+" /data\n")
		return dockerBuilt(base, context.WithFile("program", base.File("/program")).DockerBuild())
	}},
	"host folder, copied by a Dockerfile": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return dockerBuilt(base, c.Host().Directory(filepath.Dir(folder), dagger.HostDirectoryOpts{Include: []string{"Dockerfile", filepath.Base(folder)}}).DockerBuild())
	}},
	"new file, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedFile("/data/f", c.File("f", content(folder)))
	}},
	"new file, copied": {put: func(_ *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithNewFile("/data/f", content(folder))
	}},
	"file of another step, mounted": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedFile("/data/f", anotherStep(c, base, folder))
	}},
	"file of another step, copied": {put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithFile("/data/f", anotherStep(c, base, folder))
	}},
	"secret": {fixed: true, put: func(c *dagger.Client, base *dagger.Container, folder string) *dagger.Container {
		return base.WithMountedSecret("/data/f", c.SetSecret("cache-test", content(folder)))
	}},
	"cache volume": {fixed: true, put: func(c *dagger.Client, base *dagger.Container, _ string) *dagger.Container {
		return base.WithMountedCache("/data", c.CacheVolume("cache-test"))
	}},
	"temporary folder": {fixed: true, put: func(_ *dagger.Client, base *dagger.Container, _ string) *dagger.Container {
		return base.WithMountedTemp("/data")
	}},
}

// dockerBuilt is the container with the program, on the files of an image.
func dockerBuilt(base, image *dagger.Container) *dagger.Container {
	return base.WithRootfs(image.Rootfs()).WithFile("/program", base.File("/program"))
}

func anotherStep(c *dagger.Client, base *dagger.Container, folder string) *dagger.File {
	return base.WithFile("/from", c.Host().File(folder+"/f")).
		WithExec([]string{"/program", "@/from"}, dagger.ContainerWithExecOpts{RedirectStdout: "/f"}).File("/f")
}

func content(folder string) string {
	b, err := os.ReadFile(filepath.Join(folder, "f"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// steps runs a step for each way, in its own session, and returns the output of each: the time at which it ran, and the file. The order of the
// steps depends on the number of the session; in the first two it is opposite.
func steps(t *testing.T, session int, programs, folder, nonce string) map[string]string {
	t.Helper()
	ctx := context.Background()
	s, err := engine.Connect(ctx, enginetest.Options(t, "/"))
	must(t, err)
	defer func() { must(t, s.Close()) }()
	base := s.Client.Container().WithFile("/program", s.Client.Host().Directory(programs).File("program")).WithEnvVariable("NONCE", nonce)
	printed := map[string]string{}
	order := slices.Sorted(maps.Keys(waysIn))
	switch session {
	case 0:
	case 1:
		slices.Reverse(order)
	default:
		rand.New(rand.NewPCG(0, uint64(session))).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, name := range order {
		out, err := waysIn[name].put(s.Client, base.WithEnvVariable("WAY", name), folder).WithExec([]string{"/program", "now", "@/data/f"}).Stdout(ctx)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		printed[name] = out
	}
	return printed
}

// TestEachStepRunsAsOftenAsItMust changes a file in all ways between sessions and between processes. A step must run again only if the content of
// its input changed.
func TestEachStepRunsAsOftenAsItMust(t *testing.T) {
	if folder := os.Getenv("ENGINE_TEST_FOLDER"); folder != "" {
		for name, out := range steps(t, 1, os.Getenv("ENGINE_TEST_PROGRAMS"), folder, os.Getenv("ENGINE_TEST_NONCE")) {
			t.Logf("PRINTED %s: %q", name, out)
		}
		return
	}
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	programs, folder, nonce := program(t, printEnv), filepath.Join(t.TempDir(), "sub"), time.Now().String()
	must(t, os.Mkdir(folder, 0o755))
	must(t, os.WriteFile(filepath.Join(filepath.Dir(folder), "Dockerfile"), []byte("FROM scratch\nCOPY "+filepath.Base(folder)+" /data\n"), 0o644))
	write := func(text string, at time.Time) {
		must(t, os.WriteFile(filepath.Join(folder, "f"), []byte(text), 0o644))
		must(t, os.Chtimes(filepath.Join(folder, "f"), at, at))
	}
	then := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	write("one", then)
	first := steps(t, 0, programs, folder, nonce)
	var another map[string]string
	for i, change := range []struct {
		name  string
		text  string
		at    time.Time
		other bool // the content differs from the first
	}{
		{"nothing", "one", then, false},
		{"its times", "one", then.Add(time.Hour), false},
		{"its content, and not its size and times", "two", then.Add(time.Hour), true},
		{"nothing after that", "two", then.Add(time.Hour), true},
		{"its content as at first", "one", then.Add(time.Hour), false},
		{"its size", "three", then, true},
	} {
		write(change.text, change.at)
		got := steps(t, i+1, programs, folder, nonce)
		for name, way := range waysIn {
			switch {
			case way.fixed || !change.other:
				if got[name] != first[name] {
					t.Errorf("%s: ran again when %s was changed: %q, then %q", name, change.name, first[name], got[name])
				}
			case !strings.Contains(got[name], change.text):
				t.Errorf("%s: saw %q when %s was changed", name, got[name], change.name)
			case change.name == "nothing after that" && got[name] != another[name]:
				t.Errorf("%s: ran again with the same content: %q, then %q", name, another[name], got[name])
			}
		}
		another = got
	}
	inAnotherProcess(t, programs, folder, nonce, another)
}

// inAnotherProcess requires that the cache answers the steps with their last output.
func inAnotherProcess(t *testing.T, programs, folder, nonce string, last map[string]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "ENGINE_TEST_FOLDER="+folder, "ENGINE_TEST_PROGRAMS="+programs, "ENGINE_TEST_NONCE="+nonce)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range last {
		if !strings.Contains(string(out), "PRINTED "+name+": "+quoted(text)) {
			t.Errorf("%s: ran again in another process, after %q\n%s", name, text, out)
		}
	}
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, "\n", `\n`) + `"` }

// A stage of a Dockerfile that ran again with the same result does not make the next stage run again, as with buildctl.
func TestAStageWithTheSameResultIsTheSame(t *testing.T) {
	c := connect(t, t.TempDir())
	ct, nonce := box(t, c, printEnv), time.Now().String()
	build := func(argument string) string {
		d := c.Directory().WithFile("program", ct.File("/program")).WithNewFile("Dockerfile", `FROM scratch AS base
COPY program /
FROM base AS one
ARG OTHER
RUN ["/program", "now", "`+nonce+`"]
COPY program /result
FROM base
COPY --from=one /result /
RUN ["/program", "now"]
`)
		built := d.DockerBuild(dagger.DirectoryDockerBuildOpts{BuildArgs: []dagger.BuildArg{{Name: "OTHER", Value: argument}}})
		out, err := built.Stdout(t.Context())
		must(t, err)
		return out
	}
	if one, other := build("1"), build("2"); one != other {
		t.Errorf("the last stage ran at %q and at %q", one, other)
	}
}
