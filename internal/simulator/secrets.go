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

// The secret stores, from which a function gets the key for its vendor. Each
// has its own wire and its own signature; all serve one set of secrets, so that
// what holds at one store can be tried at every other. No rate limits them, no
// fault but secrets-down hits them, and their calls are in no counter but
// SecretReads.

// secretSet is the secrets by name, and whether their stores are down.
type secretSet struct {
	mu     sync.Mutex
	byName map[string][]secretVersion // oldest first, the last is the current one
	down   bool
	reads  int
}

// secretVersion is a text that a secret has or had.
type secretVersion struct {
	number  int // from 1
	text    string
	created time.Time
	current bool
	former  bool // the current one until the last SetSecret
}

// label is the version's id where ids are free to choose: v1, v2, and so on.
func (v secretVersion) label() string { return fmt.Sprintf("v%d", v.number) }

// SetSecret gives a secret a new current version, and makes the secret where
// there is none. The versions before can still be asked for.
func (s *Simulator) SetSecret(name, text string) {
	set := &s.secrets
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.byName == nil {
		set.byName = make(map[string][]secretVersion)
	}
	set.byName[name] = append(set.byName[name], secretVersion{
		number: len(set.byName[name]) + 1, text: text, created: s.now(),
	})
}

// RemoveSecret removes a secret with all its versions.
func (s *Simulator) RemoveSecret(name string) {
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	delete(s.secrets.byName, name)
}

// SetStoreDown says whether every secret store answers with its vendor's
// internal error, to anybody.
func (s *Simulator) SetStoreDown(down bool) {
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	s.secrets.down = down
}

// SecretReads is how many calls were answered with the text of a secret, by all
// stores together.
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

// versions returns all versions of a secret, none for one that there is not.
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

// find returns the version that a test picks.
func find(versions []secretVersion, picks func(secretVersion) bool) (secretVersion, bool) {
	if i := slices.IndexFunc(versions, picks); i >= 0 {
		return versions[i], true
	}
	return secretVersion{}, false
}

// tell returns the text of a version that is going to be answered.
func (set *secretSet) tell(v secretVersion) string {
	set.mu.Lock()
	defer set.mu.Unlock()
	set.reads++
	return v.text
}

// storeOf returns what serves a call to a secret store, nil for any other call.
// The vendors have a host for each service; on one port the header or the path
// that names the call has to tell.
func (s *Simulator) storeOf(r *http.Request) func(http.ResponseWriter, *http.Request, []byte) {
	switch {
	case r.URL.Path == "/" && r.Header.Get("X-Amz-Target") != "":
		return s.serveAWS
	case r.URL.Path == "/" && (r.Header.Get("X-TC-Action") == ssmAction || r.Header.Get("X-TC-Version") == ssmVersion):
		return s.serveSSM
	case strings.HasPrefix(r.URL.Path, csmsPrefix):
		return s.serveCSMS
	}
	return nil
}

// sum is a number that looks random, of 32 bytes, and is the same for the same
// seed and texts.
func (s seed) sum(texts ...string) [sha256.Size]byte {
	return sha256.Sum256([]byte(fmt.Sprintf("%d\x00%s", uint64(s), strings.Join(texts, "\x00"))))
}

// asUUID is an id in the looks of a random UUID.
func asUUID(b [sha256.Size]byte) string {
	return fmt.Sprintf("%x-%x-4%03x-a%03x-%x", b[0:4], b[4:6], uint16(b[6])<<4|uint16(b[7])>>4, uint16(b[8])<<4|uint16(b[9])>>4, b[10:16])
}
