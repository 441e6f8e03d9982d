// Package store keeps named objects in a folder of this machine or in a bucket of an
// S3-compatible service (AWS S3, Tencent COS, Huawei OBS).
//
// It has no locks, no versions and no transactions over two objects, and it knows nothing
// of runs or customers. Code built on it must be correct if any one operation fails, if
// an operation that failed has taken effect, and if the process ends between any two of
// them.
//
// A Store is opened by its URL:
//
//	file:///var/lib/partnerlens
//	s3://bucket/prefix?region=eu-central-1
//	s3://bucket-1250000000/prefix?region=ap-singapore&endpoint=https://cos.ap-singapore.myqcloud.com
//	s3://bucket/prefix?region=cn-north-4&endpoint=https://obs.cn-north-4.myhuaweicloud.com
//
// For buckets, path_style=true|false, sse=AES256|aws:kms and kms_key= are optional. Keys
// come from the environment, never from the URL.
//
// Readers never see what a killed process leaves behind. A later Open of a folder removes
// it. Parts of an upload stay in a bucket, and are billed, until a lifecycle rule of the
// bucket aborts incomplete multipart uploads: set one.
//
// The conformance suite in conformance_test.go checks every Store. The package logs
// nothing, and its errors hold no key, no signed URL and no content of an object.
package store
