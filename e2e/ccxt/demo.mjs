// Starts `latchkey demo` on free ports in a folder of its own, and gives the
// tests its people: an owner with cookies, the inbox, bots of ccxt.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ccxt from "ccxt";

export const program = process.env.LATCHKEY ?? fileURLToPath(new URL("../../bin/latchkey", import.meta.url));

// pause waits for real time: the program under test is another process, whose
// clock nobody moves.
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// until repeats a look until it finds something, for ten seconds.
export async function until(what, look) {
  for (let i = 0; i < 200; i++) {
    const found = await look();
    if (found) return found;
    await pause(50);
  }
  throw new Error(`waited 10 s for ${what}`);
}

export async function startDemo() {
  const data = mkdtempSync(join(tmpdir(), "latchkey-e2e-"));
  const child = spawn(program, ["demo", "--data", data, "--console", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--gateway-tls", "127.0.0.1:0"]);
  let said = "";
  child.stdout.on("data", (chunk) => (said += chunk));
  child.stderr.on("data", (chunk) => (said += chunk));
  const ended = new Promise((done) => child.on("exit", done));
  const info = await until(`demo.json (the program said: ${said})`, () => {
    if (child.exitCode !== null) throw new Error(`latchkey demo ended with ${child.exitCode}: ${said}`);
    try {
      return JSON.parse(readFileSync(join(data, "demo.json"), "utf8"));
    } catch {
      return undefined; // not ready yet
    }
  });
  return {
    ...info,
    data,
    said: () => said,
    async stop() {
      child.kill("SIGTERM");
      const code = await ended;
      rmSync(data, { recursive: true, force: true });
      return code;
    },
  };
}

// totp is the code of RFC 6238 for a moment that lies `steps` steps from now.
export function totp(seed, steps = 0) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const c of seed) bits += alphabet.indexOf(c).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

// Owner is a browser of the demo's owner: cookies and JSON.
export class Owner {
  #demo;
  #cookies = new Map();
  constructor(demo) {
    this.#demo = demo;
  }

  async call(method, path, body) {
    const headers = { cookie: [...this.#cookies].map(([k, v]) => `${k}=${v}`).join("; ") };
    if (body !== undefined) headers["content-type"] = "application/json";
    const res = await fetch(this.#demo.console + path, { method, headers, body: body && JSON.stringify(body) });
    for (const line of res.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.#cookies.set(name, value);
    }
    const text = await res.text();
    return { status: res.status, body: text && JSON.parse(text) };
  }

  // must is call, for what has to succeed.
  async must(method, path, body) {
    const res = await this.call(method, path, body);
    if (res.status >= 300) throw new Error(`${method} ${path}: ${res.status} ${JSON.stringify(res.body)}`);
    return res.body;
  }

  // messages are what the inbox holds, newest first.
  async messages() {
    return (await fetch(`${this.#demo.inbox}/messages`)).json();
  }

  // codeAfter waits for a code of the channel that was not there before.
  async codeAfter(channel, act) {
    const before = (await this.messages()).length;
    const result = await act();
    const code = await until(`a code by ${channel}`, async () => {
      const fresh = (await this.messages()).slice(0, -before || undefined);
      return fresh.find((m) => m.channel === channel && m.code)?.code;
    });
    return [result, code];
  }

  confirm(step, code) {
    return this.must("POST", `/v1/pending/${(step.pending ?? step).id}/confirm`, { code });
  }

  // signIn takes both steps, then adds a phone: its codes can follow each
  // other quickly, while a TOTP step of 30 seconds counts once.
  async signIn() {
    const { email, password, totp_secret: seed } = this.#demo;
    const step = await this.must("POST", "/v1/session", { email, password });
    await this.confirm(step, totp(seed, -1));
    const enrol = await this.must("POST", "/v1/factors", { kind: "sms", phone: "+353 86 123 4567", password });
    const [{ next }, code] = await this.codeAfter("sms", () => this.confirm(enrol, totp(seed, 0)));
    await this.confirm(next, code);
    this.phone = (await this.must("GET", "/v1/factors")).items.find((f) => f.kind === "sms").id;
  }

  // bySMS confirms a step with the phone.
  async bySMS(step) {
    const id = (step.pending ?? step).id;
    const [, code] = await this.codeAfter("sms", () => this.must("POST", `/v1/pending/${id}/factor`, { factorId: this.phone }));
    return this.confirm(step, code);
  }

  async create(key) {
    const made = await this.bySMS(await this.must("POST", "/v1/keys", key));
    return { ...made.key, secret: made.secret };
  }

  async activate(id) {
    const { version } = await this.key(id);
    const [step, code] = await this.codeAfter("email", () => this.must("POST", `/v1/keys/${id}/activate`, { version }));
    return (await this.confirm(step, code)).key;
  }

  // edit opens the change of a key; the caller confirms it, or not.
  async edit(id, change) {
    const { version } = await this.key(id);
    return this.must("PATCH", `/v1/keys/${id}`, { version, ...change });
  }

  async remove(id) {
    const { version } = await this.key(id);
    return this.bySMS(await this.must("DELETE", `/v1/keys/${id}?version=${version}`));
  }

  async key(id) {
    const answer = await this.must("GET", `/v1/keys/${id}`);
    return answer.key ?? answer;
  }

  async active(key) {
    const made = await this.create(key);
    await this.activate(made.id);
    return made;
  }
}

// bot is a ccxt client of the gateway with a key.
export function bot(demo, key, more = {}) {
  const ex = new ccxt.cex({ apiKey: key.id, secret: key.secret, enableRateLimit: false, ...more });
  ex.urls.api = { ...ex.urls.api, public: `${demo.gateway}/api/rest-public`, private: `${demo.gateway}/api/rest` };
  return ex;
}

export { ccxt };
