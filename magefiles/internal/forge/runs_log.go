package forge

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// timestamp is a time that may be missing: for that, forges write the year 1, or 1970, or nothing.
type timestamp string

// UnmarshalJSON implements json.Unmarshaler. A value that is not a string is a missing time.
func (t *timestamp) UnmarshalJSON(text []byte) error {
	*t = timestamp(strings.Trim(string(text), `"`))
	return nil
}

func (t timestamp) set() bool {
	at, err := time.Parse(time.RFC3339, string(t))
	return err == nil && at.Unix() > 0
}

// These bound the bytes that are read of a log, and the bytes kept.
const (
	maxLog  = 256 << 20
	logTail = 32 << 10
)

// JobLog is the end of a job's log: whole lines, without the times before them. ErrNotFound: the not found at the forge, or not yet.
func (c *Client) JobLog(ctx context.Context, r Repository, job vcs.Job) (string, error) {
	if err := c.check(r.Owner, r.Name); err != nil {
		return "", err
	}
	what := "read the log of job " + job.Name
	if job.ID == 0 {
		return "", c.fail(ErrNotFound, what, "does not provide logs", "open the job's page")
	}
	var text string
	err := c.do(ctx, call{
		what: what, right: readRepository(r),
		path: r.api("actions", "jobs", strconv.FormatInt(job.ID, 10), "logs"),
		take: func(resp *http.Response) (err error) {
			text, err = endOf(resp.Body)
			return err
		},
	})
	return httpx.Redact(withoutTimes(text), c.token.Known()), err
}

// endOf reads r to the end, and keeps the last whole lines.
func endOf(r io.Reader) (string, error) {
	var kept []byte
	buffer, cut := make([]byte, logTail), false
	for read := 0; read <= maxLog; {
		n, err := r.Read(buffer)
		read += n
		kept = append(kept, buffer[:n]...)
		if over := len(kept) - logTail; over > 0 {
			kept, cut = append(kept[:0], kept[over:]...), true
		}
		switch {
		case err == io.EOF:
			return wholeLines(kept, cut), nil
		case err != nil:
			return "", err
		}
	}
	return "", &httpx.AnswerError{Problem: "sends a log that is too long"}
}

// wholeLines leaves out the first line if its beginning is missing.
func wholeLines(kept []byte, cut bool) string {
	if _, after, found := bytes.Cut(kept, []byte("\n")); cut && found {
		kept = after
	}
	return string(kept)
}

// logTime matches the time before each line of a log (FormatLog in modules/actions/log.go).
var logTime = regexp.MustCompile(`(?m)^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z `)

func withoutTimes(log string) string { return logTime.ReplaceAllString(log, "") }
