// Sessions of the exchange's own client, with both versions of package ws that
// bots have installed, against a real demo.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import WebSocket8 from "ws";
import WebSocket7 from "ws7";
import { bot, Owner, startDemo, until } from "../ccxt/demo.mjs";
import { Client } from "./client.mjs";
import { Operator } from "./operator.mjs";

let demo, owner, operator;

before(async () => {
  demo = await startDemo();
  operator = new Operator(demo);
  owner = new Owner(demo);
  await owner.signIn();
});

after(async () => {
  assert.equal(await demo.stop(), 0, `the demo ends cleanly: ${demo.said()}`);
});

const order = (ref) => ({
  ...{ clientOrderId: ref, accountId: "sub1", currency1: "BTC", currency2: "USD", side: "BUY", orderType: "Limit" },
  ...{ timeInForce: "GTC", timestamp: Date.now(), amountCcy1: "0.01", price: "7500" },
});

const overREST = (key, action, params) => bot(demo, key).request(action, "private", "POST", params ?? {});

// ended waits for the end of a session and returns the close code.
const ended = (c) => until("the end of the session", () => c.code);

for (const [version, WebSocket] of Object.entries({ ws7: WebSocket7, ws8: WebSocket8 })) {
  describe(version, () => {
    const client = (key, more) => new Client(WebSocket, { url: demo.gateway, key: key?.id, secret: key?.secret, ...more });

    // withKey lends the test an active key that it alone has.
    const withKey = (what, permissions, act, ip) =>
      test(what, async () => {
        const key = await operator.create(`${version}: ${what}`.slice(0, 60), permissions, ip);
        try {
          await act(key);
        } finally {
          await operator.remove(key); // an account has five at most
        }
      });

    // connected is a client with an open session.
    const connected = async (key, more) => {
      const c = client(key, more);
      await c.connect();
      return c;
    };

    withKey("an order placed over WebSocket is pushed, and seen over REST", "read,trade", async (key) => {
      const c = await connected(key);
      assert.equal(c.messages[0].e, "connected", "the server speaks first");
      const pushed = [];
      c.subscribe("executionReport", (m) => pushed.push(m));
      c.subscribe("account_update", (m) => pushed.push(m));
      const ref = `${version}-1`;
      const placed = await c.callPrivate("do_my_new_order", order(ref));
      assert.equal(placed.status, "NEW");

      const { data } = await overREST(key, "get_my_orders", { clientOrderId: ref });
      assert.equal(data[0].orderId, placed.orderId);
      assert.deepEqual(await c.callPrivate("get_my_orders", { clientOrderId: ref }), data, "both ways say the same");
      const report = pushed.find((m) => m.e === "executionReport");
      assert.deepEqual([report.ok, report.oid, report.data.clientOrderId, report.data.executionType], ["ok", undefined, ref, "New"]);
      const held = pushed.find((m) => m.e === "account_update" && m.data.currency === "USD");
      assert.deepEqual([held.ok, held.data.accountId, held.data.action], ["ok", "sub1", "order"]);

      await overREST(key, "do_cancel_my_order", { orderId: Number(placed.orderId), cancelRequestId: "c1", timestamp: Date.now() });
      await until("the push of a cancellation over REST", () => pushed.find((m) => m.data.executionType === "Canceled"));
      await c.disconnect();
    });

    withKey("reads, also without params, answered by oid, and pings", "read", async (key) => {
      const c = await connected(key);
      const [status, fee, orders] = await Promise.all([
        c.callPrivate("get_my_account_status_v3", { accountIds: ["sub1"] }),
        c.callPrivate("get_my_current_fee", { pairs: ["BTC-USD"] }),
        c.callPrivate("get_my_orders"),
      ]);
      assert.ok(status.balancesPerAccounts.sub1.USD.balance);
      assert.ok(fee.tradingFee["BTC-USD"].percent);
      assert.ok(Array.isArray(orders));
      c.ping();
      await until("a pong", () => c.messages.find((m) => m.e === "pong"));
      await c.disconnect();
    });

    withKey("subscriptions: a book without gaps, trades, and silence after the end", "read", async (key) => {
      const c = await connected(key);
      const changes = [];
      const trades = [];
      c.subscribe("order_book_increment", (m) => changes.push(m.data));
      c.subscribe("tradeHistorySnapshot", (m) => trades.push(m.data));
      const book = await c.callPrivate("order_book_subscribe", { pair: "BTC-USD" });
      assert.ok(book.bids.length > 0 && book.asks.length > 0);
      await c.callPrivate("trade_subscribe", { pair: "BTC-USD" });
      await until("two changes of the book", () => changes.length >= 2 && trades.length === 1);
      assert.deepEqual(changes.map((m) => m.seqId), changes.map((_, i) => book.seqId + 1 + i));
      await c.callPrivate("order_book_unsubscribe", { pair: "BTC-USD" });
      const before = changes.length;
      await c.callPrivate("get_order_book", { pair: "BTC-USD" });
      assert.equal(changes.length, before);
      await assert.rejects(c.callPrivate("order_book_subscribe", { pair: "XXX-USD" }), /Unsupported pair XXX-USD/);
      await c.disconnect();
    });

    withKey("a missing permission refuses the call and not the session", "read", async (key) => {
      const c = await connected(key);
      await assert.rejects(c.callPrivate("do_my_new_order", order("never")), { code: "permission_missing", message: /Permission Trade is required for do_my_new_order/ });
      await assert.rejects(c.callPrivate("do_withdrawal_funds", {}), { code: "permission_missing", message: /Permission Funds External/ });
      assert.deepEqual(await c.callPrivate("get_my_orders", { clientOrderId: "never" }), []);
      await c.disconnect();
    });

    withKey("a logon with a wrong secret, an unknown key or a wrong clock", "read", async (key) => {
      const neither = /Authorization failure: Authorization Failed: API key not passed or incorrect/;
      const wrong = client({ id: key.id, secret: `${key.secret}x` });
      await assert.rejects(wrong.connect(), neither);
      await assert.rejects(wrong.call("get_my_orders", {}), /Authorize first/);
      await assert.rejects(client({ id: "lk_00000000000000000000", secret: key.secret }).connect(), neither);
      for (const seconds of [-25, 25]) {
        const off = client(key);
        off.now = () => Date.now() / 1000 + seconds;
        await assert.rejects(off.connect(), /Timestamp is not in 20sec range/);
      }
      await (await connected(key)).disconnect();
    });

    withKey("an inactive key, and another address than the whitelist's", "read", async (key) => {
      await assert.rejects(client(key).connect(), /Authorization failure: .*127\.0\.0\.1/);
      await operator.deactivate(key);
      await assert.rejects(client(key).connect(), /Authorization failure: API key is not activated/);
    }, ["10.9.8.7"]);

    withKey("points are shared with REST, and the session ends when they are used up", "read", async (key) => {
      const c = await connected(key);
      let over = false;
      let passed = 0;
      // 5 points each of 200 in a calendar minute, which may turn in between.
      for (; passed < 100 && !over; passed++) {
        if (passed % 2) await overREST(key, "get_my_wallet_balance").catch((err) => (over = /rate limit/.test(err.message)));
        else await c.callPrivate("get_my_wallet_balance", {}).catch((err) => (over = err.code === "rate_limited"));
      }
      assert.ok(over && passed >= 41 && passed <= 81, `${passed} calls, refused: ${over}`);
      // REST may have been refused first; or the minute turns here.
      while (c.socket.readyState === c.socket.OPEN) await c.call("get_my_wallet_balance", {}).catch(() => {});
      assert.equal(await ended(c), 1000);
      assert.equal(c.messages.at(-1).e, "disconnected");
      assert.equal(c.messages.at(-1).code, "rate_limited");
    });

    withKey("a key that is edited or stopped has no session any more", "read,trade", async (key) => {
      const gone = async (c) => {
        assert.equal(await ended(c), 4401);
        assert.deepEqual([c.messages.at(-1).e, c.messages.at(-1).code], ["disconnected", "key_changed"]);
        assert.ok(c.messages.at(-1).reason);
        await assert.rejects(c.callPrivate("get_my_orders", {}), /Not authorized/);
      };
      const step = await owner.edit(key.id, { permissions: ["read"] });
      const first = await connected(key);
      assert.ok((await first.callPrivate("do_my_new_order", order(`${version}-2`))).orderId, "an edit that is not confirmed changes nothing");
      await owner.bySMS(step);
      await gone(first);
      await assert.rejects(client(key).connect(), /API key is not activated/);

      await owner.activate(key.id);
      const [second, third] = [await connected(key), await connected(key)];
      await assert.rejects(second.callPrivate("do_my_new_order", order(`${version}-3`)), { code: "permission_missing" });
      await operator.deactivate(key);
      await gone(second);
      await gone(third);
    });

    test("a session without a key", async () => {
      const c = await connected();
      assert.ok((await c.callPublic("get_ticker", { pairs: ["BTC-USD"] }))["BTC-USD"].bestBid);
      const changes = [];
      c.subscribe("order_book_increment", (m) => changes.push(m));
      await c.callPublic("order_book_subscribe", { pair: "BTC-USD" });
      await until("a change of the book", () => changes.length > 0);
      await assert.rejects(c.callPublic("get_my_orders", {}), { code: "bad_request", message: /Unsupported message type get_my_orders/ });
      assert.equal(await ended(c), 1000);
    });

    withKey("wss with the demo's certificate, and with no other", "read", async (key) => {
      const ca = readFileSync(join(demo.data, "gateway-cert.pem"));
      const c = await connected(key, { url: demo.gateway_tls.replace("https", "wss"), ca });
      assert.ok((await c.callPrivate("get_my_current_fee", {})).tradingFee);
      await c.disconnect();
      await assert.rejects(client(key, { url: demo.gateway_tls.replace("https", "wss") }).connect(), /self.signed certificate/);
    });
  });
}
