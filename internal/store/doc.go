// Package store keeps named objects: in a folder of this machine, or in a bucket
// that speaks S3 (AWS S3, Tencent COS, Huawei OBS).
//
// It is a plain place: names, bytes, and whether something is there. It has no
// locks, no transactions over two objects and no versions, and it knows nothing of
// runs or customers. What is built on it must be right when any one operation
// fails, when one that failed took effect all the same, and when the process ends
// between any two of them.
//
// A Store is opened by its URL:
//
//	file:///var/lib/partnerlens
//	s3://bucket/prefix?region=eu-central-1
//	s3://bucket-1250000000/prefix?region=ap-singapore&endpoint=https://cos.ap-singapore.myqcloud.com
//	s3://bucket/prefix?region=cn-north-4&endpoint=https://obs.cn-north-4.myhuaweicloud.com
//
// with, for buckets, path_style=true|false, sse=AES256|aws:kms and kms_key= as
// wanted. Keys come from the environment, never from the URL.
//
// What a process that was killed leaves behind is never seen by a reader. A folder
// is cleaned of it by a later Open. Parts of an upload stay in a bucket, and are paid
// for, until a lifecycle rule of the bucket aborts incomplete multipart uploads: set
// one.
//
// storetest is the law that every Store keeps. internal/app and what is built on
// stores may import this package; it imports none of its siblings, logs nothing, and no
// error of it holds a key, a signed URL or what an object holds.
package store
