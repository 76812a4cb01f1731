package manifest

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const (
	devpi     = "registry.example/blumeops/devpi"
	oldDigest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	newDigest = "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
)

var promoted = Image{devpi, "v1.1.0", newDigest}

// TestPinImage has texts with their changes marked: {was|is}.
func TestPinImage(t *testing.T) {
	for name, text := range map[string]string{
		"an entry": `# name: registry.example/blumeops/devpi
kind: Kustomization
images:
  - name: other
    newTag: v1.0.0
  - name: registry.example/blumeops/devpi   # ours
    newTag: {v1.0.0|v1.1.0} # by hand
    digest: "{` + oldDigest + "|" + newDigest + `}"
resources: [deployment.yaml]
`,
		"no digest, between comments": `images:
# first
- name: registry.example/blumeops/devpi
  # the tag
  newTag: '{v1.0.0|v1.1.0}'   # by hand{|
  digest: '` + newDigest + `'}
  # below

- name: other
resources:
- deployment.yaml
`,
		"no digest, newTag first":       "images:\n    -   newTag: {v1.0.0|v1.1.0}{|\n        digest: " + newDigest + "}\n        name: registry.example/blumeops/devpi\n",
		"no digest, no final newline":   "images:\n- name: registry.example/blumeops/devpi\n  newTag: {v1.0.0|v1.1.0}{|\n  digest: " + newDigest + "}",
		"no tag":                        "images:\n- name: registry.example/blumeops/devpi{|\n  newTag: v1.1.0}\n  digest: {" + oldDigest + "|" + newDigest + "}\n",
		"neither":                       "images:\n- name: devpi\n  newName: registry.example/blumeops/devpi{|\n  newTag: v1.1.0\n  digest: " + newDigest + "}\n",
		"another name":                  "images:\n- name: devpi\n  newName: registry.example/blumeops/devpi\n  newTag: {v1|v1.1.0}{|\n  digest: " + newDigest + "}\n",
		"a flow":                        "images: [{name: other}, {name: registry.example/blumeops/devpi, newTag: {v1.0.0|v1.1.0}{|, digest: " + newDigest + "}}]\n",
		"JSON":                          `{"images":[{"name":"registry.example/blumeops/devpi","newTag":"{v1.0.0|v1.1.0}"{|, "digest": "` + newDigest + `"}}]}`,
		"byte order mark, and a script": "\uFEFFimages: # größer 𝔸 \u2028\n- {name: registry.example/blumeops/devpi, newTag: {1|v1.1.0}{|, digest: " + newDigest + "}}\n",
		"two entries": "images:\n- name: registry.example/blumeops/devpi\n  newTag: {v1|v1.1.0}{|\n  digest: " + newDigest + "}\n" +
			"- name: b\n  newName: registry.example/blumeops/devpi\n  newTag: {v2|v1.1.0}{|\n  digest: " + newDigest + "}\n- name: c\n",
		"fields, in several documents": `# image: registry.example/blumeops/devpi:v1.0.0
kind: Deployment
spec:
  template:
    spec:
      initContainers:
        - image: "registry.example/blumeops/devpi:{v1.0.0|v1.1.0@` + newDigest + `}" # the same
      containers:
        - {name: devpi, image: registry.example/blumeops/devpi@{` + oldDigest + `|!}}
        - image: registry.example/blumeops/devpi-web:v1.0.0
        - image: other
---
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: registry.example/blumeops/devpi{|:v1.1.0@` + newDigest + `}}]}}}}}
---
kind: ConfigMap
data: {image: registry.example/blumeops/devpi:v1.0.0}
`,
	} {
		text = strings.ReplaceAll(text, "devpi@{"+oldDigest+"|!}", "devpi{@"+oldDigest+"|:v1.1.0@"+newDigest+"}")
		for form, as := range map[string]func(string) string{
			"":       func(s string) string { return s },
			" CR LF": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		} {
			t.Run(name+form, func(t *testing.T) {
				was, want := split(as(text))
				got, err := File{"kustomization.yaml", []byte(was)}.PinImage(promoted)
				if err != nil {
					t.Fatalf("%v\n%s", err, was)
				}
				if string(got) != want && !(form != "" && strings.HasSuffix(name, "newline") && strings.Count(string(got), "\r") == strings.Count(want, "\r")) {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
				if again, err := (File{"kustomization.yaml", got}).PinImage(promoted); err != nil || !bytes.Equal(again, got) {
					t.Errorf("again: %v\n%s", err, again)
				}
			})
		}
	}
}

// split returns a text with {was|is} before and after the change; braces without a bar stay.
func split(text string) (was, is string) {
	var a, b strings.Builder
	for {
		start, bar := -1, strings.IndexByte(text, '|')
		if bar >= 0 {
			start = strings.LastIndexByte(text[:bar], '{')
		}
		if start < 0 {
			return a.String() + text, b.String() + text
		}
		end := bar + strings.IndexByte(text[bar:], '}')
		a.WriteString(text[:start] + text[start+1:bar])
		b.WriteString(text[:start] + text[bar+1:end])
		text = text[end+1:]
	}
}

func TestImages(t *testing.T) {
	text := "kind: Kustomization\nimages:\n- name: " + devpi + "\n  newTag: v1\n- name: x\n  newName: " + devpi + "\n  digest: " + oldDigest +
		"\n- {name: " + devpi + ", newName: elsewhere/devpi, newTag: v1}\n---\nkind: Pod\nspec: {containers: [{image: " + devpi + ":v1@" + oldDigest + "}]}\n"
	got, err := File{"kustomization.yaml", []byte(text)}.Images(devpi)
	want := []ImageUse{
		{Image{devpi, "v1", ""}, 3, true, false}, {Image{devpi, "", oldDigest}, 6, true, false}, {Image{devpi, "v1", oldDigest}, 11, false, false},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestPinImageRefuses(t *testing.T) {
	const entry = "name: " + devpi + "\n  newTag: v1\n"
	for name, c := range map[string]struct {
		text string
		kind error
		says string
	}{
		"not there":            {"images:\n- name: " + devpi + "-web\n", ErrNone, "image " + devpi + " not found"},
		"called otherwise":     {"images:\n- name: " + devpi + "\n  newName: elsewhere\n", ErrNone, ""},
		"alias of an entry":    {"x: &e {name: " + devpi + ", newTag: v1}\nimages: [*e]\n", ErrForm, "alias"},
		"alias of the list":    {"x: &e [{name: " + devpi + ", newTag: v1}]\nimages: *e\n", ErrForm, "alias"},
		"entry used elsewhere": {"images:\n- &e {name: " + devpi + ", newTag: v1}\nx: *e\n", ErrForm, "alias"},
		"list used elsewhere":  {"images: &e [{name: " + devpi + ", newTag: v1}]\nx: *e\n", ErrForm, "alias"},
		"tag used elsewhere":   {"images:\n- name: " + devpi + "\n  newTag: &t v1\n  digest: a\n- name: x\n  newTag: *t\n", ErrForm, "anchor &t"},
		"tag is an alias":      {"x: &t v1\nimages:\n- name: " + devpi + "\n  newTag: *t\n", ErrForm, "alias"},
		"merge":                {"x: &e {newTag: v1}\nimages:\n- name: " + devpi + "\n  <<: *e\n", ErrForm, "merge key"},
		"tagSuffix":            {"images:\n- " + entry + "  tagSuffix: -nix\n", ErrForm, "tagSuffix"},
		"tag is a block":       {"images:\n- name: " + devpi + "\n  newTag: |\n    v1\n", ErrForm, "block scalar"},
		"tag is empty":         {"images:\n- name: " + devpi + "\n  newTag:\n", ErrForm, "cannot be changed: its newTag is empty"},
		"explicit key":         {"images:\n- name: " + devpi + "\n  ? newTag\n  : v1\n", ErrForm, ""},
		"container is shared":  {"kind: Pod\nspec:\n  containers: [&c {image: " + devpi + "}]\n  initContainers: [*c]\n", ErrForm, "alias"},
		"twice":                {"images:\n- " + entry + "  newTag: v2\n", ErrSyntax, "twice"},
		"no YAML":              {"images: [{{ . }}\n", ErrSyntax, ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := File{"kustomization.yaml", []byte(c.text)}.PinImage(promoted)
			if out != nil || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

// FuzzPinImage checks the promises of PinImage with any file: the places name the image afterwards, and whole documents, compared as Go values, are
// otherwise the same.
func FuzzPinImage(f *testing.F) {
	for _, text := range []string{
		"images:\n- name: a/b\n  newTag: v1 # c\n\n  # d\n- name: x\n  newName: a/b\n  digest: 'y'\n",
		"{\"images\":[{\"name\":\"a/b\",\"newTag\":\"v1\"}]}",
		"kind: Pod\r\nspec:\r\n  containers:\r\n  - image: \"a/b:v1\" # c\r\n  initContainers: [{image: a/b}]\r\n",
		"\uFEFFimages: [{name: a/b\n  , newTag: \"\\u00e4\"}]\n--- &a\nimages:\n-\tname: a/b\n...\n--- \nkind: List\nitems: [*a]",
		"images:\n- name: a/b\n  newTag: v1 #@ x\n- name: a/b\n  newTag: '{{x'\n  digest: y\n--- \nkind: Pod\nspec: {containers: [{image: 'a/b:${X:=y}'}]}\n",
		"? images\n: - ? name\n    : a/b\n    ? newTag\n    : v1\n",
	} {
		f.Add([]byte(text))
	}
	to := Image{"a/b", "v2.0.0", newDigest}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		out, err := File{"kustomization.yaml", text}.PinImage(to)
		if !bytes.Equal(given, text) {
			t.Fatal("its input was changed")
		}
		if err != nil {
			var known *Error
			if !errors.As(err, &known) || out != nil {
				t.Fatalf("error %v, output %q", err, out)
			}
			return
		}
		before, err := File{"kustomization.yaml", text}.Images(to.Name)
		after, errAfter := File{"kustomization.yaml", out}.Images(to.Name)
		if err != nil || errAfter != nil || len(before) != len(after) || slices.ContainsFunc(after, func(u ImageUse) bool { return !u.Template && u.Image != to }) {
			t.Fatalf("was %v, %v; is %v, %v", before, err, after, errAfter)
		}
		if again, err := (File{"kustomization.yaml", out}).PinImage(to); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("again: %q, %v", again, err)
		}
		was, wasErr := values(text)
		is, isErr := values(out)
		if (wasErr == nil) != (isErr == nil) {
			t.Fatalf("%v before, %v after", wasErr, isErr)
		}
		if a, b := without(was, to.Name), without(is, to.Name); wasErr == nil && !reflect.DeepEqual(a, b) {
			t.Fatalf("was %v, is %v", a, b)
		}
	})
}

// without leaves out the parts of a value that state the version of an image.
func without(v any, name string) any {
	switch v := v.(type) {
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = without(v[i], name)
		}
		return all
	case map[string]any:
		all := map[any]any{}
		for key, value := range v {
			all[key] = value
		}
		return without(all, name)
	case map[any]any: // has a key that is not a string
		all := map[any]any{}
		ours := v["newName"] == name || v["name"] == name
		for key, value := range v {
			text, isText := value.(string)
			switch {
			case ours && (key == "newTag" || key == "digest"):
			case key == "image" && isText && splitImage(text).Name == name:
			default:
				all[key] = without(value, name)
			}
		}
		return all
	}
	return v
}

// Values that a tool fills in later are not overwritten: the text stays the same, byte for byte.
func TestPinImageOfTemplates(t *testing.T) {
	const pod = "kind: Pod\nspec:\n  containers:\n  - image: "
	for name, text := range map[string]string{
		"Helm, Argo CD": pod + devpi + ":{{ .Values.tag }}\n",
		"quoted":        pod + "'" + devpi + ":{{tag}}'\n",
		"digest":        pod + devpi + ":v1.0.0@{{ .Values.digest }}\n",
		"envsubst":      pod + devpi + ":${TAG}\n",
		"Flux":          pod + devpi + ":${TAG:=v1.0.0}\n",
		"a variable":    pod + devpi + ":$(TAG)\n",
		"ERB":           pod + devpi + ":<%= tag %>\n",
		"Jinja":         pod + "\"" + devpi + ":{% if a %}v1{% endif %}\"\n",
		"ytt":           pod + devpi + ":v1.0.0 #@ data.values.tag\n",
		"newTag":        "images:\n- name: " + devpi + "\n  newTag: '{{ .Values.tag }}'\n",
		"newTag, ytt":   "images:\n- name: " + devpi + "\n  newTag: v1.0.0 #@ data.values.tag\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := File{"kustomization.yaml", []byte(text)}
			if uses, err := f.Images(devpi); err != nil || len(uses) != 1 || !uses[0].Template {
				t.Errorf("%+v, %v", uses, err)
			}
			if out, err := f.PinImage(promoted); out != nil || !errors.Is(err, ErrNone) {
				t.Errorf("%q, %v", out, err)
			}
			beside := File{"kustomization.yaml", []byte("images:\n- name: " + devpi + "\n  newTag: v0.1.0\n  digest: " + oldDigest + "\n---\n" + text)}
			out, err := beside.PinImage(promoted)
			if err != nil || !bytes.HasSuffix(out, []byte("\n---\n"+text)) || !bytes.Contains(out, []byte("newTag: v1.1.0\n")) {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

// Other files without a kind may have a list called images, too.
func TestPinImageOfOthers(t *testing.T) {
	text := []byte("images:\n- name: " + devpi + "\n  tag: v1.0.0\n")
	if out, err := (File{"argocd/values.yaml", text}).PinImage(promoted); out != nil || !errors.Is(err, ErrNone) {
		t.Errorf("values of a chart: %q, %v", out, err)
	}
	if over, err := (File{"argocd/values.yaml", text}).Renames(devpi); over || err != nil {
		t.Errorf("values of a chart count before fields: %v", err)
	}
	if out, err := (File{"argocd/Kustomization", text}).PinImage(promoted); err != nil || bytes.Equal(out, text) {
		t.Errorf("a kustomization: %q, %v", out, err)
	}
}
