package authority

import (
	"context"

	"latchkey"
)

// Operator is the door of who runs the server's own machine. There the
// operator's act stands in for the proof; lifecycle table, version check,
// activity and the mail to the owner are the same. No HTTP route leads here.
type Operator struct{ a *Authority }

// Operator returns that door.
func (a *Authority) Operator() Operator { return Operator{a} }

// actor is the operator acting on an account.
func (o Operator) actor(accountID string) latchkey.Actor {
	return latchkey.Actor{Source: latchkey.SourceOperator, AccountID: accountID, IP: "local"}
}

// CreateAccount makes an account without members.
func (o Operator) CreateAccount(ctx context.Context, name string) (latchkey.Account, error) {
	name, err := latchkey.NormalName("name", name)
	if err != nil {
		return latchkey.Account{}, err
	}
	account := latchkey.Account{ID: latchkey.NewID("acc"), Name: name, CreatedAt: o.a.now()}
	act := o.a.activity(o.actor(account.ID), latchkey.ActAccountCreated)
	act.Subject = name
	return account, o.a.store.CreateAccount(ctx, account, act)
}

// Accounts lists all accounts.
func (o Operator) Accounts(ctx context.Context) ([]latchkey.Account, error) {
	return o.a.store.Accounts(ctx)
}

// Account finds an account by its name or id.
func (o Operator) Account(ctx context.Context, nameOrID string) (latchkey.Account, error) {
	account, err := o.a.store.AccountByName(ctx, nameOrID)
	if latchkey.Code(err) == "not_found" {
		account, err = o.a.store.Account(ctx, nameOrID)
	}
	if latchkey.Code(err) == "not_found" {
		return account, latchkey.Errorf(latchkey.KindNotFound, "account_not_found", "there is no account %q; `latchkey account list` shows all", nameOrID)
	}
	return account, err
}

// AddMember makes a person a member of an account, with a first password.
func (o Operator) AddMember(ctx context.Context, account latchkey.Account, email string, role latchkey.Role, password string) (latchkey.Member, error) {
	email, err := latchkey.NormalEmail(email)
	if err != nil {
		return latchkey.Member{}, err
	}
	hash, err := o.a.hash(ctx, account.Name, email, password)
	if err != nil {
		return latchkey.Member{}, err
	}
	member := latchkey.Member{ID: latchkey.NewID("mem"), AccountID: account.ID, Email: email, Role: role, CreatedAt: o.a.now()}
	act := o.a.activity(o.actor(account.ID), latchkey.ActMemberAdded)
	act.Subject, act.Note = email, "as "+string(role)
	return member, o.a.store.AddMember(ctx, member, hash, act, notice()...)
}

// Members lists the members of an account.
func (o Operator) Members(ctx context.Context, account latchkey.Account) ([]latchkey.Member, error) {
	return o.a.store.Members(ctx, account.ID)
}

// RemoveMember takes a sub-user out of an account, sessions and factors too.
func (o Operator) RemoveMember(ctx context.Context, account latchkey.Account, email string) (latchkey.Member, error) {
	members, err := o.a.store.Members(ctx, account.ID)
	if err != nil {
		return latchkey.Member{}, err
	}
	for _, m := range members {
		if m.Email != email {
			continue
		}
		act := o.a.activity(o.actor(account.ID), latchkey.ActMemberRemoved)
		act.Subject = m.Email
		return m, o.a.store.RemoveMember(ctx, account.ID, m.ID, act, notice()...)
	}
	return latchkey.Member{}, latchkey.Errorf(latchkey.KindNotFound, "member_not_found", "nobody in this account has that e-mail address")
}

// EnrolTOTP gives a member an authenticator app whose seed is known already.
// Only the demo uses it, to have an owner who can confirm.
func (o Operator) EnrolTOTP(ctx context.Context, member latchkey.Member, seed latchkey.Secret) error {
	factor := latchkey.Factor{ID: latchkey.NewID("fac"), MemberID: member.ID, Kind: latchkey.FactorTOTP, Label: "Authenticator app", CreatedAt: o.a.now()}
	act := o.a.activity(o.actor(member.AccountID), latchkey.ActFactorEnrolled)
	act.Subject, act.Note = string(factor.Kind), "for "+member.Email
	_, err := o.a.store.Apply(ctx, latchkey.Deed{At: o.a.now(), AddFactor: &factor, FactorSecret: seed, Activity: act})
	return err
}

// Keys lists the keys of an account.
func (o Operator) Keys(ctx context.Context, account latchkey.Account) ([]latchkey.Key, error) {
	return o.a.store.Keys(ctx, account.ID)
}

// Key reads a key of any account.
func (o Operator) Key(ctx context.Context, id string) (latchkey.Key, error) {
	return o.a.store.KeyByID(ctx, id)
}

// CreateKey makes a key, inactive like every new one.
func (o Operator) CreateKey(ctx context.Context, account latchkey.Account, k NewKey) (latchkey.Key, latchkey.Secret, error) {
	name, err := latchkey.NormalName("name", k.Name)
	if err != nil {
		return latchkey.Key{}, "", err
	}
	if !k.Permissions.Valid() {
		return latchkey.Key{}, "", latchkey.Invalid("permissions", "invalid_permissions", "Read cannot be switched off")
	}
	now := o.a.now()
	key := latchkey.Key{ID: latchkey.NewKeyID(), AccountID: account.ID, Name: name, Permissions: k.Permissions, Allowlist: k.Allowlist, CreatedAt: now}
	key, err = key.Moved(latchkey.OpCreate, now)
	if err != nil {
		return latchkey.Key{}, "", err
	}
	deed := latchkey.Deed{
		At: now, Key: &key, Secret: latchkey.NewSecret(), KeysMost: o.a.limits.KeysPerAccount,
		Activity: o.a.keyActivity(o.actor(account.ID), latchkey.OpCreate, key, nil), Letters: notice(),
	}
	if _, err := o.a.apply(ctx, deed); err != nil {
		return latchkey.Key{}, "", err
	}
	return key, deed.Secret, nil
}

// Move activates, deactivates or deletes a key.
func (o Operator) Move(ctx context.Context, id string, op latchkey.Operation) (latchkey.Key, latchkey.Receipt, error) {
	switch op {
	case latchkey.OpActivate, latchkey.OpDeactivate, latchkey.OpDelete:
	default:
		return latchkey.Key{}, latchkey.Receipt{}, latchkey.Errorf(latchkey.KindInvalid, "invalid_operation", "the operator activates, deactivates or deletes a key, nothing else")
	}
	key, err := o.a.store.KeyByID(ctx, id)
	if err != nil {
		return latchkey.Key{}, latchkey.Receipt{}, err
	}
	return o.a.move(ctx, o.actor(key.AccountID), key, op)
}
