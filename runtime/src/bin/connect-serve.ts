#!/usr/bin/env node
import { existsSync, readFileSync, watchFile } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type App, serve } from "../node/index.js";

const usage = `Usage: connect-serve <module>[:<export>] [options]

Serves the app that a module exports: gRPC, gRPC-Web and Connect over HTTP/1.1 and HTTP/2 on one port.
The export is "app" or the default export unless it is named.

Options:
  --address <address>     host:port, [::]:port, dns:name:port or unix:path (default 0.0.0.0:$PORT, or 0.0.0.0:8080)
  --tls-cert <file>       certificate chain in PEM; serves TLS. The TLS files are read again on SIGHUP, and when they change
  --tls-key <file>        private key in PEM
  --tls-client-ca <file>  demand client certificates of this CA
  --grace <seconds>       how long running calls may take after SIGTERM or SIGINT (default 30)
  --max-age <seconds>     close connections gracefully at this age, so that clients spread over new servers (default never)
  --keepalive <seconds>   drop connections whose peer does not answer a PING sent at this interval (default never)
  --help
`;

function fail(message: string): never {
  console.error(`connect-serve: ${message}`);
  process.exit(1);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        address: { type: "string" },
        "tls-cert": { type: "string" },
        "tls-key": { type: "string" },
        "tls-client-ca": { type: "string" },
        grace: { type: "string" },
        "max-age": { type: "string" },
        keepalive: { type: "string" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    fail(`${(error as Error).message}\n\n${usage}`);
  }
}

/** `./server.js:app` -> the module's path and the export's name. A path may hold colons too (`C:\server.js`). */
function splitTarget(target: string): { path: string; name: string | undefined } {
  const colon = target.lastIndexOf(":");
  if (colon <= 1 || existsSync(target)) return { path: target, name: undefined };
  return { path: target.slice(0, colon), name: target.slice(colon + 1) };
}

function isApp(value: unknown): value is App {
  return typeof value === "function" && typeof (value as Partial<App>).internals?.handleStream === "function";
}

async function loadApp(target: string): Promise<App> {
  const { path, name } = splitTarget(target);
  if (!existsSync(path)) fail(`there is no module ${path}`);
  const module = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  // A CommonJS module's exports are its default export; its named ones may not have been detected.
  const commonJs = (module.default ?? {}) as Record<string, unknown>;
  const candidates = name === undefined ? [module.app, commonJs.app, module.default] : [module[name], commonJs[name]];
  const app = candidates.find(isApp);
  if (app === undefined) {
    const names = [...new Set([...Object.keys(module), ...Object.keys(commonJs)])].join(", ");
    const wanted = name === undefined ? 'an app as "app" or as its default export' : `an app as "${name}"`;
    fail(`${path} does not export ${wanted} (made by createApp). It exports: ${names || "nothing"}`);
  }
  return app;
}

function milliseconds(option: string, seconds: string | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  if (!(Number(seconds) > 0)) fail(`--${option} is "${seconds}"; expected seconds, more than 0`);
  return Number(seconds) * 1000;
}

const { values, positionals } = parse();
if (values.help === true) {
  console.log(usage);
} else {
  const [target] = positionals;
  if (target === undefined || positionals.length > 1) fail(`one module is expected\n\n${usage}`);
  if ((values["tls-cert"] === undefined) !== (values["tls-key"] === undefined))
    fail("--tls-cert and --tls-key go together");
  const app = await loadApp(target);
  const tlsFiles = [values["tls-cert"], values["tls-key"], values["tls-client-ca"]].filter(
    (file) => file !== undefined,
  );
  const readTls = () => ({
    cert: readFileSync(values["tls-cert"] as string),
    key: readFileSync(values["tls-key"] as string),
    ...(values["tls-client-ca"] === undefined ? {} : { ca: readFileSync(values["tls-client-ca"]) }),
  });
  const secure = values["tls-cert"] !== undefined;
  const mutual = values["tls-client-ca"] === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  const maxAge = milliseconds("max-age", values["max-age"]);
  const keepalive = milliseconds("keepalive", values.keepalive);
  let tls: ReturnType<typeof readTls> | undefined;
  try {
    tls = secure ? readTls() : undefined;
  } catch (error) {
    fail((error as Error).message);
  }
  const server = await serve(app, {
    address: values.address ?? `0.0.0.0:${process.env.PORT ?? 8080}`,
    shutdownGraceMs: milliseconds("grace", values.grace) ?? 30_000,
    ...(maxAge === undefined ? {} : { maxConnectionAgeMs: maxAge }),
    ...(keepalive === undefined ? {} : { keepaliveTimeMs: keepalive }),
    ...(tls === undefined ? {} : { tls: { ...tls, ...mutual } }),
  }).catch((error: Error) => fail(error.message));
  const reload = () => {
    try {
      server.setSecureContext(readTls());
      console.log("connect-serve: new TLS certificates");
    } catch (error) {
      // A file may be half written; the next change, or SIGHUP, tries again
      console.error(`connect-serve: the old TLS certificates stay: ${(error as Error).message}`);
    }
  };
  if (secure) {
    process.on("SIGHUP", reload);
    for (const file of tlsFiles) watchFile(file, { persistent: false, interval: 5_000 }, reload);
  }
  console.log(`connect-serve: listening on ${server.address}`);
}
