// A client that behaves as the exchange's own WebsocketClient does: bots in the
// field are built on it, so what it takes for granted the gateway must keep.
import { createHmac } from "node:crypto";

export class Client {
  #options;
  #pending = new Map(); // by oid
  #handlers = new Map(); // by event
  #calls = 0;
  #authorized = false;
  messages = []; // everything that came, for the tests
  code; // of the close frame, once the session has ended

  // WebSocket is the class of package ws, of either version. Without a key the
  // session is a public one. Options: url, replyTimeout, and those of ws.
  constructor(WebSocket, { key, secret, url, replyTimeout = 30_000, ...more }) {
    this.#options = { WebSocket, key, secret, replyTimeout, more, url: `${url}/api/ws${key ? "" : "-public"}` };
  }

  // connect resolves when the server has said "connected" and, with a key, has
  // taken the logon. Without that first message it waits for ever.
  connect() {
    const { WebSocket, url, more, key } = this.#options;
    this.socket = new WebSocket(url, more);
    this.closed = new Promise((done) => this.socket.on("close", (code) => done((this.code = code))));
    return new Promise((done, fail) => {
      this.socket.on("error", fail);
      this.socket.on("close", () => this.#drop("disconnected from server"));
      this.socket.on("message", (text) => {
        const message = JSON.parse(text);
        this.messages.push(message);
        if (message.e === "connected") key ? this.#logon().then(done, fail) : done();
        else this.#take(message);
      });
    });
  }

  // #logon sends the time with its fraction, as a number; what is signed is the
  // number's text.
  async #logon() {
    const { key, secret } = this.#options;
    const timestamp = this.now();
    const signature = createHmac("sha256", secret).update(timestamp + key).digest("hex");
    const { data } = await this.#send({ e: "auth", oid: "auth", auth: { key, signature, timestamp } });
    if (data.ok !== "ok") throw new Error(`Authorization failure: ${data.error}`);
    this.#authorized = true;
  }

  now() {
    return Date.now() / 1000;
  }

  #take(message) {
    if (message.e === "disconnected") return this.#drop("disconnected from server");
    const handler = this.#handlers.get(message.e);
    if (handler) return handler(message);
    this.#pending.get(message.oid)?.done(message);
  }

  // #drop fails whatever waits for a reply.
  #drop(why) {
    this.#authorized = false;
    for (const { fail } of this.#pending.values()) fail(new Error(why));
    this.#pending.clear();
  }

  // #send resolves with the reply of the same oid, whatever it says.
  #send(message) {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error("no reply in time")), this.#options.replyTimeout);
      const settle = (end) => (value) => {
        clearTimeout(timer);
        this.#pending.delete(message.oid);
        end(value);
      };
      this.#pending.set(message.oid, { done: settle(done), fail: settle(fail) });
      this.socket.send(JSON.stringify(message));
    });
  }

  // call resolves with the reply's data, and needs the reply's own ok. Without
  // params the message has no member data.
  async call(action, params) {
    const oid = `${Date.now()}${++this.#calls}_${action}`;
    const reply = await this.#send({ e: action, oid, data: params });
    if (reply.ok !== "ok") throw Object.assign(new Error(reply.data.error), reply.data);
    return reply.data;
  }

  callPublic(action, params) {
    return this.call(action, params);
  }

  async callPrivate(action, params) {
    if (!this.#authorized) throw new Error("Not authorized");
    return this.call(action, params);
  }

  // subscribe takes all messages of the event, replies too.
  subscribe(event, handler) {
    this.#handlers.set(event, handler);
  }

  ping() {
    this.socket.send('{"e":"ping"}');
  }

  disconnect() {
    this.socket.close();
    return this.closed;
  }
}
