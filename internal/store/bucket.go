package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// partSize is the size of a part, which is held in memory. S3 accepts 10,000 parts of at
// least 5 MiB.
const partSize = 8 << 20

// bucket is a Store in a bucket. It uses what AWS, COS and OBS have in common: lists by
// marker (ListObjects, not version 2), deletes one object at a time, and sends no
// checksums beyond the signature's.
type bucket struct {
	client *s3.Client
	place  *place
}

func openBucket(p *place, opts Options) Store {
	connections := opts.Transport
	if connections == nil {
		pool := transport.NewPool()
		pool.ResponseHeaderTimeout = 30 * time.Second
		pool.ExpectContinueTimeout = time.Second // the SDK asks before it sends a large body
		connections = pool
	}
	options := s3.Options{
		Region:       p.region,
		UsePathStyle: p.pathStyle,
		Credentials:  keys(p, opts.Getenv),
		HTTPClient:   &sender{http.Client{Transport: connections, CheckRedirect: stay}},
		// COS and OBS reject the checksums that the SDK adds by default since version
		// 1.73, or store them in the object.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = 4, 5*time.Second
			// AWS asks to retry conditional writes that conflict.
			o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"ConditionalRequestConflict": {}}})
		}),
		DisableLogOutputChecksumValidationSkipped: true,
		DisableMultiRegionAccessPoints:            true,
		DisableS3ExpressSessionAuth:               aws.Bool(true),
	}
	if p.endpoint != nil {
		options.BaseEndpoint = aws.String(p.endpoint.String())
	}
	return &bucket{s3.New(options), p}
}

// stay follows no redirect: a signature is valid for one host, and the key is for no other.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// sender sends the SDK's requests, and counts the attempts of each operation.
type sender struct{ client http.Client }

type attempts struct{}

func counting(ctx context.Context) (context.Context, *int) {
	n := new(int)
	return context.WithValue(ctx, attempts{}, n), n
}

func (s *sender) Do(r *http.Request) (*http.Response, error) {
	if n, ok := r.Context().Value(attempts{}).(*int); ok {
		*n++
	}
	resp, err := s.client.Do(r)
	if err == nil && resp.StatusCode >= 300 {
		resp.Body = struct { // the SDK reads the whole of it into memory
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, 1<<20), resp.Body}
	}
	return resp, err
}

func (b *bucket) key(name string) *string { return aws.String(b.place.prefix + name) }

func (b *bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := check(ctx, "Get", name); err != nil {
		return nil, err
	}
	ctx, tries := counting(ctx)
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.place.bucket, Key: b.key(name)})
	if err != nil {
		return nil, b.fail(ctx, "Get", name, *tries, err)
	}
	if out.ContentLength == nil {
		_ = out.Body.Close()
		return nil, failure("Get", name, &core.Error{Code: core.CodeUpstream, Detail: "the store did not say how long it is, so that a cut could not be noticed; check for a proxy in between"})
	}
	size, tag := *out.ContentLength, aws.ToString(out.ETag)
	return &body{ctx: ctx, name: name, from: out.Body, size: size, fail: networkError, rest: func(at int64) (io.ReadCloser, error) {
		return b.rest(ctx, name, tag, at, size)
	}}, nil
}

// rest opens an object at a byte, if it still has the tag.
func (b *bucket) rest(ctx context.Context, name, tag string, at, size int64) (io.ReadCloser, error) {
	if tag == "" { // the object could have been replaced
		return nil, replaced(name)
	}
	ctx, tries := counting(ctx)
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.place.bucket, Key: b.key(name), IfMatch: &tag, Range: aws.String(fmt.Sprintf("bytes=%d-", at)),
	})
	switch {
	case statusOf(err) == http.StatusPreconditionFailed, statusOf(err) == http.StatusRequestedRangeNotSatisfiable:
		return nil, replaced(name)
	case err != nil:
		return nil, b.fail(ctx, "Get", name, *tries, err)
	}
	length := aws.ToInt64(out.ContentLength)
	switch {
	case aws.ToString(out.ETag) != tag:
	case out.ContentRange == nil && length == size: // a server without ranges sends the whole object
		if _, err := io.CopyN(io.Discard, out.Body, at); err != nil {
			_ = out.Body.Close()
			return nil, failure("Get", name, networkError(err))
		}
		return out.Body, nil
	case strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-%d/", at, size-1)) && length == size-at:
		return out.Body, nil
	}
	_ = out.Body.Close()
	return nil, replaced(name)
}

func (b *bucket) PutNew(ctx context.Context, name string, body []byte) error {
	if err := check(ctx, "PutNew", name); err != nil {
		return err
	}
	// Other services may ignore the condition and overwrite: look first, which leaves
	// concurrent calls only.
	if !b.place.isAWS() && !b.place.isCOS() {
		switch there, err := b.exists(ctx, name); {
		case err != nil:
			return err
		case there:
			return ErrExists
		}
	}
	in := b.put(name, body)
	in.IfNoneMatch = aws.String("*")
	var headers []func(*s3.Options)
	if b.place.isCOS() {
		headers = append(headers, s3.WithAPIOptions(smithyhttp.SetHeaderValue("x-cos-forbid-overwrite", "true")))
	}
	counted, tries := counting(ctx)
	_, err := b.client.PutObject(counted, in, headers...)
	if codeOf(err) == "NotImplemented" { // the condition; exists has looked
		_, err = b.client.PutObject(counted, b.put(name, body))
	}
	switch code := codeOf(err); {
	case err == nil:
		return nil
	case statusOf(err) == http.StatusPreconditionFailed, statusOf(err) == http.StatusConflict && code != "ConditionalRequestConflict" && code != "OperationAborted":
		if *tries > 1 && b.holds(ctx, name, body) { // an earlier attempt stored it, and its answer got lost
			return nil
		}
		return ErrExists
	}
	return b.fail(ctx, "PutNew", name, *tries, err)
}

func (b *bucket) exists(ctx context.Context, name string) (bool, error) {
	ctx, tries := counting(ctx)
	_, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.place.bucket, Key: b.key(name)})
	switch {
	case err == nil:
		return true, nil
	case statusOf(err) == http.StatusNotFound:
		return false, nil
	}
	return false, b.fail(ctx, "PutNew", name, *tries, err)
}

func (b *bucket) holds(ctx context.Context, name string, want []byte) bool {
	from, err := b.Get(ctx, name)
	if err != nil {
		return false
	}
	got, err := io.ReadAll(io.LimitReader(from, int64(len(want))+1))
	_ = from.Close()
	return err == nil && bytes.Equal(got, want)
}

// put returns the request that stores a small object.
func (b *bucket) put(name string, body []byte) *s3.PutObjectInput {
	in := &s3.PutObjectInput{Bucket: &b.place.bucket, Key: b.key(name), Body: bytes.NewReader(body)}
	in.ServerSideEncryption, in.SSEKMSKeyId = b.encryption()
	return in
}

func (b *bucket) encryption() (types.ServerSideEncryption, *string) {
	if b.place.kmsKey == "" {
		return types.ServerSideEncryption(b.place.sse), nil
	}
	return types.ServerSideEncryption(b.place.sse), &b.place.kmsKey
}

func (b *bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(Object{}, failure("List", "", err))
			return
		}
		last := "" // the previous key
		for {
			if err := over(ctx, "List"); err != nil {
				yield(Object{}, err)
				return
			}
			page, err := b.page(ctx, b.place.prefix+prefix, last)
			if err != nil {
				yield(Object{}, err)
				return
			}
			for _, found := range page.Contents {
				last = *found.Key
				name := strings.TrimPrefix(last, b.place.prefix)
				if checkName(name) != nil {
					continue // the marker of a folder, or of another program
				}
				if err := over(ctx, "List"); err != nil {
					yield(Object{}, err)
					return
				}
				if !yield(Object{Name: name, Size: aws.ToInt64(found.Size), Modified: aws.ToTime(found.LastModified)}, nil) {
					return
				}
			}
			if !*page.IsTruncated {
				return
			}
		}
	}
}

// page returns the keys after one. It checks their order: a list out of order could lose
// objects, or never end.
func (b *bucket) page(ctx context.Context, prefix, after string) (*s3.ListObjectsOutput, error) {
	in := &s3.ListObjectsInput{Bucket: &b.place.bucket}
	if prefix != "" {
		in.Prefix = &prefix
	}
	if after != "" {
		in.Marker = &after
	}
	ctx, tries := counting(ctx)
	page, err := b.client.ListObjects(ctx, in)
	if err != nil {
		return nil, b.fail(ctx, "List", "", *tries, err)
	}
	if page.IsTruncated == nil { // required in a list; the SDK accepts any XML
		return nil, failure("List", "", noStore())
	}
	at := after
	wrong := slices.ContainsFunc(page.Contents, func(found types.Object) bool {
		before := at
		at = aws.ToString(found.Key)
		return at <= before || !strings.HasPrefix(at, prefix)
	})
	if wrong || *page.IsTruncated && at == after {
		return nil, failure("List", "", &core.Error{Code: core.CodeUpstream, Detail: "the store does not list in the order of names, as S3 does"})
	}
	return page, nil
}

func (b *bucket) Delete(ctx context.Context, name string) error {
	if err := check(ctx, "Delete", name); err != nil {
		return err
	}
	ctx, tries := counting(ctx)
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.place.bucket, Key: b.key(name)})
	if err == nil || codeOf(err) == "NoSuchKey" {
		return nil
	}
	return b.fail(ctx, "Delete", name, *tries, err)
}

func (b *bucket) Put(ctx context.Context, name string, write func(w io.Writer) error) error {
	if err := check(ctx, "Put", name); err != nil {
		return err
	}
	u := &upload{ctx: ctx, bucket: b, name: name}
	defer u.abort()
	if err := writeTo(ctx, "Put", u, write); err != nil {
		return err
	}
	return u.finish()
}

// upload writes an object: by one request, or, if it is larger than a part, in parts.
type upload struct {
	ctx    context.Context
	bucket *bucket
	name   string

	id   *string // of the multipart upload in progress, if there is one
	part []byte  // the part in progress
	sent []types.CompletedPart
}

const maxParts = 10_000

func (u *upload) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		if len(u.part) == partSize {
			if err := u.send(); err != nil {
				return written, err
			}
		}
		n := min(len(p), partSize-len(u.part))
		if need := len(u.part) + n; need > cap(u.part) { // double it, up to a part
			u.part = append(make([]byte, 0, min(partSize, max(need, 2*cap(u.part), 32<<10))), u.part...)
		}
		u.part = append(u.part, p[:n]...)
		p, written = p[n:], written+n
	}
	return written, nil
}

// send uploads the part, and reuses its memory: the SDK retains none of it after the call.
func (u *upload) send() error {
	b := u.bucket
	ctx, tries := counting(u.ctx)
	if u.id == nil {
		in := &s3.CreateMultipartUploadInput{Bucket: &b.place.bucket, Key: b.key(u.name)}
		in.ServerSideEncryption, in.SSEKMSKeyId = b.encryption()
		out, err := b.client.CreateMultipartUpload(ctx, in)
		if err != nil {
			return b.fail(ctx, "Put", u.name, *tries, err)
		}
		u.id = out.UploadId
	}
	if len(u.sent) == maxParts {
		return failure("Put", u.name, &core.Error{Code: core.CodeTooLarge, Detail: fmt.Sprintf("the object is larger than %d GiB", maxParts*partSize>>30)})
	}
	number := aws.Int32(int32(len(u.sent) + 1))
	ctx, tries = counting(u.ctx)
	out, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.place.bucket, Key: b.key(u.name), UploadId: u.id, PartNumber: number, Body: bytes.NewReader(u.part),
	})
	if err != nil {
		return b.fail(ctx, "Put", u.name, *tries, err)
	}
	u.sent = append(u.sent, types.CompletedPart{PartNumber: number, ETag: out.ETag})
	u.part = u.part[:0]
	return nil
}

func (u *upload) finish() (err error) {
	b := u.bucket
	if u.id != nil {
		if err := u.send(); err != nil {
			return err
		}
	}
	ctx, tries := counting(u.ctx)
	if u.id == nil {
		_, err = b.client.PutObject(ctx, b.put(u.name, u.part))
	} else {
		_, err = b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.place.bucket, Key: b.key(u.name), UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.sent},
		})
	}
	if err != nil {
		return b.fail(ctx, "Put", u.name, *tries, err)
	}
	u.id = nil
	return nil
}

// abort deletes the parts of an upload in progress, which are billed otherwise. It makes one
// short attempt, even if ctx is done.
func (u *upload) abort() {
	if u.id == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), 3*time.Second)
	defer cancel()
	_, _ = u.bucket.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &u.bucket.place.bucket, Key: u.bucket.key(u.name), UploadId: u.id,
	}, func(o *s3.Options) { o.RetryMaxAttempts = 1 })
}
