package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// longestLine bounds a line of the harness: a result may hold a whole file.
const longestLine = 64 << 20

// Parse reads the output of the harness's comparison. Its lines are
//
//	DIFFERS group/name
//	  want {"R":…,"E":…}
//	  got  {"R":…,"E":…}
//	NOT COUNTED (reason) group name
//	NO RECORDING group name error
//
// and the counts, which follow from the rest.
func Parse(output io.Reader) (Results, error) {
	r := Results{Differing: map[string]Difference{}}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, longestLine)
	scenario := ""
	for lines.Scan() {
		line := lines.Text()
		d := r.Differing[scenario]
		switch word, rest, _ := strings.Cut(line, " "); {
		case word == "DIFFERS" && rest != "":
			scenario = rest
			r.Differing[scenario] = Difference{}
		case strings.HasPrefix(line, "  want ") && scenario != "":
			d.Want = line[len("  want "):]
			r.Differing[scenario] = d
		case strings.HasPrefix(line, "  got  ") && scenario != "":
			d.Got = line[len("  got  "):]
			r.Differing[scenario] = d
		case strings.HasPrefix(line, "NOT COUNTED"):
			r.NotCounted = append(r.NotCounted, lastTwo(line))
		case strings.HasPrefix(line, "NO RECORDING"):
			r.Failed = append(r.Failed, line)
		}
	}
	if err := lines.Err(); err != nil {
		return r, fmt.Errorf("read the harness's output: %w", err)
	}
	return r, nil
}

// lastTwo returns group/name of a line that ends in "group name".
func lastTwo(line string) string {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return line
	}
	return fields[len(fields)-2] + "/" + fields[len(fields)-1]
}

// longestShown is how many bytes of one line of a result are shown.
const longestShown = 400

// String returns the lines that differ in the two results, and the two errors.
func (d Difference) String() string {
	type record struct {
		R string          `json:"R"`
		E json.RawMessage `json:"E"`
	}
	var want, got record
	if json.Unmarshal([]byte(d.Want), &want) != nil || json.Unmarshal([]byte(d.Got), &got) != nil {
		return "  want " + shorten(d.Want) + "\n  got  " + shorten(d.Got)
	}
	wantLines, gotLines := strings.Split(want.R, "\n"), strings.Split(got.R, "\n")
	text := append(without("  want ", wantLines, gotLines), without("  got  ", gotLines, wantLines)...)
	if len(wantLines) == len(gotLines) { // then lines of the same number are probably related
		text = pairs(wantLines, gotLines)
	}
	text = append(text, pairs([]string{"error " + string(want.E)}, []string{"error " + string(got.E)})...)
	return strings.Join(text, "\n")
}

// pairs returns the lines that differ from the line of the same number.
func pairs(want, got []string) (text []string) {
	for i := range want {
		if want[i] != got[i] {
			text = append(text, "  want "+shorten(want[i]), "  got  "+shorten(got[i]))
		}
	}
	return text
}

// without returns the lines that the other result does not have.
func without(prefix string, lines, other []string) (text []string) {
	for _, line := range lines {
		if !slices.Contains(other, line) {
			text = append(text, prefix+shorten(line))
		}
	}
	return text
}

func shorten(line string) string {
	if len(line) <= longestShown {
		return line
	}
	return strings.ToValidUTF8(line[:longestShown], "") + fmt.Sprintf("… (%d bytes)", len(line))
}
