package simulator

// keyring returns the secret of a key and the token that must come with it.
type keyring func(id string) (secret, token string, known bool)

// tencentKey is Tencent's keyring. A key that a fault has revoked is unknown.
func (s *Simulator) tencentKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, s.counters.signedTencent.Load(), s.counters.temporaryTencent.Load())
}

// huaweiKey is Huawei's keyring, whose calls are counted apart.
func (s *Simulator) huaweiKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, s.counters.signedHuawei.Load(), s.counters.temporaryHuawei.Load())
}

// storeKey is the keyring of all secret stores, where no fault revokes a key.
func (s *Simulator) storeKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, 0, 0)
}

// revokedAfter is how many signed calls a key is good for, at each vendor, before
// a fault revokes it.
const revokedAfter = 5

// noToken is a token that no header can hold.
const noToken = "\x00"

// lookUp finds a key after so many calls with it. The fault key-revoked spares the
// key of RotateKey.
func (s *Simulator) lookUp(id string, signed, temporary int64) (secret, token string, known bool) {
	if key := s.key.Load(); id == key.id {
		return key.secret, "", key.rotated || !s.faults["key-revoked"] || signed < revokedAfter
	}
	switch id {
	case NoAuthKeyID:
		return KeySecret, "", true
	case TempKeyID:
		if s.faults["token-expires"] && temporary >= revokedAfter {
			return TempKeySecret, noToken, true
		}
		return TempKeySecret, Token, true
	}
	return "", "", false
}

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
