package cluster

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// complete checks a configuration and fills in what was left out.
func (c *RedisConfig) complete() error {
	if c.Prefix == "" {
		c.Prefix = "latchkey:"
	}
	if c.Timeout == 0 {
		c.Timeout = 100 * time.Millisecond
	}
	if c.Skew == 0 {
		c.Skew = 2 * time.Second
	}
	if c.Epoch == nil {
		c.Epoch = func() (string, time.Time) { return "", time.Time{} }
	}
	if c.Nodes == nil {
		c.Nodes = func() int { return 1 }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case strings.ContainsAny(c.Prefix, "{}"):
		return fmt.Errorf("redis: the prefix %q must not contain braces", c.Prefix)
	case c.Window <= 0 || c.Timeout < 0 || c.Skew < 0:
		return errors.New("redis: window, timeout and skew must be positive")
	}
	return nil
}

// errRedisURL does not quote the URL: what cannot be read may be a password.
var errRedisURL = errors.New("redis: the URL cannot be read; it must look like rediss://USER:PASSWORD@HOST:6379/0, with special characters of the password as %XX")

// redisOption reads the URL of a server.
func redisOption(address, caFile string) (rueidis.ClientOption, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "unix" && u.Hostname() == "" {
		return rueidis.ClientOption{}, errRedisURL
	}
	if u.Query().Has("skip_verify") {
		return rueidis.ClientOption{}, errors.New("redis: skip_verify would let anybody answer for Redis; give the file of the CA's certificate instead")
	}
	o, err := rueidis.ParseURL(address)
	if err != nil {
		return rueidis.ClientOption{}, errRedisURL
	}
	o.DisableCache, o.DisableRetry = true, true
	o.ClientName = "latchkey"
	o.Dialer.Timeout, o.ConnWriteTimeout = 2*time.Second, 2*time.Second
	if caFile == "" {
		return o, nil
	}
	if o.TLSConfig == nil {
		return rueidis.ClientOption{}, errors.New("redis: there is a CA file, but the URL does not begin with rediss://")
	}
	text, err := os.ReadFile(caFile)
	if err != nil {
		return rueidis.ClientOption{}, fmt.Errorf("redis: reading the CA file: %w", err)
	}
	o.TLSConfig.RootCAs = x509.NewCertPool()
	if !o.TLSConfig.RootCAs.AppendCertsFromPEM(text) {
		return rueidis.ClientOption{}, fmt.Errorf("redis: there is no certificate in %s", caFile)
	}
	return o, nil
}

// lanes divide the buckets. The keys of one lane share a hash tag, so a Redis
// Cluster keeps them on one server; it can use up to so many primaries.
const lanes = 16

// lane is what the names of its keys begin with.
func (r *Redis) lane(number int) string { return r.Prefix + "{" + strconv.Itoa(number) + "}" }

// names are the keys of points, place and epoch.
func (r *Redis) names(bucket string, once [32]byte) []string {
	points := sha256.Sum256([]byte(bucket))
	place := sha256.Sum256(append([]byte(bucket), once[:]...))
	lane := r.lane(int(points[0]) % lanes)
	name := func(kind string, sum [32]byte) string {
		return lane + kind + base64.RawURLEncoding.EncodeToString(sum[:16])
	}
	return []string{name("points:", points), name("seen:", place), lane + "epoch"}
}
