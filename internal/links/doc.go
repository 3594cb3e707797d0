// Package links holds what staff want of the binds to the operators, and how
// the binds stand, in PostgreSQL: the back-office may run in another process
// than they do.
//
// A wish (run, pause, drain) is a row with a version. The processes that keep
// the bind hear of it at once, obey it, and find it again after a restart.
// They report how each bind stands every few seconds; a process that reports
// no more is told as stale.
package links
