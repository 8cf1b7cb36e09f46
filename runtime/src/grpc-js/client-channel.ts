import { originOf, transportOf } from "../client/client-origin.js";
import type { Connectivity } from "../client/http-client.js";
import { connected } from "../client/wait-until-ready.js";
import type { Transport } from "../transport.js";
import { timeoutFromDeadline } from "./deadline.js";

type Done = (error?: Error) => void;

/** What grpc-js's Channel says of its connection. */
export interface ChannelView {
  /** Undefined for a transport that names no target. */
  readonly target: string | undefined;
  /** Calls back without an error once a connection is ready, with one when the deadline has passed. */
  waitForReady(deadline: Date | number, callback: Done): void;
  /** A number of grpc-js's `connectivityState`. */
  getConnectivityState(tryToConnect?: boolean): number;
  /** Calls back when the state is another than `current`; with an error when the deadline has passed. */
  watchConnectivityState(current: number, deadline: Date | number, callback: Done): void;
}

/** Numbers of grpc-js's connectivityState. */
const stateNumbers = { idle: 0, connecting: 1, ready: 2, transient_failure: 3, shutdown: 4 } as const;

/** How often a watched state is looked at, in milliseconds. */
const watchIntervalMs = 10;

export function channelView(transport: Transport, isOpen: () => boolean): ChannelView {
  const { connectivity } = transport as { connectivity?: Connectivity };

  function getConnectivityState(tryToConnect?: boolean): number {
    if (!isOpen()) {
      return stateNumbers.shutdown;
    }
    const state = connectivity?.state() ?? "ready";
    if (tryToConnect === true && state === "idle") {
      connectivity?.connect(() => false).catch(() => {});
    }
    return stateNumbers[state];
  }
  return {
    target: connectivity?.target,
    getConnectivityState,
    waitForReady(deadline, callback) {
      connected(connectivity, isOpen, timeoutFromDeadline(deadline)).then(
        () => process.nextTick(callback),
        (error) => process.nextTick(callback, error),
      );
    },
    watchConnectivityState(current, deadline, callback) {
      const look = () => {
        if (getConnectivityState() !== current) {
          finish();
        }
      };
      const unwatch = connectivity?.watch?.(look);
      // Where nothing tells of changes, and for the end of the client itself
      const watch = setInterval(look, watchIntervalMs);
      const finish = once(callback, () => {
        clearInterval(watch);
        unwatch?.();
      });
      startTimer(deadline, finish, "Deadline passed without connectivity state change");
    },
  };
}

function once(callback: Done, stop: () => void): Done & { timer?: NodeJS.Timeout } {
  let called = false;
  const finish: Done & { timer?: NodeJS.Timeout } = (error) => {
    if (!called) {
      called = true;
      clearTimeout(finish.timer);
      stop();
      process.nextTick(callback, error);
    }
  };
  return finish;
}

function startTimer(deadline: Date | number, finish: Done & { timer?: NodeJS.Timeout }, text: string): void {
  const timeoutMs = timeoutFromDeadline(deadline);
  if (timeoutMs !== undefined) {
    finish.timer = setTimeout(() => finish(new Error(text)), timeoutMs);
  }
}

/** Clients of createClient that were closed here. */
const closedClients = new WeakSet<object>();

/** A client that has the shape of grpc-js answers for itself. */
interface OldClient {
  close(): void;
  waitForReady(deadline: Date | number, callback: Done): void;
  getChannel(): ChannelView & { close(): void };
}

function oldClient(client: object): OldClient | undefined {
  const isOld = originOf(client) === undefined && typeof (client as OldClient).getChannel === "function";
  return isOld ? (client as OldClient) : undefined;
}

/**
 * grpc-js's `closeClient(client)`, for a client of `createClient`: closes the transport that it was made on. Without a client, nothing: `client?.close()`.
 * A client that has the shape of grpc-js, which may come by the same name, closes itself.
 */
export function closeClient(client: object | null | undefined): void {
  if (client === null || client === undefined) {
    return;
  }
  const old = oldClient(client);
  if (old !== undefined) {
    old.close();
    return;
  }
  closedClients.add(client);
  (transportOf(client) as { close?: () => void }).close?.();
}

/** grpc-js's `waitForClientReady(client, deadline, callback)`, for a client of `createClient` and one of grpc-js's shape. */
export function waitForClientReady(client: object, deadline: Date | number, callback: Done): void {
  (oldClient(client) ?? getClientChannel(client)).waitForReady(deadline, callback);
}

/** The state of a client's connection, as grpc-js's `getClientChannel(client)` gives it, for a client of `createClient` and one of grpc-js's shape. */
export function getClientChannel(client: object): ChannelView & { close(): void } {
  const old = oldClient(client);
  if (old !== undefined) {
    return old.getChannel();
  }
  const view = channelView(transportOf(client), () => !closedClients.has(client));
  return { ...view, close: () => closeClient(client) };
}
