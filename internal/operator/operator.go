// Package operator is the door of who runs the server's own machine: one table
// of commands, carried out in this process or, beside a running server, over
// its socket in the data folder. What a command answers is exactly what
// `latchkey ... --json` prints.
package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// Request is one command: {"op":"key.create","args":{...}}.
type Request struct {
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args"`
	// Database names the one that the operator asked for; "" is whichever the
	// server has.
	Database string `json:"database,omitempty"`
}

// Maintenance is what the operator can ask of the database and the keyset.
type Maintenance interface {
	// RotateKeyset makes a new primary key and begins to re-seal. It returns
	// the number of rows that wait to be re-sealed.
	RotateKeyset(ctx context.Context) (waiting int, err error)
	// VerifyActivity walks the hash chain and returns its length.
	VerifyActivity(ctx context.Context) (rows int64, err error)
	// Nodes lists the gateway nodes of a shared database; none on SQLite.
	Nodes(ctx context.Context) ([]latchkey.GatewayNode, latchkey.Revs, error)
}

// Door carries out commands in this process.
type Door struct {
	Authority   authority.Operator
	Maintenance Maintenance
	Database    string // its name, without a password
	ConsoleURL  string // as browsers reach the console; "": this process has none
}

// Account is an account as the commands show it.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

// Member is a member as the commands show it.
type Member struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"createdAt"`
}

// Key is a key as the commands show it. Secret is set by key.create only.
type Key struct {
	ID          string             `json:"id"`
	Secret      string             `json:"secret,omitempty"`
	Account     string             `json:"account"`
	Name        string             `json:"name"`
	Status      latchkey.Status    `json:"status"`
	Permissions []string           `json:"permissions"`
	Allowlist   latchkey.Allowlist `json:"allowlist"`
	Version     int64              `json:"version"`
	CreatedAt   time.Time          `json:"createdAt"`
	UpdatedAt   time.Time          `json:"updatedAt"`
	LastUsed    *time.Time         `json:"lastUsed,omitempty"`
	Receipt     *Receipt           `json:"receipt,omitempty"`
}

// Receipt says how many gateway nodes have applied the change.
type Receipt struct {
	Nodes     int      `json:"nodes"`
	Confirmed int      `json:"confirmed"`
	Silent    []string `json:"silent,omitempty"` // names of those that did not confirm, and stopped by themselves
	TookMS    float64  `json:"tookMs"`
}

// The arguments of the commands.
type (
	// AccountArgs names an account by name or id.
	AccountArgs struct {
		Account string `json:"account"`
	}
	// MemberArgs adds or removes a member.
	MemberArgs struct {
		Account  string `json:"account"`
		Email    string `json:"email"`
		Role     string `json:"role,omitempty"`
		Password string `json:"password,omitempty"`
	}
	// KeyArgs makes a key.
	KeyArgs struct {
		Account     string   `json:"account"`
		Name        string   `json:"name"`
		Permissions []string `json:"permissions"`
		Allowlist   []string `json:"allowlist"`
		Active      bool     `json:"active"`
	}
	// IDArgs names a key.
	IDArgs struct {
		ID string `json:"id"`
	}
)

// Run carries out one command and returns its answer as JSON. An unknown
// command or argument is refused.
func (d Door) Run(ctx context.Context, req Request) (json.RawMessage, error) {
	if req.Database != "" && req.Database != d.Database {
		return nil, latchkey.Errorf(latchkey.KindConflict, "other_database", "the server of this data folder has the database %s, not %s: name the other one's folder with --data, or leave --database away", d.Database, req.Database)
	}
	run, ok := commands[req.Op]
	if !ok {
		return nil, latchkey.Errorf(latchkey.KindInvalid, "unknown_command", "this server does not know the command %q; is it an older version?", req.Op)
	}
	answer, err := run(ctx, d, req.Args)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// commands is the whole table.
var commands = map[string]func(context.Context, Door, json.RawMessage) (any, error){
	"account.create":  with(Door.createAccount),
	"account.list":    with(Door.listAccounts),
	"account.show":    with(Door.showAccount),
	"member.add":      with(Door.addMember),
	"member.list":     with(Door.listMembers),
	"member.remove":   with(Door.removeMember),
	"key.create":      with(Door.createKey),
	"key.list":        with(Door.listKeys),
	"key.show":        with(Door.showKey),
	"key.activate":    with(mover(latchkey.OpActivate)),
	"key.deactivate":  with(mover(latchkey.OpDeactivate)),
	"key.delete":      with(mover(latchkey.OpDelete)),
	"key.sessions":    with(Door.listSessions),
	"key.end-session": with(Door.endSession),
	"keyset.rotate":   with(Door.rotateKeyset),
	"activity.verify": with(Door.verifyActivity),
	"node.list":       with(Door.listNodes),
	"node.link":       with(Door.linkNodes),
}

// with decodes the arguments of a command, strictly.
func with[A, R any](run func(Door, context.Context, A) (R, error)) func(context.Context, Door, json.RawMessage) (any, error) {
	return func(ctx context.Context, d Door, raw json.RawMessage) (any, error) {
		var args A
		if err := decode(raw, &args); err != nil {
			return nil, latchkey.Invalid("args", "invalid_arguments", "the arguments of the command: %v", err)
		}
		return run(d, ctx, args)
	}
}

func (d Door) createAccount(ctx context.Context, args AccountArgs) (Account, error) {
	a, err := d.Authority.CreateAccount(ctx, args.Account)
	return Account{a.ID, a.Name, a.CreatedAt}, err
}

func (d Door) listAccounts(ctx context.Context, _ struct{}) ([]Account, error) {
	all, err := d.Authority.Accounts(ctx)
	out := make([]Account, 0, len(all))
	for _, a := range all {
		out = append(out, Account{a.ID, a.Name, a.CreatedAt})
	}
	return out, err
}

func (d Door) showAccount(ctx context.Context, args AccountArgs) (Account, error) {
	a, err := d.Authority.Account(ctx, args.Account)
	return Account{a.ID, a.Name, a.CreatedAt}, err
}

func (d Door) addMember(ctx context.Context, args MemberArgs) (Member, error) {
	role, err := latchkey.ParseRole(args.Role)
	if err != nil {
		return Member{}, err
	}
	account, err := d.Authority.Account(ctx, args.Account)
	if err != nil {
		return Member{}, err
	}
	m, err := d.Authority.AddMember(ctx, account, args.Email, role, args.Password)
	return memberOf(account, m), err
}

func memberOf(account latchkey.Account, m latchkey.Member) Member {
	return Member{ID: m.ID, Account: account.Name, Email: m.Email, Role: string(m.Role), CreatedAt: m.CreatedAt}
}

func (d Door) listMembers(ctx context.Context, args AccountArgs) ([]Member, error) {
	account, err := d.Authority.Account(ctx, args.Account)
	if err != nil {
		return nil, err
	}
	all, err := d.Authority.Members(ctx, account)
	out := make([]Member, 0, len(all))
	for _, m := range all {
		out = append(out, memberOf(account, m))
	}
	return out, err
}

func (d Door) removeMember(ctx context.Context, args MemberArgs) (Member, error) {
	account, err := d.Authority.Account(ctx, args.Account)
	if err != nil {
		return Member{}, err
	}
	email, err := latchkey.NormalEmail(args.Email)
	if err != nil {
		return Member{}, err
	}
	m, err := d.Authority.RemoveMember(ctx, account, email)
	return memberOf(account, m), err
}

func (d Door) createKey(ctx context.Context, args KeyArgs) (Key, error) {
	permissions, err := latchkey.ParsePermissions(args.Permissions)
	if err != nil {
		return Key{}, err
	}
	allowlist, err := latchkey.NewAllowlist(args.Allowlist)
	if err != nil {
		return Key{}, err
	}
	account, err := d.Authority.Account(ctx, args.Account)
	if err != nil {
		return Key{}, err
	}
	key, secret, err := d.Authority.CreateKey(ctx, account, authority.NewKey{Name: args.Name, Permissions: permissions, Allowlist: allowlist})
	if err != nil {
		return Key{}, err
	}
	out := keyOf(key)
	if args.Active {
		var receipt latchkey.Receipt
		if key, receipt, err = d.Authority.Move(ctx, key.ID, latchkey.OpActivate); err != nil {
			return Key{}, fmt.Errorf("key %s was created, but not activated, and its secret was not shown; delete it and create another: %w", out.ID, err)
		}
		out = keyOf(key)
		out.Receipt = receiptOf(receipt)
	}
	out.Secret = secret.Reveal() // the one place where the operator sees it
	return out, nil
}

func (d Door) listKeys(ctx context.Context, args AccountArgs) ([]Key, error) {
	accounts, err := d.accounts(ctx, args.Account)
	if err != nil {
		return nil, err
	}
	out := []Key{}
	for _, account := range accounts {
		keys, err := d.Authority.Keys(ctx, account)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			out = append(out, keyOf(k))
		}
	}
	return out, nil
}

// accounts is the one that was named, or all.
func (d Door) accounts(ctx context.Context, name string) ([]latchkey.Account, error) {
	if name == "" {
		return d.Authority.Accounts(ctx)
	}
	account, err := d.Authority.Account(ctx, name)
	return []latchkey.Account{account}, err
}

func (d Door) showKey(ctx context.Context, args IDArgs) (Key, error) {
	k, err := d.Authority.Key(ctx, args.ID)
	return keyOf(k), err
}

// mover makes the command of one operation on a key.
func mover(op latchkey.Operation) func(Door, context.Context, IDArgs) (Key, error) {
	return func(d Door, ctx context.Context, args IDArgs) (Key, error) {
		k, receipt, err := d.Authority.Move(ctx, args.ID, op)
		out := keyOf(k)
		out.Receipt = receiptOf(receipt)
		return out, err
	}
}

func keyOf(k latchkey.Key) Key {
	out := Key{
		ID: k.ID, Account: k.AccountID, Name: k.Name, Status: k.Status, Permissions: k.Permissions.Names(),
		Allowlist: k.Allowlist, Version: k.Version, CreatedAt: k.CreatedAt, UpdatedAt: k.UpdatedAt,
	}
	if !k.LastUsed.IsZero() {
		out.LastUsed = &k.LastUsed
	}
	return out
}

func receiptOf(r latchkey.Receipt) *Receipt {
	return &Receipt{Nodes: r.Nodes, Confirmed: r.Confirmed, Silent: r.Silent, TookMS: float64(r.Took.Microseconds()) / 1000}
}

// Rotation is the answer of keyset.rotate.
type Rotation struct {
	Waiting int `json:"waiting"` // rows that are still sealed with an older key
}

func (d Door) rotateKeyset(ctx context.Context, _ struct{}) (Rotation, error) {
	n, err := d.Maintenance.RotateKeyset(ctx)
	return Rotation{n}, err
}

// Verification is the answer of activity.verify.
type Verification struct {
	Rows int64 `json:"rows"`
}

func (d Door) verifyActivity(ctx context.Context, _ struct{}) (Verification, error) {
	n, err := d.Maintenance.VerifyActivity(ctx)
	return Verification{n}, err
}
