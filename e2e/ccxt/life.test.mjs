// The main job with a real bot: a key's whole life, enforced on each call.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bot, ccxt, Owner, startDemo } from "./demo.mjs";

let demo, owner, markets, currencies;

before(async () => {
  demo = await startDemo();
  owner = new Owner(demo);
  await owner.signIn();
});

after(async () => {
  assert.equal(await demo.stop(), 0, `the demo ends cleanly: ${demo.said()}`);
});

// trader is a bot that knows the markets already: each loadMarkets costs 12 of
// the 100 points that public calls of an address have in a minute.
async function trader(key) {
  const ex = bot(demo, key);
  if (markets) ex.setMarkets(markets, currencies);
  else {
    await ex.loadMarkets();
    [markets, currencies] = [ex.markets, ex.currencies];
  }
  return ex;
}

const order = (ex) => ex.createOrder("BTC/USD", "limit", "buy", 0.01, 7500, { accountId: "sub1" });

// refused expects an exception of exactly that class whose text says why.
async function refused(call, kind, text) {
  await assert.rejects(call, (err) => {
    assert.equal(err.constructor.name, kind.name, err.message);
    assert.match(err.message, text);
    return true;
  });
}

test("a key with the right permissions trades and moves funds", async () => {
  const ex = await trader(await owner.active({ name: "trades", permissions: ["read", "trade", "funds_internal", "funds_wallet"], allowlist: ["127.0.0.1"] }));
  assert.ok(ex.markets["BTC/USD"], "the markets are loaded");
  assert.ok((await ex.fetchBalance()).info, "the wallet's balance");
  const made = await order(ex);
  assert.ok(made.id);
  assert.ok((await ex.fetchOpenOrders("BTC/USD")).some((o) => o.id === made.id), "the order is open");
  await ex.cancelOrder(made.id);
  assert.ok(!(await ex.fetchOpenOrders("BTC/USD")).some((o) => o.id === made.id), "the order is gone");
  assert.ok((await ex.transfer("USD", 5, "sub1", "sub2")).id, "between sub-accounts");
  assert.ok((await ex.transfer("USD", 5, "", "sub1")).id, "from the wallet");
  assert.ok((await ex.transfer("USD", 5, "sub1", "")).id, "to the wallet");
});

test("each permission that is missing refuses its calls, and names itself", async () => {
  const ex = await trader(await owner.active({ name: "reads", permissions: ["read"], allowlist: [] }));
  assert.ok((await ex.fetchBalance()).info);
  await refused(order(ex), ccxt.ExchangeError, /Permission Trade is required for do_my_new_order/);
  await refused(ex.cancelOrder("1"), ccxt.ExchangeError, /Permission Trade is required for do_cancel_my_order/);
  await refused(ex.transfer("USD", 5, "sub1", "sub2"), ccxt.ExchangeError, /Permission Funds Internal is required/);
  await refused(ex.transfer("USD", 5, "", "sub1"), ccxt.ExchangeError, /Permission Funds Wallet is required/);
  await refused(ex.request("do_withdrawal_funds", "private", "POST", {}), ccxt.ExchangeError, /Permission Funds External is required/);
});

test("an edit refuses the bot from its confirmation on; activation lets it go on under the new rules only", async () => {
  const key = await owner.create({ name: "life", permissions: ["read", "trade"], allowlist: ["127.0.0.1"] });
  const ex = await trader(key);
  await refused(ex.fetchBalance(), ccxt.ExchangeError, /API key is not activated/);
  await owner.activate(key.id);
  assert.ok((await order(ex)).id, "active: the bot trades");

  const step = await owner.edit(key.id, { permissions: ["read", "funds_internal"], allowlist: ["127.0.0.0/8"] });
  assert.ok((await order(ex)).id, "an edit that is not confirmed changes nothing");
  const edited = await owner.bySMS(step);
  assert.equal(edited.key.status, "inactive");
  assert.equal(edited.receipt.confirmed, edited.receipt.nodes);
  await refused(ex.fetchBalance(), ccxt.ExchangeError, /API key is not activated/);
  await refused(order(ex), ccxt.ExchangeError, /API key is not activated/);

  await owner.activate(key.id);
  assert.ok((await ex.fetchBalance()).info, "activated again: the bot goes on");
  await refused(order(ex), ccxt.ExchangeError, /Permission Trade is required/);
  assert.ok((await ex.transfer("USD", 1, "sub1", "sub2")).id, "under the new permissions");

  await owner.bySMS(await owner.edit(key.id, { allowlist: ["10.9.8.7"] }));
  await owner.activate(key.id);
  await refused(ex.fetchBalance(), ccxt.ExchangeError, /127\.0\.0\.1/);

  await owner.must("POST", `/v1/keys/${key.id}/deactivate`);
  await refused(ex.fetchBalance(), ccxt.ExchangeError, /API key is not activated/);
  await owner.remove(key.id);
  await refused(ex.fetchBalance(), ccxt.AuthenticationError, /key not passed or incorrect/);
});

test("a cancelled edit changes nothing", async () => {
  const key = await owner.active({ name: "kept", permissions: ["read", "trade"], allowlist: [] });
  const ex = await trader(key);
  const step = await owner.edit(key.id, { permissions: ["read"] });
  await owner.must("POST", `/v1/pending/${(step.pending ?? step).id}/cancel`);
  assert.ok((await order(ex)).id);
  assert.equal((await owner.key(key.id)).version, 2, "created and activated, nothing else");
  await owner.remove(key.id);
});

test("a wrong signature, an unknown key and a clock that is 25 s off", async () => {
  const key = await owner.active({ name: "clock", permissions: ["read"], allowlist: [] });
  const wrong = await trader({ id: key.id, secret: `${key.secret}x` });
  await refused(wrong.fetchBalance(), ccxt.AuthenticationError, /key not passed or incorrect/);
  const unknown = await trader({ id: "lk_00000000000000000000", secret: key.secret });
  await refused(unknown.fetchBalance(), ccxt.AuthenticationError, /key not passed or incorrect/);
  for (const seconds of [-25, 25]) {
    const off = await trader(key);
    const right = off.seconds.bind(off);
    off.seconds = () => right() + seconds;
    await refused(off.fetchBalance(), ccxt.ExchangeError, /Timestamp is not in 20sec range/);
  }
  assert.ok((await (await trader(key)).fetchBalance()).info);
  await owner.remove(key.id);
});

test("points used up", async () => {
  const key = await owner.active({ name: "points", permissions: ["read"], allowlist: [] });
  const ex = await trader(key);
  // 5 points a call of 200 in a calendar minute: at most 80 calls pass, even
  // when the minute turns in between.
  let passed = 0;
  await refused(
    (async () => {
      for (; passed < 100; passed++) await ex.fetchBalance();
    })(),
    ccxt.RateLimitExceeded,
    /API rate limit reached/,
  );
  assert.ok(passed >= 40 && passed <= 80, `${passed} calls passed`);
  await owner.remove(key.id);
});

test("the owner sees why calls were refused", async () => {
  const key = (await owner.must("GET", "/v1/keys")).items.find((k) => k.name === "reads");
  const calls = await owner.must("GET", `/v1/keys/${key.id}/refused-calls`);
  const found = calls.items.find((c) => c.action === "do_my_new_order");
  assert.equal(found.reason, "permission_missing");
  assert.equal(found.ip, "127.0.0.1");
});
