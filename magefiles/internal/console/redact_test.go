package console

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

func TestRedactorMasks(t *testing.T) {
	var r Redactor
	for _, v := range []string{"hunter2-horse", "hunter2-horse-long", "two lines\n  of \"secret\" text\n", "p@ss/w+rd &<>", "abcdX", "XYZ1"} {
		for range 2 {
			if !r.Learn(v) {
				t.Errorf("%q is not taken", v)
			}
		}
	}
	for in, want := range map[string]string{
		"":                           "",
		"nothing here":               "nothing here",
		"a hunter2-horse b":          "a *** b",
		"hunter2-horse-long":         "***",
		"hunter2-horse-lon":          "***-lon",
		"hunter2-hors":               "hunter2-hors",
		"x two lines y":              "x *** y",
		"of \"secret\" text":         "***",
		`{"k":"of \"secret\" text"}`: `{"k":"***"}`,
		"abcdXYZ1":                   "***",
		"https://u:p%40ss%2Fw+rd":    "https://u:p%40ss%2Fw+rd",
		"u:" + url.PathEscape("hunter2-horse") + "@h": "u:***@h",
	} {
		if got := r.String(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestRedactorMasksEncodedForms(t *testing.T) {
	for _, value := range []string{"p@ss/w+rd &<>é\"\\'x", "ghp_0123456789abcdefghijklmnopqrstuvwxyz", strings.Repeat("long secret ", 30), "line one\nline two\nline three"} {
		var r Redactor
		r.Learn(value)
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		lowHex := hex.EncodeToString([]byte(value))
		encoded := map[string]string{
			"json": string(quoted), "go": fmt.Sprintf("%q", value), "go ascii": fmt.Sprintf("%+q", value),
			"hex": lowHex, "HEX": strings.ToUpper(lowHex), "base64": base64.StdEncoding.EncodeToString([]byte(value)),
			"base64 url": base64.URLEncoding.EncodeToString([]byte(value)), "base64 raw": base64.RawStdEncoding.EncodeToString([]byte(value)),
			"query": url.QueryEscape(value), "path": url.PathEscape(value), "userinfo": url.UserPassword("u", value).String(),
		}
		for form, text := range encoded {
			got := r.String("<" + text + ">")
			if strings.Contains(got, strings.Trim(text, `"`)) || !strings.Contains(got, Mask) || len(got) > 3*len(Mask)+8 {
				t.Errorf("%s of %q came through as %s", form, value, got)
			}
		}
	}
}

// `user:password` in base64, as registries' credentials are stored: the password does not begin at a group's beginning.
func TestRedactorMasksTheMiddleOfBase64(t *testing.T) {
	const password = "correct-horse-battery"
	var r Redactor
	r.Learn(password)
	for _, user := range []string{"", "a", "ab", "abc", "zot-ci"} {
		for _, after := range []string{"", "\n", "x", "}}"} {
			got := r.String(base64.StdEncoding.EncodeToString([]byte(user + ":" + password + after)))
			whole := base64.StdEncoding.EncodeToString([]byte(password))
			if !strings.Contains(got, Mask) || strings.Contains(got, whole[4:20]) || len(got) > len(user)*2+18 {
				t.Errorf("%q, %q: %s", user, after, got)
			}
		}
	}
}

func TestRedactorMasksWrappedBase64(t *testing.T) {
	value := strings.Repeat("0123456789abcdef", 20)
	var r Redactor
	r.Learn(value)
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	for _, width := range []int{64, 76} {
		for at := 0; at+width < len(encoded); at += width {
			if got := r.String(encoded[at : at+width]); got != Mask {
				t.Errorf("wrapped at %d: %s", width, got)
			}
		}
	}
}

func TestShortValuesAreNotRedacted(t *testing.T) {
	var r Redactor
	for _, v := range []string{"", " ", "abc", "a\nb\n"} {
		if r.Learn(v) {
			t.Errorf("%q: taken", v)
		}
	}
	if got := r.String("abc a bc"); got != "abc a bc" {
		t.Errorf("%q", got)
	}
	if !r.Learn("abcd") || r.String("xabcdx") != "x***x" {
		t.Error("4 bytes are not taken")
	}
}

func TestWriterHoldsBackNoMoreThanItMust(t *testing.T) {
	var r Redactor
	r.Learn("hunter2-horse")
	r.Learn("hunter2-horse-long")
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, step := range []struct{ write, want string }{
		{"plain", "plain"}, {" h", "plain "}, {"u", "plain "}, {"mble\n", "plain humble\n"},
		{"hunter2-horse", "plain humble\n***"}, {"-lo", "plain humble\n***"}, {"ck\n", "plain humble\n***-lock\n"},
		{"hunter2", "plain humble\n***-lock\n"}, {"\n", "plain humble\n***-lock\nhunter2\n"},
	} {
		if n, err := w.Write([]byte(step.write)); n != len(step.write) || err != nil {
			t.Fatal(n, err)
		}
		if out.String() != step.want {
			t.Errorf("after %q: %q, want %q", step.write, out.String(), step.want)
		}
	}
	if _, err := w.Write([]byte("hunter2-horse")); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil || !strings.HasSuffix(out.String(), "\n***") {
		t.Errorf("flushed %q, %v", out.String(), err)
	}
}

// split writes text in pieces whose lengths come from cuts.
func split(t testing.TB, w *Writer, text string, cuts []byte) {
	for i := 0; len(text) > 0; i++ {
		n := len(text)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])%16+1)
		}
		if _, err := w.Write([]byte(text[:n])); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func FuzzWriter(f *testing.F) {
	f.Add("hunter2", "hunter2-long", "x hunter2-lon hunter2 hunter2-long\n", []byte{1, 3})
	f.Add("abab", "baba", "abababababab", []byte{0})
	f.Add("a b\nc d e\r\nf", "c d ef", "a b\nc d e\nc d ef", []byte{2})
	f.Add("aaaa", "aaaaa", "aaaaaaaaaaaaaaaa", []byte{0, 1, 2})
	f.Add("<&>\"'é", "\\n\\n\\n", `\u003c\u0026\u003e`, []byte{4})
	f.Fuzz(func(t *testing.T, one, two, text string, cuts []byte) {
		if strings.ContainsRune(one+two, '*') {
			t.Skip("the mask itself could complete such a secret")
		}
		var r Redactor
		r.Learn(one)
		r.Learn(two)
		text += one + two + one + base64.StdEncoding.EncodeToString([]byte(one+two)) + hex.EncodeToString([]byte(two)) + url.QueryEscape(one)
		var out bytes.Buffer
		split(t, r.Writer(&out), text, cuts)
		for form := range r.forms {
			if strings.Contains(out.String(), form) {
				t.Fatalf("%q came through in %q", form, out.String())
			}
		}
		if whole := r.String(text); whole != out.String() {
			t.Fatalf("whole %q, in pieces %q", whole, out.String())
		}
	})
}

func randomSecret(random *rand.Rand) string {
	b := make([]byte, 30)
	for i := range b {
		b[i] = byte('!' + random.IntN(90))
	}
	return string(b)
}

// BenchmarkWriter passes 10 MB of log text through a Writer that knows 200 secrets, one of which occurs in every hundredth line.
// It compares with the standard library: strings.Replacer over the same forms, line by line.
func BenchmarkWriter(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var r Redactor
	var pairs, secrets []string
	for range 200 {
		s := randomSecret(random)
		secrets = append(secrets, s)
		r.Learn(s)
	}
	for form := range r.forms {
		pairs = append(pairs, form, Mask)
	}
	var text strings.Builder
	for i := 0; text.Len() < 10<<20; i++ {
		fmt.Fprintf(&text, "#%d 12.345 Get:%d http://example.org/debian bookworm/main amd64 package-%x 1.2.3-4 [123 kB]\n", i%30, i, random.Uint64())
		if i%100 == 0 {
			text.WriteString("token " + secrets[i%200] + "\n")
		}
	}
	lines := bytes.SplitAfter([]byte(text.String()), []byte("\n"))
	for name, write := range map[string]func(line []byte, out *Writer, sink *bytes.Buffer, replacer *strings.Replacer){
		"writer": func(line []byte, out *Writer, _ *bytes.Buffer, _ *strings.Replacer) { _, _ = out.Write(line) },
		"replacer": func(line []byte, _ *Writer, sink *bytes.Buffer, replacer *strings.Replacer) {
			_, _ = replacer.WriteString(sink, string(line))
		},
	} {
		b.Run(name, func(b *testing.B) {
			replacer := strings.NewReplacer(pairs...)
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				var sink bytes.Buffer
				out := r.Writer(&sink)
				for _, line := range lines {
					write(line, out, &sink, replacer)
				}
			}
		})
	}
}
