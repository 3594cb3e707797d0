// Package schedule runs named jobs at their due instants, in one process of
// many.
//
// A lease row, renewed by the process that holds it, says who runs the jobs;
// its term grows with each holder. For each (job, due instant) there is one
// row, written before the job runs and finished after it:
//
//	no row ──claim──▶ under way ──done, or given up after 5 tries──▶ finished
//	                     │  ▲
//	       process died  └──┘ the next holder of the lease claims it again
//
// So every due instant is run at least once: late after a stop, never missing.
// It has its effect once if the job uses Run.Key as the key of its commands,
// or does its work in one transaction that begins with Run.Fence.
//
// What is assumed of clocks: leases are compared by the database's clock only;
// a holder that could not renew for the length of the lease, measured by its
// own monotonic clock, stops its jobs; should it be paused instead (SIGSTOP, a
// frozen machine), Fence refuses it when it returns. Due instants are in UTC,
// so no change of the hour in any country skips or doubles one.
package schedule
