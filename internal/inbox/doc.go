// Package inbox holds every text that an operator has delivered, from before
// it is acknowledged until it has had its effect.
//
// Keep commits a text, or a part of one, so that the operator may then be told
// it is taken; a repeat of it is recognised and goes no further. Parts of a
// long text wait in PostgreSQL until all are there, or a minute has passed.
// Run hands whole texts on, those of one sender in order and one at a time;
// a text that fails again and again is set aside and the sender's next one
// goes on.
package inbox
