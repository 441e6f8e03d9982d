package store_test

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"partnerlens/internal/store"
	"partnerlens/internal/store/storetest"
)

func TestFolderKeepsTheLaw(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := store.Open("file://"+t.TempDir()+"/made/on/the/way", store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// testBucket gives the URL of a place of its own in the real server's bucket.
func testBucket(t *testing.T) string {
	t.Helper()
	text := os.Getenv("PARTNERLENS_TEST_S3")
	if text == "" {
		t.Skip("there is no S3 server to test with; run it with one: scripts/s3.sh go test ./internal/store/...")
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.Path += "/" + strings.ToLower(rand.Text())
	return u.String()
}

func TestBucketKeepsTheLaw(t *testing.T) {
	t.Parallel()
	testBucket(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := store.Open(testBucket(t), store.Options{Getenv: os.Getenv})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
