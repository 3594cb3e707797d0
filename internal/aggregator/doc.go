// Package aggregator serves USSD to aggregators: companies that hold the
// operators' binds and call us over HTTP for each step. What differs between
// them is a Format each, a small file of its own; the rest is one handler: who
// may call, how much it reads, what it does with numbers, how long it takes.
//
// It knows the dialogue by one method and no service by name.
package aggregator
