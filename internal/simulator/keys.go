package simulator

import "sync/atomic"

// keyring returns the secret of a key and the token that must come with it.
type keyring func(id string) (secret, token string, known bool)

// keyUses counts the signed calls at one vendor.
type keyUses struct {
	ordinary, temporary atomic.Int64
}

// revokedAfter is how many signed calls a key is good for, at each vendor, before
// a fault revokes it.
const revokedAfter = 5

// noToken is a token that no header can hold.
const noToken = "\x00"

// keys returns the keyring after the uses of its keys. No fault revokes a key that
// is not used. The fault key-revoked spares the key of RotateKey.
func (s *Simulator) keys(uses *keyUses) keyring {
	return func(id string) (secret, token string, known bool) {
		if key := s.key.Load(); id == key.id {
			return key.secret, "", key.rotated || !s.faults["key-revoked"] || uses.ordinary.Load() < revokedAfter
		}
		switch id {
		case NoAuthKeyID:
			return KeySecret, "", true
		case TempKeyID:
			if s.faults["token-expires"] && uses.temporary.Load() >= revokedAfter {
				return TempKeySecret, noToken, true
			}
			return TempKeySecret, Token, true
		}
		return "", "", false
	}
}

// storeKeys is the keyring of all secret stores.
func (s *Simulator) storeKeys() keyring { return s.keys(new(keyUses)) }

// ordinaryKey is the key that is neither temporary nor without permissions.
type ordinaryKey struct {
	id, secret string
	rotated    bool
}

// RotateKey replaces the ordinary key at both vendors and at every secret store.
// The previous id is unknown from then on; where only the secret is replaced,
// calls signed with the old one fail for the signature. Calls already
// authenticated are not disturbed. It may be called at any time.
func (s *Simulator) RotateKey(id, secret string) {
	s.key.Store(&ordinaryKey{id, secret, true})
}
