import type { HelpedCall, ReadCall } from "../services/handler-draft.js";
import type { Wrapping } from "../services/handler-plan.js";
import type { Reason } from "../shared/reasons.js";
import type { NamedImport } from "../shared/with-imports.js";
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
  /** It stays, but as a field of its class that holds the bridge: the other methods change. */
  readonly isField: boolean;
  /** Null: it is registered itself. */
  readonly wrapping: Wrapping | null;
  /** Calls in it of functions that make its error replies, and change with it. */
  readonly helped: readonly HelpedCall[];
  /** What handlers and wrappers put on calls, and what becomes context values. */
  readonly properties: readonly string[];
  /** Where it gives its call to functions that only read it. */
  readonly read: readonly ReadCall[];
  /** Where calls of clients begin that get its callback. */
  readonly asked: readonly number[];
  /** Where calls of clients begin that it keeps: `const up = backend.chat();`. */
  readonly upstream: readonly number[];
  /** It stands behind a wrapper that changes. */
  readonly isWrapped: boolean;
}

/** `call.user`, which becomes a context value: the key for it, in one of the files that use it. The range is that of the first use. */
export interface ContextKeyFact extends FactBase {
  readonly kind: "context-key";
  /** The property of the call. */
  readonly name: string;
  readonly key: string;
  /** Where the key is exported; null: the file declares it. */
  readonly module: string | null;
}

/** A new file with the keys that several files use. */
export interface ContextKeysFact extends FactBase {
  readonly kind: "context-keys";
  readonly keys: readonly string[];
  /** How the file that sets them is written. */
  readonly moduleSystem: "esm" | "cjs";
  readonly isTyped: boolean;
  readonly quote: "'" | '"';
  readonly semicolon: ";" | "";
  readonly eol: "\r\n" | "\n";
}

export function isContextKeys(fact: FactBase): fact is ContextKeysFact {
  return fact.kind === "context-keys";
}

/** A function that makes the error replies of handlers, and returns the error from now on. The range is that of its *body*. */
export interface ReplyHelperFact extends FactBase {
  readonly kind: "reply-helper";
  /** Which parameter is the callback, and which the call. */
  readonly callback: number | null;
  readonly call: number | null;
  /** Does it throw the errors, and else gives something true? */
  readonly isGuard: boolean;
  /** Where values begin that it returns and that are objects by their types. */
  readonly sure: readonly number[];
  /** Which parameter of a guard is the call. */
  readonly read: number | null;
  /** Calls in it of other such functions. */
  readonly helped: readonly HelpedCall[];
}

/** A member of an implementation that looks like a handler, of no method of the service; the range is that of its body. */
export interface StrayHandlerFact extends FactBase {
  readonly kind: "stray-handler";
  readonly service: string;
  readonly key: string;
}

/** `server.addService(definition, implementation)`; the range is that of the call. */
export interface RegistrationFact extends FactBase {
  readonly kind: "registration";
  /** Empty where nothing but the definition is known. */
  readonly service: string;
  /** The service or the definition, for reports. */
  readonly shown: string;
  /** How the router is named where the service is registered. */
  readonly router: string;
  /** What to import for the descriptor; null: the service is made of its old definition, with `why` in `ownReason`. */
  readonly descriptor: { readonly module: string; readonly name: string } | null;
  readonly ownReason: Reason | null;
  /** `packageDefinition['pkg.Service']`; null: the call's own first argument is the codec's definition. */
  readonly definition: string | null;
  /**
   * How the implementation is handed over: as it is (a class may bridge single methods itself), its literal one member at a time, another object that takes the place of
   * single members (`{ ...handlers, get: fromCallback(handlers.get) }`), bridged in part (`fromCallbacks(handlers, ["get"])`), or bridged as a whole.
   */
  readonly implementation: "plain" | "members" | "spread" | "some" | "callbacks";
  /** For `members`, `spread` and `some`: the keys whose handler keeps its callback. */
  readonly bridgedKeys: readonly string[];
  /** For `members`: keys of that kind that `...handlers` brings, by the place of the spread. */
  readonly bridgedSpreads: readonly { readonly start: number; readonly keys: readonly string[] }[];
  /** The implementation stands in `toCallbacks(Service, …)`: its handlers are Connect's already. */
  readonly isBridged: boolean;
}

/**
 * A bridge at a registration whose file this run may not change otherwise: handlers that change there need one
 * (`addService(definition, toCallbacks(Service, handlers))`), or need one no more (`router.service(Service, handlers)` for
 * `fromCallbacks(handlers)`). The range is that of the implementation, bridge included.
 */
export interface NeighbourBridgeFact extends FactBase {
  readonly kind: "neighbour-bridge";
  readonly service: string;
  readonly change:
    | { readonly kind: "insert"; readonly descriptor: { readonly module: string; readonly name: string } }
    | { readonly kind: "remove"; readonly inner: { readonly start: number; readonly end: number } };
}

/** `healthImpl.addToServer(server)`: a service of a library that an app has a counterpart for; the range is that of the call. */
export interface ServerPartFact {
  readonly start: number;
  readonly end: number;
  /** What stands in `routes` instead. */
  readonly text: string;
  readonly imports: readonly NamedImport[];
}

/** A declaration between the services that are added; the range is that of the statement. */
export interface LiftedFact {
  readonly start: number;
  readonly end: number;
  readonly kind: "move" | "let";
  readonly name: string;
  /** Where its value begins. */
  readonly value: number;
  /** For `let` in TypeScript. */
  readonly type: string | null;
}

/** The list of a server's interceptors, as text. */
export interface ServerInterceptors {
  /** As at the beginning of a line. */
  readonly text: string;
  /** What the text takes from elsewhere. */
  readonly imports: readonly NamedImport[];
  /** Why they keep the shape that they have in grpc-js; null: they are Connect's. */
  readonly kept: string | null;
}

/** `new grpc.Server(…)`; the range is that of the expression. Present for every construction, whether it can be migrated or not. */
export interface ServerFact extends FactBase {
  readonly kind: "server";
  readonly ok: boolean;
  readonly reason: Reason | null;
  /**
   * `module`: the app is a value of its own, which the module exports where it can; `value`: the app stands in the place of
   * the server, in the same variable or field, and goes wherever that went.
   */
  readonly mode: "module" | "value";
  /** The addService calls of this server, in source order. */
  readonly registrations: readonly RegistrationFact[];
  readonly parts: readonly ServerPartFact[];
  /** The statements that become the body of `routes`. */
  readonly routes: {
    readonly start: number;
    readonly end: number;
    /** Each of them is a registration. */
    readonly isPlain: boolean;
    readonly hasThis: boolean;
    /** They stand in another block than the server is made in. */
    readonly isApart: boolean;
    /** Declarations among them that move in front of them, as a whole or (`let`) as a name that is given its value there. */
    readonly lifted: readonly LiftedFact[];
  };
  /** Members of createApp's options, beside `routes` and `compat`. */
  readonly options: readonly string[];
  readonly interceptors: ServerInterceptors | null;
  /** Every other use of the server; of a `value` they stand in facts of their own. */
  readonly uses: readonly ServerUseFact[];
  /** How the module asks whether it is the program; null if another file imports it for what it does. */
  readonly entry: "require" | "import.meta" | null;
  /** Declarations that nothing needs once the registrations are gone (`const proto = loadPackageDefinition(…)`). */
  readonly unused: readonly { readonly start: number; readonly end: number }[];
}

/** A proto-loader call that stays as the codec of messages, as long as one of its users needs it; the range is that of the call. */
export interface CodecFact extends FactBase {
  readonly kind: "codec";
  /** The registrations; the service is empty where it is served by its own definition. */
  readonly users: readonly { readonly file: string; readonly service: string }[];
}

/** A member call on a server: `server.bindAsync(…)`, `start`, `tryShutdown`, `forceShutdown`; the range is that of the call. */
export interface ServerUseFact extends FactBase {
  readonly kind: "server-use";
  readonly member: string;
  /**
   * The call goes through `promisify`, and gives a promise: how the server and `promisify` are named there. Without `promisify`
   * it is `server.tryShutdown.bind(server)`, and gives a function.
   */
  readonly promised: { readonly server: string; readonly promisify: string | null } | null;
  /** For bindAsync: members of serve's options, beside the address. */
  readonly serve: readonly string[];
}

/** A value that belongs to a server and changes where it stands: credentials, options, types. */
export interface ServerValueFact extends FactBase {
  readonly kind: "server-value";
  readonly text: string;
  readonly construct: string;
  readonly imports: readonly NamedImport[];
  /** Why it is a bridge; without one it is idiomatic, or reported with its handler. */
  readonly reason?: Reason;
  /** A bridge: properties that its handler finds on the call, which are context values. */
  readonly properties?: readonly string[];
}

export function isServerValue(fact: FactBase): fact is ServerValueFact {
  return fact.kind === "server-value";
}

/** A class whose methods become Connect handlers; the range is that of the type in `implements …`. */
export interface ImplementationClassFact extends FactBase {
  readonly kind: "implementation-class";
  /**
   * The service definition's own name and the module that the type comes from; a text: the interface that says it all, as the
   * file names it; null: only the signatures are known.
   */
  readonly definition: { readonly module: string; readonly name: string } | string | null;
  /** The range is that of `extends UnimplementedGreeterService`, which becomes an `implements`. */
  readonly isBase: boolean;
  /** `override` of members and `super();`, which go with `extends …`. */
  readonly ofBase: readonly { readonly start: number; readonly end: number }[];
  /** `implements UntypedServiceImplementation`, which goes. */
  readonly untyped: { readonly start: number; readonly end: number } | null;
  /** `[name: string]: UntypedHandleCall`: members of a Connect service are known by name. */
  readonly signatures: readonly { readonly start: number; readonly end: number }[];
}

export function isCodec(fact: FactBase): fact is CodecFact {
  return fact.kind === "codec";
}

export type ServerSideFact =
  | CodecFact
  | ImplementationClassFact
  | HandlerFact
  | ContextKeyFact
  | ContextKeysFact
  | StrayHandlerFact
  | ReplyHelperFact
  | NeighbourBridgeFact
  | RegistrationFact
  | ServerFact
  | ServerUseFact
  | ServerValueFact;
