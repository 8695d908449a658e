package admin

import "testing"

// TestPlaces: a tenant's people take only theirs, all together only what there is, and
// what is given back can be taken again.
func TestPlaces(t *testing.T) {
	var p places
	for range maxTailsEach {
		if !p.take("acme") {
			t.Fatal("no place for acme")
		}
	}
	if p.take("acme") {
		t.Error("acme has more than its places")
	}
	for range maxTails - maxTailsEach {
		if !p.take("") {
			t.Fatal("no place for the installation")
		}
	}
	if p.take("") || p.take("globex") {
		t.Error("there are more places than there are")
	}
	p.free("acme")
	if !p.take("globex") {
		t.Error("a place that was given back is lost")
	}
	p.free("globex")
	if !p.take("acme") {
		t.Error("acme does not get its place back")
	}
}
