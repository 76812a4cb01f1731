package markdown

// WithoutComments makes YAML of JSON with comments (JSONC): spaces replace the comments, and the tabs between values. Offsets stay the same.
func WithoutComments(text string) string {
	out := []byte(text)
	hide := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' && out[i] != '\r' {
				out[i] = ' '
			}
		}
	}
	for i := 0; i < len(out); i++ {
		switch next := i + 1; {
		case out[i] == '\t':
			out[i] = ' '
		case out[i] == '"':
			for i++; i < len(out) && out[i] != '"' && out[i] != '\n'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case out[i] == '/' && next < len(out) && out[next] == '/':
			end := i
			for end < len(out) && out[end] != '\n' {
				end++
			}
			hide(i, end)
			i = end - 1
		case out[i] == '/' && next < len(out) && out[next] == '*':
			end := i + 2
			for end < len(out) && (out[end] != '/' || out[end-1] != '*' || end == i+2) {
				end++
			}
			hide(i, min(end+1, len(out)))
			i = end
		}
	}
	return string(out)
}
