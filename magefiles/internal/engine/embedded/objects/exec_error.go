package objects

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

// ExecError is the API's error for the failure of a command in a container.
type ExecError struct {
	Cmd            []string
	ExitCode       int
	Stdout, Stderr string
	message        string
}

func (e *ExecError) Error() string { return e.message }

// Extensions are the fields from which the API's clients make their own error.
func (e *ExecError) Extensions() map[string]any {
	return map[string]any{"_type": "EXEC_ERROR", "cmd": e.Cmd, "exitCode": e.ExitCode, "stdout": e.Stdout, "stderr": e.Stderr}
}

// maxStream is the part of a stream that an error has, in bytes: its end.
const maxStream = 100 << 10

// execError turns the failure of an exec into an ExecError; other errors are not changed.
func (e *Env) execError(ctx context.Context, err error) error {
	failure, ok := e.Solver.Failed(err)
	if !ok || ctx.Err() != nil {
		return err
	}
	if start := e.Services.startFailure(failure, err); start != nil {
		return start
	}
	cmd := failure.Exec.GetMeta().GetArgs()
	if len(cmd) > 0 && cmd[0] == execmeta.InitPath {
		cmd = cmd[1:]
	}
	files, readErr := failure.ReadMount(ctx, execmeta.Dir, execmeta.StatusFile, execmeta.StdoutFile, execmeta.StderrFile)
	if readErr != nil {
		return errors.Join(err, fmt.Errorf("read the command's output: %w", readErr))
	}
	status := decodeStatus(files[execmeta.StatusFile], failure.ExitCode)
	out := &ExecError{Cmd: cmd, ExitCode: status.ExitCode, Stdout: tail(files[execmeta.StdoutFile]), Stderr: tail(files[execmeta.StderrFile]), message: status.Message}
	if files[execmeta.StatusFile] == nil && len(files) == 0 {
		// The init never ran: only the OCI runtime's message exists.
		out.ExitCode, out.Stderr = max(out.ExitCode, 1), runtimeMessage(err)
	}
	if blank := bytes.TrimSpace(files[execmeta.StatusFile]); files[execmeta.StatusFile] != nil && len(blank) == 0 && status.ExitCode == 1 {
		out.Stderr += "\nthe engine could not store the command's result and output: is its disk full?"
	}
	if out.message == "" {
		out.message = fmt.Sprintf("exit code: %d", out.ExitCode)
	}
	out.message += e.Services.blame(failure)
	if e.Inspect || e.Keep != nil {
		e.inspect(ctx, failure, out)
	}
	return inSpan(out)
}

// decodeStatus reads the init's status; without one the exit code is the exec's own.
func decodeStatus(b []byte, code int) execmeta.Status {
	var s execmeta.Status
	if json.Unmarshal(b, &s) != nil || s.Direct {
		return execmeta.Status{ExitCode: code, Started: true}
	}
	return s
}

func tail(b []byte) string {
	b = bytes.TrimSuffix(b, []byte("\n"))
	if n := len(b) - maxStream; n >= 0 {
		note := fmt.Appendf(nil, "[omitting %d bytes]...", n) // Dagger counts like this, although the note replaces some more bytes
		b = append(note, b[n+len(note):]...)
	}
	return text(b)
}

// runtimeMessage is the OCI runtime's own part of an error.
func runtimeMessage(err error) string {
	s := err.Error()
	if i := strings.Index(s, "runc run failed"); i >= 0 {
		return s[i:]
	}
	return s
}
