package store

// SealedColumns lists table.column of everything that a rotation seals anew, and
// of the two values that it treats apart.
func SealedColumns() []string {
	out := []string{"authority.activity_seal", "authority.seal_check"}
	for _, c := range (&tx{}).sealedColumns() {
		out = append(out, c.table+"."+c.column)
	}
	return out
}
