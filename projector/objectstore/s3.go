package objectstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	awsEndpoint = "https://s3.amazonaws.com"
	// partSize is what a part of an object of unknown size takes in memory; 10,000
	// parts are the most there may be.
	partSize = 8 << 20
	// s3Tries is how often a request is sent that fails for a reason that may pass;
	// whoever asks tries again later anyway.
	s3Tries = 4
)

// S3 is a store in a bucket of a storage that speaks S3.
type S3 struct {
	client   *minio.Client
	location string
	bucket   string
	prefix   string // empty, or ends with a slash
}

// s3Place is a location, taken apart.
type s3Place struct {
	bucket, prefix, region string
	endpoint               *url.URL
}

func openS3(location string, env func(string) (string, bool)) (*S3, error) {
	p, err := parseS3(location, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(location), err)
	}
	client, err := minio.New(p.endpoint.Host, &minio.Options{
		Creds: credentialsOf(env), Secure: p.endpoint.Scheme == "https", Region: p.region, MaxRetries: s3Tries,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(location), err)
	}
	return &S3{client: client, location: location, bucket: p.bucket, prefix: p.prefix}, nil
}

func parseS3(location string, env func(string) (string, bool)) (p s3Place, err error) {
	u, err := url.Parse(location)
	if err != nil {
		return p, errors.New("not a URL")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return p, errors.New("what follows the ? cannot be read")
	}
	for key := range q {
		if key != "endpoint" && key != "region" {
			return p, fmt.Errorf("%q is neither endpoint nor region", key)
		}
	}
	p.bucket, p.prefix = u.Host, strings.Trim(u.Path, "/")
	switch {
	case u.User != nil:
		return p, errors.New("credentials do not belong into a location")
	case p.bucket == "" || u.Port() != "" || u.Fragment != "":
		return p, errors.New("want s3://bucket/prefix")
	case p.prefix != "" && !ValidName(p.prefix):
		return p, fmt.Errorf("%q is not a valid prefix", p.prefix)
	}
	if p.prefix != "" {
		p.prefix += "/"
	}
	p.region = cmp.Or(q.Get("region"), variable(env, "AWS_REGION"), variable(env, "AWS_DEFAULT_REGION"))
	endpoint := cmp.Or(q.Get("endpoint"), variable(env, "AWS_ENDPOINT_URL_S3"), variable(env, "AWS_ENDPOINT_URL"), awsEndpoint)
	p.endpoint, err = url.Parse(endpoint)
	if err == nil && p.endpoint.User != nil {
		return p, errors.New("credentials do not belong into an endpoint")
	}
	if err != nil || p.endpoint.Host == "" || (p.endpoint.Scheme != "https" && p.endpoint.Scheme != "http") || strings.Trim(p.endpoint.Path, "/") != "" {
		return p, errors.New("want an endpoint like https://host:port")
	}
	return p, nil
}

func variable(env func(string) (string, bool), name string) string {
	value, _ := env(name)
	return value
}

// credentialsOf takes what the variables say, else what the machine knows.
func credentialsOf(env func(string) (string, bool)) *credentials.Credentials {
	if id := variable(env, "AWS_ACCESS_KEY_ID"); id != "" {
		return credentials.NewStaticV4(id, variable(env, "AWS_SECRET_ACCESS_KEY"), variable(env, "AWS_SESSION_TOKEN"))
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
}

// String is the location.
func (s *S3) String() string { return s.location }

// Get implements [Reader].
func (s *S3) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	body, _, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, s.failed("get "+name, err)
	}
	return body, nil
}

// List implements [Reader].
func (s *S3) List(ctx context.Context, prefix string) ([]Object, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing after an error
	defer cancel()
	var out []Object
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, s.failed("list", o.Err)
		}
		if name := strings.TrimPrefix(o.Key, s.prefix); ValidName(name) {
			out = append(out, Object{Name: name, Size: o.Size})
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, s.failed("list", err)
	}
	slices.SortFunc(out, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Put implements [Writer]. What does not know its length is sent in parts, which
// become an object when the last is there.
func (s *S3) Put(ctx context.Context, name string, r io.Reader) error {
	if err := checkName(name); err != nil {
		return err
	}
	size := int64(-1)
	if known, ok := r.(interface{ Len() int }); ok {
		size = int64(known.Len())
	}
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, r, size, minio.PutObjectOptions{
		ContentType: "application/octet-stream", PartSize: partSize, NumThreads: 1,
	})
	if err != nil {
		return s.failed("put "+name, err)
	}
	return nil
}

// Delete implements [Writer].
func (s *S3) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{})
	if err = s.failed("delete "+name, err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// failed says what failed, and whether it is that there is no such object or bucket.
func (s *S3) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	switch r := minio.ToErrorResponse(err); {
	case r.StatusCode != http.StatusNotFound:
	case r.Code == minio.NoSuchKey:
		return fmt.Errorf("%s in %s: %w", what, s.location, ErrNotFound)
	case r.Code == minio.NoSuchBucket:
		return fmt.Errorf("%s in %s: %w", what, s.location, ErrNoBucket)
	}
	return fmt.Errorf("%s in %s: %w", what, s.location, err)
}
