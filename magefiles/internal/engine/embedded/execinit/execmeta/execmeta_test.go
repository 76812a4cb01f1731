package execmeta

import (
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestExpectAccepts(t *testing.T) {
	// The codes that Dagger v0.21.8 accepts, as recorded (scenario exec_signal).
	for _, c := range []struct {
		code                  int
		success, failure, any bool
	}{
		{-1, false, false, false},
		{0, true, false, true},
		{1, false, true, true},
		{127, false, true, true},
		{128, false, false, false},
		{137, false, false, false},
		{191, false, false, false},
		{192, false, true, true},
		{255, false, true, true},
		{256, false, false, false},
	} {
		got := []bool{Success.Accepts(c.code), Failure.Accepts(c.code), Any.Accepts(c.code)}
		if want := []bool{c.success, c.failure, c.any}; !reflect.DeepEqual(got, want) {
			t.Errorf("code %d: SUCCESS, FAILURE, ANY = %v, want %v", c.code, got, want)
		}
		if Expect("").Accepts(c.code) != c.success {
			t.Errorf("code %d: the zero value is not SUCCESS", c.code)
		}
		if Expect("SOMETIMES").Accepts(c.code) {
			t.Errorf("code %d: an unknown set accepts it", c.code)
		}
	}
}

func TestEncodeIsReadBackAndRepeats(t *testing.T) {
	in := Instruction{
		Env: []string{"A=1", "B=\"quoted\" \n ü"}, Inherit: []string{"HTTP_PROXY"}, SecretEnv: []string{"S"}, SecretFiles: []string{"/s"},
		User: "nobody:daemon", Workdir: "/w", Stdin: true, RedirectStdin: "i", RedirectStdout: "o", RedirectStderr: "e", Expect: Any, NoInit: true,
	}
	text, err := in.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := in.Encode()
	if err != nil || again != text {
		t.Errorf("second Encode = %s, %v; want %s", again, err, text)
	}
	got, err := Decode(text)
	if err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("Decode(%s) = %+v, %v; want %+v", text, got, err, in)
	}
	if _, err := Decode("{"); err == nil {
		t.Error("half a text was decoded")
	}
}

func TestMaxEnvIsTheLimitOfLinux(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the limit is that of Linux, where execs run")
	}
	for extra, fits := range map[int]bool{0: true, 1: false} {
		cmd := exec.Command("/bin/true")
		cmd.Env = []string{EnvName + "=" + strings.Repeat("x", MaxEnv+extra)}
		if err := cmd.Run(); (err == nil) != fits {
			t.Errorf("a value of MaxEnv+%d bytes: %v; want fits = %v", extra, err, fits)
		}
	}
}
