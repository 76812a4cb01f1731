package shell

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// A program that uses engine:serve has its terminal in the shells of containers, although stdin and stdout are pipes.
func TestServe(t *testing.T) {
	w := withBusybox(t)
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	w.Env["TERM"] = "xterm"
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	y := newTTY(t, w.Command("engine:serve"), master, slave)
	stdin, err1 := y.cmd.StdinPipe()
	stdout, err2 := y.cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	y.cmd.Stderr = slave
	y.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	y.begin()
	var params struct {
		Port  int    `json:"port"`
		Token string `json:"session_token"`
	}
	if err := json.NewDecoder(stdout).Decode(&params); err != nil {
		t.Fatalf("%v: %q", err, y.text())
	}
	ask := func(query string) string {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Error(err)
		}
		q, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/query", params.Port), strings.NewReader(string(body)))
		if err != nil {
			t.Error(err)
			return ""
		}
		q.SetBasicAuth(params.Token, "")
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return string(answer)
	}
	var file struct {
		Data struct {
			Host struct{ File struct{ ID string } }
		}
	}
	if err := json.Unmarshal([]byte(ask(fmt.Sprintf("{host{file(path:%q){id}}}", busybox))), &file); err != nil {
		t.Fatal(err)
	}
	answered := make(chan string)
	go func() {
		answered <- ask(fmt.Sprintf("{container{withFile(path:\"/bin/sh\",source:%q){terminal(cmd:[\"sh\"]){user}}}}", file.Data.Host.File.ID))
	}()
	y.sees(prompt)
	y.does("echo on the $((40+2))nd terminal", "on the 42nd terminal")
	y.types("exit 3\r")
	if answer := <-answered; !strings.Contains(answer, `"user":""`) {
		t.Errorf("the answer is %s", answer)
	}
	y.restored()
	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	y.ends(0)
}
