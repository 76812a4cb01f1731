package procgroup

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// TestCloseInheritedOnExec has flock(1) start this test, which starts a program that keeps running: the lock is free once the test has ended.
func TestCloseInheritedOnExec(t *testing.T) {
	if os.Getenv("COMMAND_TEST_STAYS") != "" {
		CloseInheritedOnExec()
		cmd := exec.Command("sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		os.Stderr.WriteString(strconv.Itoa(cmd.Process.Pid))
		return
	}
	flock := testenv.Program(t, "flock", "apt-get install util-linux")
	lock := t.TempDir() + "/lock"
	holder := exec.Command(flock, lock, os.Args[0], "-test.run=^TestCloseInheritedOnExec$")
	var pid bytes.Buffer
	holder.Env, holder.Stderr = append(os.Environ(), "COMMAND_TEST_STAYS=1"), &pid
	if err := holder.Run(); err != nil {
		t.Fatal(err)
	}
	stays, err := strconv.Atoi(pid.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(stays, syscall.SIGKILL) }()
	if syscall.Kill(stays, 0) != nil {
		t.Fatal("the background program has ended")
	}
	if out, err := exec.Command(flock, "--nonblock", lock, "true").CombinedOutput(); err != nil {
		t.Errorf("the lock is still held: %v %s", err, out)
	}
}
