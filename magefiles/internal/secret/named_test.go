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
		"hunter2":                "expected ID=REFERENCE",
		"=env://A":               "expected ID=REFERENCE",
		"a b=env://A":            "expected ID=REFERENCE",
		"a=env://A,":             "expected ID=REFERENCE",
		"a=file://x,y":           "expected ID=REFERENCE",
		"a=hunter2":              "build secret a: not a secret reference (7 characters)",
		"a=":                     "build secret a: not a secret reference",
		"a=env://A,a=env://B":    "build secret a is given twice",
		"a=env://A,b=op://vault": "build secret b: secret reference \"op://vault\": has 1 parts",
	} {
		if got, err := ParseNamed(list); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, %v; want an error with %q", list, got, err, want)
		}
	}
}
