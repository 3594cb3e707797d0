// Package localdb runs a private PostgreSQL and a private redis-server from
// the binaries on the machine, for a first try, the demo and the tests. The
// engines are the ones used in production; only who starts them differs.
//
// A server belongs to a directory. The first process that asks starts it, a
// second one with the same directory uses it, and takes over when the first
// ends. A server never outlives the last process that asked for it, however
// that process ended. Linux only.
package localdb
