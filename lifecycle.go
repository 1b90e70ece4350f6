package latchkey

import "slices"

// Status is where a key stands in its life.
type Status string

// The statuses. There is no other: a value that is none of them refuses.
const (
	StatusNone     Status = "" // before create
	StatusInactive Status = "inactive"
	StatusActive   Status = "active"
	StatusDeleted  Status = "deleted" // final: never restored, the id never reused
)

// Operation is something that is done to a key, or to what guards the keys: a
// session or a factor.
type Operation string

// The operations on a key.
const (
	OpCreate     Operation = "create"
	OpActivate   Operation = "activate"
	OpDeactivate Operation = "deactivate"
	OpEdit       Operation = "edit"
	OpDelete     Operation = "delete"
)

// The operations on what guards the keys. They wait for a proof like those on
// a key, and so share its rules: attempts, expiry, resend.
const (
	OpSignIn          Operation = "sign_in"          // second step of a sign-in
	OpEnrolFactor     Operation = "enrol_factor"     // an existing factor allows a further one
	OpValidateFactor  Operation = "validate_factor"  // the new factor proves that it works
	OpRemoveFactor    Operation = "remove_factor"    //
	OpRecoveryRenewal Operation = "recovery_renewal" // new recovery codes, the old ones die
)

// Proof is what an operation needs before it happens.
type Proof string

// The proofs. ProofUnknown is the zero value and lets nothing happen.
const (
	ProofUnknown      Proof = ""
	ProofNone         Proof = "none"          // happens at once
	ProofSecondFactor Proof = "second_factor" // TOTP, SMS or passkey
	ProofEmailCode    Proof = "email_code"    // consent to an activation, never a second factor
	ProofNewFactor    Proof = "new_factor"    // the factor that is being enrolled itself
)

// Rule is one row of the life of a key.
type Rule struct {
	Operation Operation
	From      []Status
	To        Status
	Proof     Proof
}

// lifecycle is THE table: authority, API, console and tests read it, and no
// other code decides what may follow what.
var lifecycle = []Rule{
	{OpCreate, []Status{StatusNone}, StatusInactive, ProofSecondFactor},
	{OpActivate, []Status{StatusInactive}, StatusActive, ProofEmailCode},
	{OpDeactivate, []Status{StatusActive}, StatusInactive, ProofNone},
	{OpEdit, []Status{StatusActive, StatusInactive}, StatusInactive, ProofSecondFactor},
	{OpDelete, []Status{StatusActive, StatusInactive}, StatusDeleted, ProofSecondFactor},
}

// guardProofs says what the operations that are not about a key need.
var guardProofs = map[Operation]Proof{
	OpSignIn:          ProofSecondFactor,
	OpEnrolFactor:     ProofSecondFactor,
	OpValidateFactor:  ProofNewFactor,
	OpRemoveFactor:    ProofSecondFactor,
	OpRecoveryRenewal: ProofSecondFactor,
}

// Lifecycle returns a copy of the table.
func Lifecycle() []Rule {
	rules := make([]Rule, len(lifecycle))
	for i, r := range lifecycle {
		r.From = slices.Clone(r.From)
		rules[i] = r
	}
	return rules
}

// RuleFor returns the row of a key operation in a status. A missing cell is an
// *Error that says why: code "key_not_found" for a deleted key, else
// "wrong_status".
func RuleFor(op Operation, from Status) (Rule, error) {
	for _, rule := range lifecycle {
		if rule.Operation != op {
			continue
		}
		for _, s := range rule.From {
			if s == from {
				rule.From = slices.Clone(rule.From) // nobody changes the table through its answers
				return rule, nil
			}
		}
	}
	return Rule{}, missingCell(op, from)
}

func missingCell(op Operation, from Status) error {
	switch {
	case from == StatusDeleted:
		return ErrKeyGone
	case op == OpActivate && from == StatusActive:
		return Errorf(KindConflict, "wrong_status", "the key is active already")
	case op == OpDeactivate && from == StatusInactive:
		return Errorf(KindConflict, "wrong_status", "the key is inactive already")
	case from == StatusNone:
		return ErrKeyGone
	}
	return Errorf(KindConflict, "wrong_status", "%s is not possible while the key is %s", clip(string(op)), clip(string(from)))
}

// ProofFor returns what an operation needs, ProofUnknown for one that is in no
// table.
func ProofFor(op Operation) Proof {
	for _, rule := range lifecycle {
		if rule.Operation == op {
			return rule.Proof
		}
	}
	return guardProofs[op]
}

// KeyOperation reports whether op stands in the life of a key.
func KeyOperation(op Operation) bool {
	_, guard := guardProofs[op]
	return !guard && ProofFor(op) != ProofUnknown
}
