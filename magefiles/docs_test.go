//go:build mage

package main

import (
	"strings"
	"testing"
)

func TestTimeZones(t *testing.T) {
	for _, name := range []string{site.TimeZone, "Europe/Berlin", "Local", ""} {
		if _, err := (settings{TimeZone: name}).zone(); err != nil {
			t.Error(err)
		}
	}
	if _, err := (settings{TimeZone: "Europe/Nowhere"}).zone(); err == nil || !strings.Contains(err.Error(), "BLUMEOPS_TIME_ZONE") {
		t.Errorf("error %v; want it to name the setting", err)
	}
}
