package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// macLabel keeps what is derived here apart from everything else that may ever
// be derived of the same key (RFC 5869, 3.2).
const macLabel = "latchkey mac v1"

// MAC is what only the holder of the keyset can make of the parts: HMAC-SHA-256
// in base64url, under a key that is derived of the current one. Purpose keeps
// apart what is made for different ends.
func (b *Box) MAC(purpose string, parts ...string) string {
	r := b.ring.Load()
	return encodeMAC(r.macs[r.primary], purpose, parts)
}

// CheckMAC reports whether one of the keys of the keyset made the MAC: a
// rotation of the keyset does not end what was made before it.
func (b *Box) CheckMAC(mac, purpose string, parts ...string) bool {
	found := false
	for _, key := range b.ring.Load().macs {
		if hmac.Equal([]byte(encodeMAC(key, purpose, parts)), []byte(mac)) {
			found = true
		}
	}
	return found
}

// encodeMAC writes every part with its length: without that, ("ab", "c") and
// ("a", "bc") would have one MAC.
func encodeMAC(key []byte, purpose string, parts []string) string {
	h := hmac.New(sha256.New, key)
	for _, s := range append([]string{purpose}, parts...) {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(s))) // #nosec G115 -- names, ids and hashes, a few bytes
		h.Write(size[:])
		h.Write([]byte(s))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// macKeys derives one key of each enabled key of the keyset, by its number.
func macKeys(handle *keyset.Handle) (map[uint32][]byte, error) {
	var memory bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&memory)); err != nil {
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	set, err := keyset.NewBinaryReader(&memory).Read()
	if err != nil {
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	keys := map[uint32][]byte{}
	for i, k := range set.GetKey() {
		if entry, err := handle.Entry(i); err != nil || entry.KeyStatus() != keyset.Enabled {
			continue
		}
		key, err := hkdf.Key(sha256.New, k.GetKeyData().GetValue(), nil, macLabel, sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive a key: %w", err)
		}
		keys[k.GetKeyId()] = key
	}
	return keys, nil
}
