// npm run interop [-- --case PATTERN] [--json FILE]
// gRPC's interoperability cases between this runtime, grpc-js and connect-node, on the built package. Exits with 1 on any failure.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { cases } from "./cases.mjs";
import { connect, startServer } from "./peers.mjs";

/** client -> server, protocol */
export const pairings = [
  ["ours", "ours", "gRPC"],
  ["ours", "grpc-js", "gRPC"],
  ["grpc-js", "ours", "gRPC"],
  ["ours", "connect-node", "gRPC"],
  ["connect-node", "ours", "gRPC"],
  ["ours", "ours", "Connect"],
  ["ours", "connect-node", "Connect"],
  ["connect-node", "ours", "Connect"],
  ["ours", "ours", "gRPC-Web"],
  ["ours", "connect-node", "gRPC-Web"],
  ["connect-node", "ours", "gRPC-Web"],
];

/** Runs the cases of one pairing; each result has an error unless the case passed. */
export async function runPairing([clientStack, serverStack, protocol], pattern = "") {
  const server = await startServer(serverStack);
  const client = connect(clientStack, protocol, server.port);
  const results = [];
  for (const [name, run] of Object.entries(cases)) {
    if (!name.includes(pattern)) continue;
    let timer;
    const timeout = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error("no end after 10 s")), 10_000);
    });
    try {
      await Promise.race([run(client, protocol, clientStack), timeout]);
      results.push({ name });
    } catch (error) {
      results.push({ name, error: String(error?.stack ?? error) });
    } finally {
      clearTimeout(timer);
    }
  }
  client.close();
  server.stop();
  return results;
}

async function main() {
  const { values } = parseArgs({ options: { case: { type: "string" }, json: { type: "string" } } });
  const table = [];
  for (const pairing of pairings) {
    const results = await runPairing(pairing, values.case);
    table.push({ client: pairing[0], server: pairing[1], protocol: pairing[2], results });
    const failed = results.filter((result) => result.error !== undefined);
    const name = `${pairing[0]} -> ${pairing[1]}`.padEnd(24);
    console.log(`${name} ${pairing[2].padEnd(9)} ${results.length - failed.length}/${results.length} passed`);
    for (const { name: failedCase, error } of failed)
      console.log(`  ${failedCase}: ${error.replaceAll("\n", "\n    ")}`);
  }
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(table, undefined, 2));
  const all = table.flatMap(({ results }) => results);
  const failures = all.filter((result) => result.error !== undefined).length;
  console.log(`interop: ${all.length - failures} passed, ${failures} failed`);
  // Sessions of the peers may linger; nothing is left to do
  process.exit(failures === 0 && all.length > 0 ? 0 : 1);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
