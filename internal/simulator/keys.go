package simulator

// keyring looks a key up: its secret, and the token that must come with it.
type keyring func(id string) (secret, token string, known bool)

// tencentKey is Tencent's keyring. A key that a fault has revoked is as unknown
// as one that never was.
func (s *Simulator) tencentKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, s.counters.signedTencent.Load(), s.counters.temporaryTencent.Load())
}

// huaweiKey is the same for the other vendor, whose calls are counted apart.
func (s *Simulator) huaweiKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, s.counters.signedHuawei.Load(), s.counters.temporaryHuawei.Load())
}

// storeKey is the keyring of all secret stores, which no fault revokes from.
func (s *Simulator) storeKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, 0, 0)
}

func (s *Simulator) lookUp(id string, signed, temporary int64) (secret, token string, known bool) {
	if ordinary := s.ordinary.Load(); id == ordinary.id {
		// The fault revokes the key that the simulator began with, not what
		// took its place.
		return ordinary.secret, "", ordinary.rotated || !s.standing.keyRevoked || signed < revokedAfter
	}
	switch id {
	case NoAuthKeyID:
		return KeySecret, "", true
	case TempKeyID:
		if s.standing.tokenExpires && temporary >= revokedAfter {
			return TempKeySecret, expiredForAll, true
		}
		return TempKeySecret, Token, true
	}
	return "", "", false
}

// expiredForAll is what no header can hold: the token has expired, and there is
// no other.
const expiredForAll = "\x00"

// ordinaryKey is the one key that is neither temporary nor without rights.
type ordinaryKey struct {
	id, secret string
	rotated    bool
}

// RotateKey puts another key in the place of the ordinary one, at both vendors
// and at every secret store. The one before is unknown from then on; where only
// its secret is replaced, calls signed with the old one fail for the signature.
// Calls already past the door are not disturbed. It may be called at any time,
// again and again.
func (s *Simulator) RotateKey(id, secret string) {
	s.ordinary.Store(&ordinaryKey{id, secret, true})
}
