package schema

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The schema and Version must be those of the SDK in go.mod: after an update, run `go generate` and make the recordings again.
func TestSchemaIsOfTheSDK(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "dagger.io/dagger").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != Version {
		t.Errorf("go.mod has the SDK %s, and Version says %s", got, Version)
	}
	fresh := filepath.Join(t.TempDir(), "schema.graphqls")
	if out, err := exec.Command("go", "run", "./gen", "-o", fresh).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err := os.ReadFile(fresh)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(source)) {
		t.Error("schema.graphqls is not what the SDK says: run go generate here")
	}
}

func TestSchemaLoads(t *testing.T) {
	s := Load()
	for _, typ := range []string{"Query", "Container", "Directory", "File", "Secret"} {
		if s.Types[typ] == nil {
			t.Errorf("the schema has no type %s", typ)
		}
	}
	if s.Mutation != nil {
		t.Error("the schema has mutations, and Dagger has none")
	}
}
