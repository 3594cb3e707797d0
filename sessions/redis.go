package sessions

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var _ Tier = (*RedisStore)(nil)

// RedisStore keeps each state in one Redis string. The Redis may be single,
// behind Sentinel or a Cluster: every command names one key.
type RedisStore struct{ client redis.UniversalClient }

// NewRedisStore returns a store on client; RedisOptions has fitting settings.
func NewRedisStore(client redis.UniversalClient) *RedisStore { return &RedisStore{client: client} }

// RedisOptions returns the settings a live dialogue needs: an operator waits 5
// to 15 s for a screen, so a Redis that does not answer must be given up in
// well under 1 s. Callers may add credentials, TLS and a Sentinel name.
func RedisOptions(addrs ...string) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs:           addrs,
		DialTimeout:     300 * time.Millisecond,
		ReadTimeout:     200 * time.Millisecond,
		WriteTimeout:    200 * time.Millisecond,
		PoolTimeout:     200 * time.Millisecond,
		MaxRetries:      1,
		MinRetryBackoff: 8 * time.Millisecond,
		MaxRetryBackoff: 32 * time.Millisecond,
		DialerRetries:   1,
		// Deadlines of the step apply to the socket as well.
		ContextTimeoutEnabled: true,
	}
}

// name is the Redis key. The braces keep all keys of a person in one Cluster
// slot.
func name(key string) string { return "u:{" + key + "}" }

// luaRead leaves the version and the kept replies of the stored value in ver
// and kept; a value too short to be one counts as none.
const luaRead = `
local cur = redis.call('GET', KEYS[1])
local ver, kept = string.rep('\0', 8), {}
if cur and #cur >= 9 then
  ver = string.sub(cur, 1, 8)
  local at = 10
  for i = 1, math.min(string.byte(cur, 9), 3) do
    local hi, lo = string.byte(cur, at + 8, at + 9)
    if not lo then break end
    local last = at + 9 + hi * 256 + lo
    if last > #cur then break end
    kept[i] = string.sub(cur, at, last)
    at = last + 1
  end
end
`

// ARGV: version read, version to set, request mark, kept entry of this reply,
// state, time to live in ms.
var commitScript = redis.NewScript(luaRead + `
for i = 1, #kept do
  if string.sub(kept[i], 1, 8) == ARGV[3] then
    return {'replayed', ver, string.sub(kept[i], 11)}
  end
end
if ver ~= ARGV[1] then return {'conflict', ver, ''} end
local n, old = 1, ''
for i = 1, math.min(#kept, 2) do n = n + 1; old = old .. kept[i] end
redis.call('SET', KEYS[1], ARGV[2] .. string.char(n) .. ARGV[4] .. old .. ARGV[5], 'PX', ARGV[6])
return {'applied', ARGV[2], ''}
`)

// Versions are compared as strings: big endian, so their order is that of the
// numbers.
var installScript = redis.NewScript(luaRead + `
if ver >= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`)

var deleteScript = redis.NewScript(luaRead + `
if not cur then return 1 end
if ver ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
`)

// Load implements Store.
func (r *RedisStore) Load(ctx context.Context, key string) (State, error) {
	b, err := r.client.Get(ctx, name(key)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return State{}, ErrNone
	case err != nil:
		return State{}, fmt.Errorf("sessions: load from redis: %w", err)
	}
	return Unmarshal(b)
}

// Commit implements Store.
func (r *RedisStore) Commit(ctx context.Context, key string, prev uint64, next []byte, ttl time.Duration,
	requestKey string, reply []byte,
) (Outcome, error) {
	if err := checkCommit(ttl, requestKey, reply); err != nil {
		return Outcome{}, err
	}
	mark := MarkOf(requestKey)
	got, err := commitScript.Run(ctx, r.client, []string{name(key)},
		version(prev), version(prev+1), mark[:], appendKept(nil, Kept{Mark: mark, Reply: reply}),
		next, ttl.Milliseconds()).StringSlice()
	if err != nil {
		return Outcome{}, fmt.Errorf("sessions: commit to redis: %w", err)
	}
	if len(got) != 3 || len(got[1]) != versionLen {
		return Outcome{}, fmt.Errorf("sessions: commit to redis: %w", ErrCorrupt)
	}
	out := Outcome{Version: binary.BigEndian.Uint64([]byte(got[1]))}
	switch got[0] {
	case "applied":
		out.Kind, out.Reply = Applied, reply
	case "replayed":
		out.Kind, out.Reply = Replayed, []byte(got[2])
	default:
		out.Kind = Conflict
	}
	return out, nil
}

// Delete implements Store.
func (r *RedisStore) Delete(ctx context.Context, key string, prev uint64) error {
	gone, err := deleteScript.Run(ctx, r.client, []string{name(key)}, version(prev)).Bool()
	switch {
	case err != nil:
		return fmt.Errorf("sessions: delete in redis: %w", err)
	case !gone:
		return ErrConflict
	}
	return nil
}

// Install implements Tier.
func (r *RedisStore) Install(ctx context.Context, key string, s State, ttl time.Duration) (bool, error) {
	if ttl < time.Millisecond {
		return false, ErrTTL
	}
	done, err := installScript.Run(ctx, r.client, []string{name(key)},
		version(s.Version), s.Marshal(), ttl.Milliseconds()).Bool()
	if err != nil {
		return false, fmt.Errorf("sessions: install in redis: %w", err)
	}
	return done, nil
}

func version(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
