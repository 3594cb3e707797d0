// Package establishment knows the places and who answers for them:
// establishments with their calendars and rules, authorities and the table
// that routes a request to one of them, and the register of detainees.
//
// Directory reads. Register writes what happens to detainees, by hand or from
// a file, each event once. Nothing here tells a family whether anybody is
// held: Find is for the desk's eyes only.
package establishment
