// Package postgres holds what every store shares: the pool, transactions that
// are tried again when PostgreSQL asks for it, and the migrations. The SQL
// itself lives in the store.go files beside each concept.
package postgres
