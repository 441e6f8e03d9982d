package simulator

// tencentKey looks a key up: its secret, and the token that must come with it.
// A key that a fault has revoked is as unknown as one that never was.
func (s *Simulator) tencentKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, s.counters.signedTencent.Load(), s.counters.temporaryTencent.Load())
}

// huaweiKey is the same for the other vendor, whose calls are counted apart.
func (s *Simulator) huaweiKey(id string) (secret, token string, known bool) {
	return s.lookUp(id, s.counters.signedHuawei.Load(), s.counters.temporaryHuawei.Load())
}

func (s *Simulator) lookUp(id string, signed, temporary int64) (secret, token string, known bool) {
	switch id {
	case KeyID:
		return KeySecret, "", !s.standing.keyRevoked || signed < revokedAfter
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
