// Package stepup makes and checks the proofs that an operation needs: codes by
// SMS and e-mail, TOTP and recovery codes. It only computes: what was charged,
// how often and until when is decided by the caller before it asks here.
package stepup
