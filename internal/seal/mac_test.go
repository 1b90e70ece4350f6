package seal

import "testing"

func TestAMACIsOfItsPurposeItsPartsAndItsKeyset(t *testing.T) {
	b, path := newBox(t)
	mac := b.MAC("a", "bc", "d")
	for what, other := range map[string]string{
		"purpose": b.MAC("b", "bc", "d"), "parts": b.MAC("a", "b", "cd"), "fewer": b.MAC("a", "bc"), "moved": b.MAC("ab", "c", "d"),
	} {
		if other == mac {
			t.Errorf("another %s, and the same MAC", what)
		}
	}
	if !b.CheckMAC(mac, "a", "bc", "d") || b.CheckMAC(mac, "a", "bc", "e") || b.CheckMAC("", "a", "bc", "d") || b.CheckMAC(mac[1:], "a", "bc", "d") {
		t.Error("CheckMAC does not say what MAC made")
	}
	other, _ := newBox(t)
	if other.CheckMAC(mac, "a", "bc", "d") {
		t.Error("another keyset accepts the MAC")
	}
	again, err := LoadOrMake(path)
	if err != nil || again.MAC("a", "bc", "d") != mac {
		t.Errorf("the same keyset makes another MAC (%v)", err)
	}
}

// A rotation must not make every browser a stranger.
func TestAMACOutlivesARotation(t *testing.T) {
	b, _ := newBox(t)
	mac := b.MAC("a", "b")
	if err := b.Rotate(); err != nil {
		t.Fatal(err)
	}
	if !b.CheckMAC(mac, "a", "b") {
		t.Error("a MAC of the key before is refused")
	}
	if b.MAC("a", "b") == mac {
		t.Error("the new key makes the MAC of the old one")
	}
}
