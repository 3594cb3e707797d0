// Package sessions keeps the live state of a dialogue: one short-lived value
// under one key, changed only by a step that names the version it read.
//
// A step is Load, a pure transition by the caller, and Commit. Commit sets the
// value, its version, its time to live and the reply together, or nothing. Its
// outcome is one of three: Applied; Replayed, when this request was committed
// before (the stored reply is returned and nothing changes); Conflict, when
// another request came first (load again). The last three replies are kept, so
// that a network that repeats a request gets the same screen.
//
// What is stored is opaque here. Callers seal it (Sealer) and name it by a
// keyed hash (HashKey), so that neither numbers nor answers can be read in the
// store, its logs or its dumps.
//
// RedisStore is for any number of processes, MemoryStore for one. Failover puts
// a second store behind the first and carries on there while the first is gone.
package sessions
