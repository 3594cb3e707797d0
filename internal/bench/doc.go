// Package bench measures the program from the operator's side of the link: its
// centre stands where an operator does, keys and writes as many people would,
// and times what comes back.
package bench
