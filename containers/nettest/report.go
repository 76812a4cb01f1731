package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// writeJSON writes {"ok": …, "results": […]} with a newline at the end.
func writeJSON(w io.Writer, results []Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		OK      bool     `json:"ok"`
		Results []Result `json:"results"`
	}{allOK(results), results})
}

// writeTable writes one line for each target, then the errors, then the warnings.
func writeTable(w io.Writer, results []Result) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tRESULT\tADDRESS\tTLS\tCERTIFICATE\tHTTP\tDNS\tCONNECT\tTLS\tHTTP")
	for i := range results {
		fmt.Fprintln(table, strings.Join(row(&results[i]), "\t"))
	}
	table.Flush()
	text := trimLines(b.String())
	for i := range results {
		text += problems(&results[i])
	}
	_, err := io.WriteString(w, text)
	return err
}

// row returns the cells of one target; "-" means a hop that was not tried.
func row(r *Result) []string {
	cells := []string{r.Target, verdict(r), orDash(address(r)), "-", "-", "-"}
	if r.TLS != nil {
		cells[3], cells[4] = r.TLS.Version, fmt.Sprintf("%s, %d days", subject(r.TLS), r.TLS.DaysLeft)
	}
	if r.HTTP != nil {
		cells[5] = answer(r)
	}
	for _, hop := range []Hop{HopDNS, HopConnect, HopTLS, HopHTTP} {
		cell := "-"
		if ms, ok := r.phase(hop); ok {
			cell = fmt.Sprintf("%.1fms", ms)
		}
		cells = append(cells, cell)
	}
	for i, c := range cells {
		cells[i] = printable(c)
	}
	return cells
}

func verdict(r *Result) string {
	switch {
	case !r.OK:
		return "FAILED " + string(r.Failed)
	case len(r.Warnings) > 0:
		return "ok, warning"
	default:
		return "ok"
	}
}

func address(r *Result) string {
	if r.Address != "" {
		return r.Address
	}
	return strings.Join(r.Addresses, ",")
}

// subject is the certificate's common name, or its first name: many certificates have no common name.
func subject(t *TLSInfo) string {
	if t.Subject == "" && len(t.Names) > 0 {
		return t.Names[0]
	}
	return t.Subject
}

func answer(r *Result) string {
	text := fmt.Sprint(r.HTTP.Status)
	if r.Registry != nil {
		text += " registry"
		if scheme, _, _ := strings.Cut(r.Registry.Challenge, " "); scheme != "" {
			text += " (" + scheme + ")"
		}
	}
	if r.HTTP.Location != "" {
		text += " to " + r.HTTP.Location
	}
	return text
}

// problems returns the lines below the table for one target, or "".
func problems(r *Result) string {
	var b strings.Builder
	if !r.OK {
		fmt.Fprintf(&b, "\n%s failed at %s: %s\n", r.Target, r.Failed, printable(strings.ReplaceAll(r.Error, "\n", "; ")))
		if r.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", printable(r.Hint))
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "\n%s warning: %s\n", r.Target, printable(warning))
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printable removes control characters from the headers and certificates of a server before they reach the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}
