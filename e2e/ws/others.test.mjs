// Two more bots: ccxt.pro, as far as its older protocol goes together with this
// one, and the example in the README.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ccxt, startDemo, until } from "../ccxt/demo.mjs";
import { Operator } from "./operator.mjs";

let demo, operator, key;

before(async () => {
  demo = await startDemo();
  operator = new Operator(demo);
  key = await operator.create("others", "read");
});

after(async () => {
  assert.equal(await demo.stop(), 0, `the demo ends cleanly: ${demo.said()}`);
});

// pro is a bot of ccxt.pro, and what it hears.
async function pro({ id, secret }) {
  const ex = new ccxt.pro.cex({ apiKey: id, secret });
  const url = `${demo.gateway.replace("http", "ws")}/api/ws`;
  ex.urls.api = { ...ex.urls.api, ws: url };
  await ex.loadHttpProxyAgent(); // ccxt refuses ws:// without it
  const heard = [];
  const handle = ex.handleMessage.bind(ex);
  ex.handleMessage = (client, message) => {
    heard.push(message);
    handle(client, message);
  };
  return { ex, heard, say: (message) => ex.client(url).send(message) };
}

// Its logon has an upper-case signature, a time in text and no oid, and does
// not wait for "connected".
test("ccxt.pro logs on", async () => {
  const { ex, heard, say } = await pro(key);
  await ex.authenticate();
  assert.deepEqual(heard.find((m) => m.e === "auth"), { e: "auth", data: { ok: "ok" }, ok: "ok" });
  await say({ e: "get_my_orders", oid: "1", data: {} });
  await until("an answer on its session", () => heard.find((m) => m.oid === "1"));
  assert.equal(heard.find((m) => m.oid === "1").ok, "ok");
  await ex.close();
});

// It does not notice a refusal, but nothing is open to it.
test("ccxt.pro with a wrong secret has no session", async () => {
  const { ex, heard, say } = await pro({ id: key.id, secret: `${key.secret}x` });
  await ex.authenticate();
  const answer = heard.find((m) => m.e === "auth");
  assert.equal(answer.ok, undefined);
  assert.match(answer.data.error, /API key not passed or incorrect/);
  await say({ e: "get_my_orders", oid: "1", data: {} });
  const refused = await until("an answer", () => heard.find((m) => m.oid === "1"));
  assert.equal(refused.ok, undefined);
  assert.match(refused.data.error, /Authorize first/);
  await ex.close();
});

const text = (name) => readFileSync(new URL(name, import.meta.url), "utf8");

test("the README shows the bot that is tested here", () => {
  assert.ok(text("../../README.md").includes(text("bot.mjs")));
});

// The bot runs over wss, with the demo's certificate trusted as Node has it.
test("the README's bot listens until its key is stopped", async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("bot.mjs", import.meta.url))], {
    env: {
      ...{ PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: join(demo.data, "gateway-cert.pem") },
      ...{ LATCHKEY_GATEWAY: demo.gateway_tls, LATCHKEY_KEY: key.id, LATCHKEY_SECRET: key.secret },
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  try {
    await until(`trades (the bot said: ${said})`, () => /tradeHistorySnapshot/.test(said));
    await operator.deactivate(key);
    await until("the bot's end", () => child.exitCode !== null);
  } finally {
    child.kill();
  }
  assert.equal(child.exitCode, 1);
  assert.match(said, /key_changed/);
  assert.ok(!said.includes(key.secret));
});
