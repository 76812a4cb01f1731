// Package execmeta is the contract between the engine and its exec init: the instruction that goes into an exec, and the names and the format of
// the answer that comes out of it.
//
// An exec is an LLB run of
//
//	[InitPath, args...]   as root, in "/", with
//	InitPath    the init program, mounted read-only,
//	Dir         a writable scratch mount, kept as an output of the exec: the answer,
//	InputDir    a read-only mount, only when there is a stdin or a long instruction,
//	EnvName     an environment variable with the instruction.
//
// Because the answer is a mount of the exec, a cached exec has its answer in the cache.
// The package imports only the standard library: it is compiled into the init.
package execmeta

import (
	"encoding/json"
	"fmt"
)

// Where the engine mounts things in an exec.
const (
	InitPath = "/.init"        // the init program
	Dir      = "/.blumeops"    // the answer; the init makes it unreadable for others than root
	InputDir = "/.blumeops-in" // the files StdinFile and InstructionFile, each only if needed
	EnvName  = "BLUMEOPS_EXEC" // holds Instruction.Encode(); the command never sees it
	// TerminalName holds Terminal.Encode() if the command is not a step, but is used by a person; the command never sees it.
	TerminalName = "BLUMEOPS_TERMINAL"
	// ArchiveName is set if the arguments of the init are folders, and no command: it writes them as one tar to its stdout.
	ArchiveName = "BLUMEOPS_ARCHIVE"
)

// Files of InputDir.
const (
	StdinFile       = "stdin"       // the bytes of the command's stdin
	InstructionFile = "instruction" // the instruction, when it is longer than MaxEnv; EnvName is then not set
)

// Files of Dir. Without a StatusFile the init was killed, or the command replaced it and the exit code is the exec's own.
const (
	StdoutFile   = "stdout"   // all of stdout, secrets replaced
	StderrFile   = "stderr"   // all of stderr, secrets replaced
	CombinedFile = "combined" // both in the order in which they came; not written under NoInit
	StatusFile   = "status"   // Status as JSON, written last
)

// MaxEnv is the longest encoded instruction, in bytes, that fits in an environment variable: Linux refuses a string of more
// than 128 KiB (MAX_ARG_STRLEN), its name and its final NUL included.
const MaxEnv = 128<<10 - len(EnvName) - 2

// Instruction says how to run the command that follows the init in its arguments.
type Instruction struct {
	// Env is the command's environment as NAME=value without secrets; the last entry of a name wins. PATH is added if it is missing, HOME if it
	// is missing or empty.
	Env []string `json:"env,omitempty"`
	// Inherit names variables whose values come from the exec itself, if Env does not have the name: variables that must not be part of a cache
	// key, such as a proxy's.
	Inherit []string `json:"inherit,omitempty"`
	// SecretEnv names variables of the exec itself whose values are secrets. They go to the command, win over Env, and are
	// replaced in its output.
	SecretEnv []string `json:"secretEnv,omitempty"`
	// SecretFiles are paths of mounted secrets, relative ones from Workdir; their contents are replaced in the output. A missing file is not an
	// error.
	SecretFiles []string `json:"secretFiles,omitempty"`

	// User is "", name, uid, name:group, uid:gid or a mix; names are those of the root file system.
	User string `json:"user,omitempty"`
	// Workdir is an absolute path, "" is "/". Missing folders are made, 0755, owned by the user.
	Workdir string `json:"workdir,omitempty"`

	// Stdin says that InputDir has a StdinFile. Without it and without RedirectStdin stdin is empty.
	Stdin bool `json:"stdin,omitempty"`
	// RedirectStdin is a file of the root file system to read as stdin, from Workdir if relative.
	RedirectStdin string `json:"redirectStdin,omitempty"`
	// RedirectStdout and RedirectStderr are files that get a copy of the stream, from Workdir if relative.
	RedirectStdout string `json:"redirectStdout,omitempty"`
	RedirectStderr string `json:"redirectStderr,omitempty"`

	// Expect is the set of exit codes that are a success. The init then exits with 0, otherwise not, so that BuildKit does not cache failures. ""
	// is Success.
	Expect Expect `json:"expect,omitempty"`
	// NoInit makes the command process 1 in place of the init. Then nothing can forward, combine or scrub: its streams are files from the start,
	// CombinedFile and the exit code are missing, a redirected stream is only in the redirect file, and the reader of the streams must replace
	// the secrets (package scrub).
	NoInit bool `json:"noInit,omitempty"`

	// Service says that the command is a service, which may run for a long time: its streams are not kept in files. They are those of the init.
	Service bool `json:"service,omitempty"`
}

// Encode returns the instruction as the text of EnvName or InstructionFile. Equal instructions give equal texts.
func (i Instruction) Encode() (string, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return "", fmt.Errorf("encode exec instruction: %w", err)
	}
	return string(b), nil
}

// Decode reads what Encode wrote.
func Decode(text string) (Instruction, error) {
	var i Instruction
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return Instruction{}, fmt.Errorf("decode exec instruction: %w", err)
	}
	return i, nil
}

// Status is how an exec ended.
type Status struct {
	// ExitCode is 0 to 255; 128+n when signal n ended the command; NotStarted when nothing was run.
	ExitCode int `json:"exitCode"`
	// Message is the reason why nothing was run, or why the streams are not complete; "" otherwise.
	Message string `json:"message,omitempty"`
	// Started reports whether the command's own program ran.
	Started bool `json:"started"`
	// Direct reports whether the command replaced the init (NoInit): ExitCode is not known here.
	Direct bool `json:"direct,omitempty"`
}

// NotStarted is the exit code of an exec that failed before its command could be tried.
const NotStarted = -1

// Expect is a set of exit codes; its values are those of Dagger's enum ReturnType.
type Expect string

// The sets, as Dagger v0.21.8 defines them: codes 128 to 191 mean a signal and are never expected.
const (
	Success Expect = "SUCCESS" // 0
	Failure Expect = "FAILURE" // 1 to 127 and 192 to 255
	Any     Expect = "ANY"     // 0 to 127 and 192 to 255
)

// Accepts reports whether code is in the set.
func (e Expect) Accepts(code int) bool {
	failed := code >= 1 && code <= 127 || code >= 192 && code <= 255
	switch e {
	case Success, "":
		return code == 0
	case Failure:
		return failed
	case Any:
		return code == 0 || failed
	}
	return false
}

// Terminal says that the command is used by a person. The init sets it up as the instruction says, and its streams are the messages of package
// frame on the stdin and stdout of the init. Nothing is captured, and there is no answer.
type Terminal struct {
	// Columns and Rows are the size of the command's terminal. Without columns the command has pipes, and no terminal.
	Columns int `json:"columns,omitempty"`
	Rows    int `json:"rows,omitempty"`
	// Env are more variables, which win over those of the instruction; Defaults are variables that it gets if it does not have them.
	Env      []string `json:"env,omitempty"`
	Defaults []string `json:"defaults,omitempty"`
	// Shells are the commands to try, in this order, if the init has no arguments: the first that is found runs.
	Shells []string `json:"shells,omitempty"`
	// Path are more folders in which programs are found, after those of PATH.
	Path string `json:"path,omitempty"`
}

// Encode returns the text of TerminalName.
func (t Terminal) Encode() (string, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode the terminal: %w", err)
	}
	return string(b), nil
}

// DecodeTerminal reads what Encode wrote.
func DecodeTerminal(text string) (Terminal, error) {
	var t Terminal
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return Terminal{}, fmt.Errorf("decode the terminal: %w", err)
	}
	return t, nil
}
