package console

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// canaries are secrets of forms that have leaked elsewhere: a token, one with characters that every encoder escapes, a short one, a key
// of several lines, one with white space around it.
var canaries = []string{
	"ghp_c4naryc4naryc4nary0123456789",
	`c4n/ry+"<q&uote>\back é%`,
	"c4nY",
	"-----BEGIN C4NARY KEY-----\nQzRuYXJ5IGxpbmUgb25l\nQzRuYXJ5IGxpbmUgdHdv+/==\n-----END C4NARY KEY-----\n",
	"  c4nary padded with space \n",
}

// spellings are the ways in which a program may print a secret.
func spellings(t *testing.T, secret string) []string {
	quoted, err := json.Marshal(map[string]string{"k": secret})
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		secret, string(quoted), fmt.Sprintf("%q", secret), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("zot-ci:" + secret)), url.QueryEscape(secret), url.PathEscape(secret),
		"https://" + url.UserPassword("zot-ci", secret).String() + "@registry/v2/",
	}
}

// traces are the texts that the output must not contain: each line of a secret, and each of its encodings.
func traces(secret string) []string {
	var found []string
	whole := strings.TrimSpace(secret)
	for _, part := range append(strings.Split(whole, "\n"), whole) {
		part = strings.TrimSpace(part)
		found = append(found, part, hex.EncodeToString([]byte(part)), url.QueryEscape(part), url.PathEscape(part))
		quoted := fmt.Sprintf("%q", part)
		found = append(found, quoted[1:len(quoted)-1])
		encoded := base64.StdEncoding.EncodeToString([]byte(part))
		found = append(found, encoded)
	}
	return found
}

// saysEverything prints text through every function of this package, whole and in pieces.
func saysEverything(t *testing.T, c *Console, o Output, logs, text string) (said []string) {
	if err := c.Result(text); err != nil {
		t.Fatal(err)
	}
	if err := c.JSON(map[string]any{"value": text, "list": []string{text}}); err != nil {
		t.Fatal(err)
	}
	c.Note(text)
	c.Detail(text)
	c.Warn(text)
	v, err := c.View("build with "+text, logs)
	if err != nil {
		t.Fatal(err)
	}
	v.Event(Event{Step: text, State: Started})
	v.Event(Event{Step: "named", Name: "RUN echo " + text, State: Started})
	v.Event(Event{Step: "other", Name: "other", State: Started})
	for i := range text { // byte by byte, on both streams, with another step in between
		for stream := 1; stream <= 2; stream++ {
			v.Event(Event{Step: "named", State: Log, Stream: stream, Data: []byte{text[i]}})
			v.Event(Event{Step: "other", State: Log, Stream: stream, Data: []byte(".")})
		}
	}
	v.Event(Event{Step: "named", State: Log, Stream: 1, Data: []byte("\n" + strings.Repeat("x", maxLine-3) + text + "\n")})
	half := len(text) / 2
	v.Event(Event{Step: "named", State: Log, Stream: 1, Data: []byte(text[:half] + "\x1b[0m" + text[half:] + "\n")})
	v.Event(Event{Step: "named", State: Failed, Err: "process «" + text + "» failed"})
	for width := 10; width < 120; width += 7 {
		for _, l := range frame(v.title, v.steps, v.begun, v.now(), width, 20, look{unicode: true, colour: true}) {
			said = append(said, l.text)
		}
	}
	v.Finish(errors.New(text))
	if err := o.Set("value", text); err != nil {
		t.Fatal(err)
	}
	if err := o.Summary("`" + text + "`"); err != nil {
		t.Fatal(err)
	}
	return append(said, c.Exit(t.Context(), fmt.Errorf("login: %w", hinted{errors.New(text), "try " + text})).Error())
}

func TestNoCanaryGetsOut(t *testing.T) {
	dir := t.TempDir()
	c, stdout, stderr := quietly(Options{Verbose: true})
	o := Output{OutputFile: filepath.Join(dir, "output"), SummaryFile: filepath.Join(dir, "summary"), Redactor: c.Redactor()}
	for _, secret := range canaries {
		if !c.Redactor().Learn(secret) {
			t.Fatalf("%q is not taken", secret)
		}
	}
	for _, secret := range canaries {
		for _, text := range spellings(t, secret) {
			logs := t.TempDir()
			said := saysEverything(t, c, o, logs, text)
			log := logIn(t, logs)
			said = append(said, Mask+filepath.Base(log))
			places := map[string]string{
				"stdout": stdout.String(), "stderr": stderr.String(), "log": read(t, log), "output": read(t, o.OutputFile),
				"summary": read(t, o.SummaryFile), "error, live view": strings.Join(said, "\n"),
			}
			for place, printed := range places {
				if !strings.Contains(printed, Mask) {
					t.Errorf("%s has no mask, so it was not reached: %q", place, printed)
				}
				for _, trace := range traces(secret) {
					if strings.Contains(printed, trace) {
						t.Errorf("%s holds %q, from %q", place, trace, text)
					}
				}
			}
			stdout.Reset()
			stderr.Reset()
		}
	}
}
