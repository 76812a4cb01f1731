package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// syntaxError matches the error of BuildKit's parser, in either engine, about an invalid Dockerfile: it has only the line.
var syntaxError = regexp.MustCompile(`dockerfile parse error on line (\d+): (.*)`)

// located puts file, line and column before the parser's message about a Dockerfile, in the format of editors. Other errors are not changed.
func located(err error, file, dockerfile string) error {
	if err == nil {
		return nil
	}
	m := syntaxError.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	line, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		return err
	}
	text := fmt.Sprintf("%s:%d:%d: %s", file, line, column(lineOf(dockerfile, line), m[2]), m[2])
	var known *engineError
	hint := ""
	if errors.As(err, &known) {
		hint = known.hint
	}
	return &engineError{text, hint, err}
}

func lineOf(text string, n int) string {
	lines := strings.Split(text, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// column is the position in the line of the first word that the message names, counted from 1 in characters; without such a word, the position of
// the instruction.
func column(line, message string) int {
	at := len(line) - len(strings.TrimLeft(line, " \t"))
	_, subject, _ := strings.Cut(message, ": ")
	if words := strings.Fields(strings.Trim(subject, `"`)); len(words) > 0 {
		// Messages have instructions in upper case, in any spelling of the Dockerfile.
		if re, err := regexp.Compile(`(?i)` + regexp.QuoteMeta(strings.Trim(words[0], `"`))); err == nil {
			if found := re.FindStringIndex(line); found != nil {
				at = found[0]
			}
		}
	}
	return len([]rune(line[:at])) + 1
}
