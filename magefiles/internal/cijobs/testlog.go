package cijobs

import (
	"bytes"
	"cmp"
	"io"
	"regexp"
	"strings"
)

const (
	maxLine     = 4096 // bytes of a line that are parsed
	maxFindings = 1000
)

// TestLog passes on the output of tests, and finds the failed ones in it, if it has the form of `go test`. Of other tests it keeps the
// last line. Close parses the last line. Source of the form: cmd/go's `go help test` and testing's (*common).report.
type TestLog struct {
	To io.Writer

	partial  []byte
	last     string
	pending  []failedTest // of the current package
	packages map[string]string
	about    string // package of the compiler's current messages
	findings []string
}

// failedTest is a test, and its first message.
type failedTest struct{ name, message string }

// Write takes a piece of the output.
func (l *TestLog) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		keep := min(len(line), max(0, maxLine-len(l.partial)))
		l.partial = append(l.partial, line[:keep]...)
		if ended {
			l.line(string(l.partial))
			l.partial = l.partial[:0]
		}
		rest = after
	}
	return l.To.Write(p)
}

// Close parses the last line, if it has no line end.
func (l *TestLog) Close() error {
	if len(l.partial) > 0 {
		l.line(string(l.partial))
		l.partial = nil
	}
	l.flush("")
	return nil
}

// Last is the last line that is not blank.
func (l *TestLog) Last() string { return l.last }

// Findings are the tests and packages that failed: PACKAGE: TEST: MESSAGE.
func (l *TestLog) Findings() []string { return l.findings }

var (
	failLine    = regexp.MustCompile(`^(\s*)--- FAIL: (\S+)`)
	packageLine = regexp.MustCompile(`^FAIL\t(\S+)(?:[\t ](.*))?$`)
	compiled    = regexp.MustCompile(`^# (\S+)(?: \[(\S+)\.test\])?`)
	message     = regexp.MustCompile(`^\s+(\S+\.go:\d+: .*\S)`)
	compileLine = regexp.MustCompile(`^\S+\.go:\d+(?::\d+)?: .*\S`)
)

func (l *TestLog) line(text string) {
	text = strings.TrimRight(text, "\r\t ")
	if text != "" {
		l.last = text
	}
	if m := failLine.FindStringSubmatch(text); m != nil {
		l.failed(m[2], m[1] != "")
		return
	}
	if m := packageLine.FindStringSubmatch(text); m != nil {
		if m[2] != "" && !strings.HasPrefix(m[2], "[") {
			m[2] = "" // a time
		}
		l.end(m[1], m[2])
		return
	}
	if m := compiled.FindStringSubmatch(text); m != nil {
		l.about = cmp.Or(m[2], m[1])
		return
	}
	switch m := message.FindStringSubmatch(text); {
	case strings.HasPrefix(text, "ok  \t"):
		l.pending = nil // a passed package printed something that looks like a failure
	case strings.HasPrefix(text, "panic: "):
		l.said(text)
	case m != nil:
		l.said(m[1])
	case l.about != "" && compileLine.MatchString(text) && l.packages[l.about] == "" && len(l.packages) < maxFindings:
		if l.packages == nil {
			l.packages = map[string]string{}
		}
		l.packages[l.about] = text
	}
}

// failed adds a failed test. A subtest replaces its parent, which failed only because of it.
func (l *TestLog) failed(name string, sub bool) {
	if n := len(l.pending); sub && n > 0 && l.pending[n-1].message == "" && strings.HasPrefix(name, l.pending[n-1].name+"/") {
		l.pending[n-1].name = name
		return
	}
	if len(l.pending) < maxFindings {
		l.pending = append(l.pending, failedTest{name: name})
	}
}

// said adds a message to the last test, or to the package if it ended before a test was named.
func (l *TestLog) said(text string) {
	if n := len(l.pending); n > 0 {
		l.pending[n-1].message = cmp.Or(l.pending[n-1].message, text)
	} else if strings.HasPrefix(text, "panic: ") {
		l.pending = append(l.pending, failedTest{message: text})
	}
}

// end handles the end of a failed package.
func (l *TestLog) end(name, how string) {
	if len(l.pending) == 0 {
		l.pending = []failedTest{{message: join(l.packages[name], how)}}
	}
	l.flush(name)
}

func (l *TestLog) flush(name string) {
	for _, t := range l.pending {
		if text := join(name, t.name, t.message); len(l.findings) < maxFindings {
			l.findings = append(l.findings, text)
		}
	}
	l.pending, l.about = nil, ""
}

// join joins the parts that are not empty.
func join(parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, ": ")
}
