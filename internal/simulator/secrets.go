package simulator

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The secret stores hold the vendors' keys. Each has its own protocol and its own
// signature; all serve one set of secrets. No rate limits them, no fault but
// secrets-down hits them, and only SecretReads counts their calls.

// secretSet is the secrets by name.
type secretSet struct {
	mu     sync.Mutex
	byName map[string][]secretVersion // oldest first, the last is the current one
	down   bool
	reads  int
}

// secretVersion is one version of a secret.
type secretVersion struct {
	number  int // from 1
	text    string
	created time.Time
	current bool
	former  bool // the one before the current one
}

// label returns the version's id at the stores that let the caller choose ids.
func (v secretVersion) label() string { return fmt.Sprintf("v%d", v.number) }

// SetSecret gives a secret a new current version, and makes the secret if there
// is none. Earlier versions remain available.
func (s *Simulator) SetSecret(name, text string) {
	set := &s.secrets
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.byName == nil {
		set.byName = make(map[string][]secretVersion)
	}
	set.byName[name] = append(set.byName[name], secretVersion{
		number: len(set.byName[name]) + 1, text: text, created: s.opts.Now(),
	})
}

// RemoveSecret removes a secret and all its versions.
func (s *Simulator) RemoveSecret(name string) {
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	delete(s.secrets.byName, name)
}

// SetStoreDown makes every secret store answer every call with its vendor's
// internal error, or stops that.
func (s *Simulator) SetStoreDown(down bool) {
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	s.secrets.down = down
}

// SecretReads returns how many answers of all stores had the text of a secret.
func (s *Simulator) SecretReads() int {
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	return s.secrets.reads
}

func (set *secretSet) isDown() bool {
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.down
}

// versions returns all versions of a secret, none for an unknown one.
func (set *secretSet) versions(name string) []secretVersion {
	set.mu.Lock()
	defer set.mu.Unlock()
	list := slices.Clone(set.byName[name])
	if n := len(list); n > 0 {
		list[n-1].current = true
		if n > 1 {
			list[n-2].former = true
		}
	}
	return list
}

// find returns the first version that matches.
func find(versions []secretVersion, matches func(secretVersion) bool) (secretVersion, bool) {
	if i := slices.IndexFunc(versions, matches); i >= 0 {
		return versions[i], true
	}
	return secretVersion{}, false
}

// read returns the text of a version and counts the read.
func (set *secretSet) read(v secretVersion) string {
	set.mu.Lock()
	defer set.mu.Unlock()
	set.reads++
	return v.text
}

// storeOf returns what answers a call to a secret store, nil for any other call.
// The vendors have a host for each service; on one port the header or the path
// that names the call decides.
func (s *Simulator) storeOf(r *http.Request) func(*http.Request, []byte) answer {
	switch {
	case r.URL.Path == "/" && r.Header.Get("X-Amz-Target") != "":
		return s.answerAWS
	case r.URL.Path == "/" && (r.Header.Get("X-TC-Action") == ssmAction || r.Header.Get("X-TC-Version") == ssmVersion):
		return s.answerSSM
	case strings.HasPrefix(r.URL.Path, csmsPrefix):
		return s.answerCSMS
	}
	return nil
}

// sum returns 32 bytes that look random and depend on the seed and texts alone.
func (s seed) sum(texts ...string) [sha256.Size]byte {
	return sha256.Sum256([]byte(fmt.Sprintf("%d\x00%s", uint64(s), strings.Join(texts, "\x00"))))
}

// stages returns the labels of a version: one, or none.
func stages(v secretVersion, current, former string) []string {
	switch {
	case v.current:
		return []string{current}
	case v.former:
		return []string{former}
	}
	return []string{}
}
