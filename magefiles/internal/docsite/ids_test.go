package docsite

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// quartzPage has the HTML that Quartz 4.5.2 writes for its explorer, a table of contents and a list, with headings whose ids
// look the same.
const quartzPage = `<!DOCTYPE html>
<html><body><!-- <ul class="overflow" id="list-7"> -->
<div class="explorer" data-data-fns="{&quot;order&quot;:[]}"><button type="button" class="explorer-toggle mobile-explorer" data-mobile="true" aria-controls="explorer-41"></button>
<div id="explorer-41" class="explorer-content" aria-expanded="false" role="group"><ul class="explorer-ul overflow" id="list-7"><li class="overflow-end"></li></ul></div></div>
<article><h2 id="list-9">List 9</h2><h2 id="explorer-0">Explorer 0</h2><a href="#list-9">list-9</a><a href="other#explorer-41">there</a><code>id="explorer-41"</code>
<a href="#explorer-41">here</a><p id='toc-3'>toc-3</p></article>
<button class="toc-header" aria-controls="toc-14"></button><ul class="toc-content overflow" id='list-9'></ul><UL ID="list-30" CLASS="overflow"></UL>
<script>document.getElementById("list-7")</script><style>#list-7 {}</style></body></html>
`

const quartzPageWant = `<!DOCTYPE html>
<html><body><!-- <ul class="overflow" id="list-7"> -->
<div class="explorer" data-data-fns="{&quot;order&quot;:[]}"><button type="button" class="explorer-toggle mobile-explorer" data-mobile="true" aria-controls="explorer-1"></button>
<div id="explorer-1" class="explorer-content" aria-expanded="false" role="group"><ul class="explorer-ul overflow" id="list-0"><li class="overflow-end"></li></ul></div></div>
<article><h2 id="list-9">List 9</h2><h2 id="explorer-0">Explorer 0</h2><a href="#list-9">list-9</a><a href="other#explorer-41">there</a><code>id="explorer-41"</code>
<a href="#explorer-1">here</a><p id='toc-3'>toc-3</p></article>
<button class="toc-header" aria-controls="toc-0"></button><ul class="toc-content overflow" id='list-1'></ul><UL ID="list-2" CLASS="overflow"></UL>
<script>document.getElementById("list-7")</script><style>#list-7 {}</style></body></html>
`

func TestPageIDs(t *testing.T) {
	script := []byte("let a = document.getElementById(\"list-9\"), b = document.getElementById( 'list-7' ), c = document.getElementById(`list-x`);")
	ids := NewIDs(script)
	if got := string(ids.Page([]byte(quartzPage))); got != quartzPageWant {
		t.Errorf("got\n%s", got)
	}
	want := "let a = document.getElementById(\"list-1\"), b = document.getElementById( 'list-0' ), c = document.getElementById(`list-x`);"
	if got := string(ids.Script(script)); got != want {
		t.Errorf("script: %s", got)
	}
	// Without a script the lists are counted in their order on the page; a link to a heading still leads to the
	// heading.
	got := string(NewIDs().Page([]byte(`<h2 id="list-0">List 0</h2><a href="#list-0">x</a><ul class="overflow" id="list-5"></ul>`)))
	if want := `<h2 id="list-0">List 0</h2><a href="#list-0">x</a><ul class="overflow" id="list-1"></ul>`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestPagesThatStay(t *testing.T) {
	for _, page := range []string{
		"", "text", "<", "<ul", `<ul class="overflow" id="list-5`, `<ul class="overflow" id=list-5>`, `<ul class="overflow" id="list-05">`, `<ul class="overflow" id="list-5 ">`,
		`<ul class="overflow" id="list-&#53;">`, `<ul class="other" id="list-5">`, `<ul class="overflows" id="list-5">`, `<ol data-id="list-5" class="overflow">`,
		`<textarea><ul class="overflow" id="list-5"></textarea>`, `<title><ul class="overflow" id="list-5"></title>`, `<p title='<ul class="overflow" id="list-5">'>`,
		`<h2 id="explorer-5">`, `<a href="#explorer-5">`,
	} {
		if got := string(NewIDs().Page([]byte(page))); got != page {
			t.Errorf("%s became %s", page, got)
		}
	}
}

var anyID = regexp.MustCompile(`(explorer|toc|list)-[0-9]+`)

// FuzzPage uses any text as a page.
func FuzzPage(f *testing.F) {
	f.Add([]byte(quartzPage), []byte(`getElementById("list-7");getElementById("list-9")`))
	f.Add([]byte("<ul class=overflow id='list-1'/><ul\tclass = 'overflow'\nid = \"list-2\" id=\"list-3\">"), []byte{})
	f.Fuzz(checkIDs)
}

// parts are the parts of a page that matter.
var parts = []string{
	`<ul class="overflow" id="list-%">`, `<h2 id="list-%">`, `<a href="#list-%">`, `<div class="explorer-content" id="explorer-%">`, `<h2 id='explorer-%'>`,
	`<b aria-controls="explorer-%">`, `<a href='#explorer-%'>`, `<b aria-controls="list-%">`, `<b aria-controls="toc-%">`, `<ol class="toc-content" id="toc-%">`, `<!--`, `-->`,
	`<script>`, `</script>`, `list-% `, `<p id=list-%>`, `<ul class='a overflow toc-content' id="toc-%" aria-controls="list-%">`,
}

// FuzzPageOfParts puts a page together; each byte is a part and a number.
func FuzzPageOfParts(f *testing.F) {
	f.Add([]byte{0, 17, 34, 51, 68, 85}, []byte{1, 2})
	f.Add([]byte{3, 4, 5, 6, 20, 37}, []byte{0})
	f.Fuzz(func(t *testing.T, choices, lists []byte) {
		var page, script []byte
		for _, c := range choices {
			page = append(page, strings.ReplaceAll(parts[int(c)%len(parts)], "%", strconv.Itoa(int(c)/len(parts)))...)
		}
		for _, n := range lists {
			script = append(script, "getElementById('list-"+strconv.Itoa(int(n)%16)+"')"...)
		}
		checkIDs(t, page, script)
	})
}

// checkIDs checks that a second run changes nothing, and that only the numbers of ids change.
func checkIDs(t *testing.T, page, script []byte) {
	ids := NewIDs(script)
	once, scriptOnce := ids.Page(page), ids.Script(script)
	ids = NewIDs(scriptOnce)
	if twice := ids.Page(once); !bytes.Equal(once, twice) {
		t.Errorf("%q\nbecame\n%q\nand then\n%q", page, once, twice)
	}
	if twice := ids.Script(scriptOnce); !bytes.Equal(scriptOnce, twice) {
		t.Errorf("%q\nbecame\n%q\nand then\n%q", script, scriptOnce, twice)
	}
	for before, after := range map[string]string{string(page): string(once), string(script): string(scriptOnce)} {
		if anyID.ReplaceAllString(before, "$1-N") != anyID.ReplaceAllString(after, "$1-N") {
			t.Errorf("%q\nbecame\n%q", before, after)
		}
	}
}

func TestRepeat(t *testing.T) {
	write := func(list, explorer string) *os.Root {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"postscript.js":      `document.getElementById("list-` + list + `")`,
			"asset.js":           `document.getElementById("list-8")`,
			"a/index.HTML":       `<ul class="overflow" id="list-` + list + `"></ul>`,
			"a/b.html":           `<div class="explorer-content" id="explorer-` + explorer + `"></div>`,
			"static/x/list.json": `<ul class="overflow" id="list-8"></ul>`,
		} {
			file := filepath.Join(dir, filepath.FromSlash(name))
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, []byte(text), 0o644))
		}
		root, err := os.OpenRoot(dir)
		must(t, err)
		t.Cleanup(func() { _ = root.Close() })
		must(t, MakeReproducible(root))
		return root
	}
	one, two := write("7", "41"), write("12", "3")
	for name, want := range map[string]string{
		"postscript.js":      `document.getElementById("list-0")`,
		"asset.js":           `document.getElementById("list-8")`,
		"a/index.HTML":       `<ul class="overflow" id="list-0"></ul>`,
		"a/b.html":           `<div class="explorer-content" id="explorer-0"></div>`,
		"static/x/list.json": `<ul class="overflow" id="list-8"></ul>`,
	} {
		for _, root := range []*os.Root{one, two} {
			if got, err := root.ReadFile(name); err != nil || string(got) != want {
				t.Errorf("%s: %s, %v; want %s", name, got, err, want)
			}
		}
	}
}
