package secret

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParseNamed(t *testing.T) {
	got, err := ParseNamed("shop-token=env://SHOP,npm.rc=file://secrets/a=b,otp=op://v/i/f?attribute=otp")
	if err != nil || len(got) != 3 || got["shop-token"].String() != "env://SHOP" || got["npm.rc"].String() != "file://secrets/a=b" || got["otp"].String() != "op://v/i/f?attribute=otp" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ParseNamed(""); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", slices.Sorted(maps.Keys(got)), err)
	}
	for list, want := range map[string]string{
		"hunter2":                "must be ID=REFERENCE",
		"=env://A":               "must be ID=REFERENCE",
		"a b=env://A":            "must be ID=REFERENCE",
		"a=env://A,":             "must be ID=REFERENCE",
		"a=file://x,y":           "must be ID=REFERENCE",
		"a=hunter2":              "secret a of the build: not a secret reference (7 characters)",
		"a=":                     "secret a of the build: not a secret reference",
		"a=env://A,a=env://B":    "secret a of the build is given twice",
		"a=env://A,b=op://vault": "secret b of the build: secret reference \"op://vault\": has 1 parts",
	} {
		if got, err := ParseNamed(list); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, %v; want an error with %q", list, got, err, want)
		}
	}
}
