//go:build try

package daemon

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestTryKit(t *testing.T) {
	o := Options{ModulesDir: modules(), StateDir: "/tmp/bk/x", Log: func(s string) { fmt.Println("--", s) }}.withDefaults()
	for _, p := range []program{rootlesskit, runc} {
		s, err := p.read(o.ModulesDir)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(s.build(context.Background(), os.Getenv("TRYBIN"), o))
	}
}

func TestTryPs(t *testing.T) {
	opts, _ := newOptions(t)
	ensure(t, opts)
	s, _ := os.ReadFile(opts.files().log)
	fmt.Println(string(s), find(t, opts))
	m, _ := filepath.Glob(opts.files().run + "/*")
	fmt.Println(m)
	start := time.Now()
	fmt.Println(parents(find(t, opts).PID, opts.files().bin), Down(t.Context(), opts), time.Since(start))
	out, _ := exec.Command("ps", "-u", "eng", "-o", "pid,ppid,sid,pgid,uid,args").Output()
	fmt.Println(string(out))
	m, _ = filepath.Glob(opts.files().run + "/*")
	fmt.Println(m)
}
