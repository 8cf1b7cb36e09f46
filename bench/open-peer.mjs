// Starts one end of a measurement, a peer.mjs, in a process of its own.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const peerFile = fileURLToPath(new URL("./peer.mjs", import.meta.url));

/**
 * `ask(message, has)` sends a message, or nothing, and gives the next answer; of several that come, the one with the member `has`.
 * Rejects when the process ends.
 */
export function openPeer(args, execArgv = []) {
  const child = fork(peerFile, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv });
  const ask = (message, has) =>
    new Promise((resolve, reject) => {
      const onExit = (code) => reject(new Error(`${args.join(" ")} ended with code ${code}`));
      const onMessage = (answer) => {
        if (has !== undefined && answer[has] === undefined) return;
        child.off("exit", onExit);
        child.off("message", onMessage);
        resolve(answer);
      };
      child.once("exit", onExit);
      child.on("message", onMessage);
      if (message !== undefined) child.send(message);
    });
  return { child, ask };
}

/** Server and client of a cell; `first` is what the client says when it is ready. */
export async function openCell(client, server, { cold = false, execArgv } = {}) {
  const serving = openPeer(["serve", server], execArgv);
  const { port } = await serving.ask();
  const calling = openPeer(["call", client, String(port), ...(cold ? ["cold"] : [])], execArgv);
  return { serving, calling, first: await calling.ask() };
}

export function closeCell({ serving, calling }) {
  calling.child.kill();
  serving.child.kill();
}
