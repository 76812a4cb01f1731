package engine_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

const wantFile = `package main

import ("fmt"; "os"; "time")

func main() {
	if os.Args[1] == "write" {
		if err := os.WriteFile(os.Args[2], nil, 0o644); err != nil { fmt.Println(err); os.Exit(1) }
		return
	}
	fmt.Println("attempt", time.Now().UnixNano())
	if _, err := os.Stat(os.Args[2]); err != nil { fmt.Println(err); os.Exit(7) }
}
`

// A RUN that failed runs again in the same session, also when files changed that the RUN does not see.
func TestAFailedRunRunsAgain(t *testing.T) {
	ctx := context.Background()
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	c := connect(t, t.TempDir())
	nonce := strconv.FormatInt(time.Now().UnixNano(), 10)
	programFile := c.Host().Directory(program(t, wantFile)).File("program")
	dir := func(volume, other string) *dagger.Directory {
		return c.Directory().WithFile("program", programFile).WithNewFile("other", other).WithNewFile("Dockerfile", "FROM scratch\nENV VOLUME="+volume+"\nCOPY program /program\n"+
			"RUN --mount=type=cache,id="+volume+",target=/v [\"/program\", \"read\", \"/v/there\"]\n")
	}
	write := func(volume string) {
		t.Helper()
		_, err := dir(volume, "1").WithNewFile("Dockerfile", "FROM scratch\nENV VOLUME="+volume+"\nCOPY program /program\n"+
			"RUN --mount=type=cache,id="+volume+",target=/v [\"/program\", \"write\", \"/v/there\"]\n").DockerBuild().Sync(ctx)
		must(t, err)
	}
	for _, other := range []string{"1", "2"} {
		t.Run("other is "+other, func(t *testing.T) {
			volume := nonce + "-" + other
			said := map[string]bool{}
			for i, text := range []string{"1", other} {
				_, err := dir(volume, text).DockerBuild().Sync(ctx)
				if err == nil || !strings.Contains(err.Error(), "exit code: 7") {
					t.Fatalf("attempt %d: %v", i, err)
				}
				var failed *dagger.ExecError
				if errors.As(err, &failed) {
					said[failed.Stdout] = true
				}
			}
			if len(said) != 2 {
				t.Errorf("it ran %d times: %v", len(said), said)
			}
			write(volume)
			if _, err := dir(volume, other).DockerBuild().Sync(ctx); err != nil {
				t.Errorf("it is built with the old error: %v", err)
			}
		})
	}
}
