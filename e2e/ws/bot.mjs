import { createHmac } from "node:crypto";
import WebSocket from "ws";

const { LATCHKEY_GATEWAY: gateway, LATCHKEY_KEY: key, LATCHKEY_SECRET: secret } = process.env;
const ws = new WebSocket(`${gateway.replace(/^http/, "ws")}/api/ws`);
const say = (message) => ws.send(JSON.stringify(message));
const on = {
  connected() {
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = createHmac("sha256", secret).update(timestamp + key).digest("hex");
    say({ e: "auth", oid: "auth", auth: { key, signature, timestamp } });
  },
  auth: ({ ok, data }) => (ok ? say({ e: "trade_subscribe", oid: "1", data: { pair: "BTC-USD" } }) : console.error(data.error)),
  pong() {},
};
ws.on("message", (text) => {
  const message = JSON.parse(text);
  (on[message.e] ?? console.log)(message);
});
ws.on("close", (code) => process.exit(code === 1000 ? 0 : 1));
setInterval(() => say({ e: "ping" }), 20_000);
