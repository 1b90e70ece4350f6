// Keys of the demo's account by the operator's commands: no codes to wait for.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { program } from "../ccxt/demo.mjs";

export class Operator {
  #data;
  constructor(demo) {
    this.#data = demo.data;
  }

  async #run(...args) {
    const { stdout } = await promisify(execFile)(program, ["key", ...args, "--data", this.#data, "--json"]);
    return JSON.parse(stdout);
  }

  // create makes an active key, with its secret.
  create(name, permissions, ip = []) {
    return this.#run("create", "--account", "demo", "--name", name, "--permissions", permissions, ...ip.map((a) => `--ip=${a}`), "--active");
  }

  // To deactivate and delete return when the key is without effect everywhere.
  deactivate = (key) => this.#run("deactivate", key.id);
  remove = (key) => this.#run("delete", key.id);
}
