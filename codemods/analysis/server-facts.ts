import type { Reason } from "../shared/reasons.js";
import type { FactBase, RpcRef } from "./facts.js";

/** A function that answers an RPC. The range is that of its *body*. */
export interface HandlerFact extends FactBase {
  readonly kind: "handler";
  readonly rpc: RpcRef;
  /** Decided for the whole project. False: the function stays, and is bridged where it is registered. */
  readonly idiomatic: boolean;
  /** Why it is not idiomatic. */
  readonly reason: Reason | null;
  readonly messages: "bridge";
}

/** `server.addService(definition, implementation)`; the range is that of the call. */
export interface RegistrationFact extends FactBase {
  readonly kind: "registration";
  readonly service: string;
  /** What to import for the descriptor. */
  readonly descriptor: { readonly module: string; readonly name: string };
  /** `packageDefinition['pkg.Service']`; null: the call's own first argument is the codec's definition. */
  readonly definition: string | null;
  /** How the implementation is handed over: as it is, one member at a time, or bridged as a whole. */
  readonly implementation: "plain" | "members" | "callbacks";
  /** For `members`: the keys whose handler keeps its callback. */
  readonly bridgedKeys: readonly string[];
}

/** `new grpc.Server(…)`; the range is that of the expression. Present for every construction, whether it can be migrated or not. */
export interface ServerFact extends FactBase {
  readonly kind: "server";
  readonly ok: boolean;
  readonly reason: Reason | null;
  /** The addService calls of this server, in source order. */
  readonly registrations: readonly RegistrationFact[];
  /** The proto-loader calls of this file that stay as the codec of messages. */
  readonly codecs: readonly { readonly start: number; readonly end: number }[];
  /** Every other use of the server: range of the member call (`server.start()`) and the member's name. */
  readonly uses: readonly { readonly start: number; readonly end: number; readonly member: string }[];
  /** The program closes the server itself when a signal arrives. */
  readonly ownSignals: boolean;
  /** How the module asks whether it is the program; null if another file imports it for what it does. */
  readonly entry: "require" | "import.meta" | null;
  /** Declarations that nothing needs once the registrations are gone (`const proto = loadPackageDefinition(…)`). */
  readonly unused: readonly { readonly start: number; readonly end: number }[];
}

/** A class whose methods become Connect handlers; the range is that of the type in `implements …`. */
export interface ImplementationClassFact extends FactBase {
  readonly kind: "implementation-class";
  /** The service definition's own name and the module that the type comes from. */
  readonly definition: { readonly module: string; readonly name: string };
  /** `[name: string]: UntypedHandleCall`: members of a Connect service are known by name. */
  readonly signatures: readonly { readonly start: number; readonly end: number }[];
}

export type ServerSideFact = ImplementationClassFact | HandlerFact | RegistrationFact | ServerFact;
