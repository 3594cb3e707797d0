// Package visit books visits: timetables and their occurrences, holding and
// confirming a place, moving and cancelling, the gate, and closing a day.
//
// A visit is a case; Life is the table of its moves. Whether a slot may be had
// is answered by one function, Check, which listing, holding, confirming and
// the gate share. Places, weekly rights and permit uses are counted by the
// database with the visit row, so that no path can exceed them.
//
// Locks are taken in one order everywhere: account, detainees, permits by id,
// their cases, cases of visits, weeks, occurrences by id, pools. An account's
// own acts therefore wait for one another and never deadlock.
package visit
