// Package db is the SQL of package store as Go functions, generated from
// queries/ by sqlc and used by nobody else.
package db
