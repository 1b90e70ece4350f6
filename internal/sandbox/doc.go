// Package sandbox is an exchange to practise on: it stands behind the gateway,
// answers every action of the catalog over REST and WebSocket in the shapes of
// docs/protocol.md, matches orders of all clients by price and time, and keeps
// everything in memory. No real money, no real price and no real address exists
// in it.
//
// A client is a Latchkey account as the gateway's signed identity names it
// (package identity); a request without that identity is refused. Each client
// has a main account "", sub-accounts, and a wallet, all opened with demo funds
// when they are first named. A house client quotes every pair around a modelled
// price, so books, tickers and fills exist from the first request on.
//
// One lock guards the whole exchange. A request is decoded outside of it,
// carried out inside of it, and what it answers is a copy: nothing that leaves
// the lock points back into the engine. Pushes are queued under the same lock,
// so each session sees answers and pushes in the order in which things happened.
package sandbox
