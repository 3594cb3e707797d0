// Package acceptance holds what the whole must stand as a buyer would try it:
// the real binary in a process of its own, a real PostgreSQL and Redis, and
// the operator stand-in, whose ledger is the judge. docs/acceptance.md says
// which test is which.
package acceptance
