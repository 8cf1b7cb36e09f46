import type { Reason } from "../shared/reasons.js";
import type { NamedImport } from "../shared/with-imports.js";
import type { FactBase, RpcRef } from "./facts.js";
import type { Unseen } from "./unseen-results.js";

/** What a value or call becomes. A client is idiomatic only if all its uses are. */
export type ClientOutcome = "idiomatic" | "bridged" | "manual";

/** `new X(address, credentials, options)`. The range is the expression. */
export interface ClientConstructionFact extends FactBase {
  readonly kind: "client-construction";
  readonly service: string;
  readonly outcome: ClientOutcome;
  readonly reason: Reason | null;
  /** Import of the service's descriptor; null: the service is made of its definition. */
  readonly descriptor: { readonly module: string; readonly name: string } | null;
  /** The old service definition, whose functions are the codec. */
  readonly definition: DefinitionRef | null;
  /** `baseUrl: "…"`, `readMaxBytes: …`: members of the transport's options, as text. */
  readonly transport: readonly string[];
  /** Names that the text of `transport` uses. */
  readonly imports: readonly NamedImport[];
  /** `callbacks`: the client keeps its grpc-js shape. */
  readonly shape: "promises" | "callbacks";
  /** `grpc-js`: the channel has something that no transport has, and stays; `channel` is what its client is made of. */
  readonly channel: readonly string[] | null;
  /** Is `close()` called on it? Then the transport needs a name. */
  readonly isClosed: boolean;
  /** A client that is a field of a class and is closed: its transport becomes a field beside it. */
  readonly field: ClientField | null;
  /** The old client's type, as written, for a bridged client in TypeScript. */
  readonly typeText: string | null;
}

/** What a transport takes in another form, made away from the client: credentials, an interceptor, their types. The range is the expression. */
export interface ClientValueFact extends FactBase {
  readonly kind: "client-value";
  /** What stands there instead. */
  readonly text: string;
  readonly construct: string;
  readonly imports: readonly NamedImport[];
}

export interface TextChange {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A function of a test that answers in the place of a client's method. The range is what puts it there. */
export interface ClientStubFact extends FactBase {
  readonly kind: "client-stub";
  readonly rpc: RpcRef;
  readonly changes: readonly TextChange[];
  readonly imports: readonly NamedImport[];
}

export interface ClientField {
  /** The transport's field. */
  readonly transport: string;
  /** `this.client = new X(…)` in a method, or `client = new X(…)` as a member. */
  readonly isMember: boolean;
  /** Where a TypeScript class declares the client; null where nothing declares it. */
  readonly declaration: number | null;
  readonly modifiers: string;
  /** The class need not fill it when it is made. */
  readonly isLate: boolean;
}

/** How the old service definition is written at a place. `types`: the interface that says what its messages are. */
export type DefinitionRef =
  | {
      readonly kind: "text";
      readonly text: string;
      readonly types?: string | { readonly module: string; readonly name: string };
    }
  | {
      readonly kind: "import";
      readonly module: string;
      readonly name: string;
      readonly types?: { readonly module: string; readonly name: string };
    };

/** One call of an RPC: `client.getItem(…)`, or of a function made from one by promisify. The range is the call. */
export interface ClientCallFact extends FactBase {
  readonly kind: "client-call";
  readonly rpc: RpcRef;
  readonly form: "client" | "promisified";
  readonly outcome: ClientOutcome;
  readonly reason: Reason | null;
  /** Of a call that is returned to where nobody looks at it: to whom. */
  readonly unseen: Unseen | null;
  /** May a handler throw the error of a call as it is? */
  readonly relays: boolean;
  /** Where the body of the handler around it begins, if a router waits for what that gives. */
  readonly handler: number | null;
  /** What the arguments behind the request are, the callback left out. */
  readonly args: readonly CallArgument[];
  /** TypeScript: the type of the messages that are written to the call. */
  readonly messageType: MessageType | null;
  /** TypeScript: the type that the callback gives its response, where a variable has to have it. */
  readonly responseType: string | null;
  /** TypeScript: does the type of a callback that has a name ask for a response beside every error? */
  readonly wantsResponse: boolean;
}

export interface MessageType {
  readonly text: string;
  readonly imports: readonly NamedImport[];
}

export type CallArgument =
  | { readonly kind: "metadata" /** Why it is not Headers; null if it is. */; readonly obstacle: string | null }
  | {
      readonly kind: "options";
      /** Of a value that is made elsewhere: it holds a deadline and nothing else, or is what a function reads, which may be missing. */
      readonly held: "deadline" | "options" | "optional" | null;
      /** `{ credentials }`: what it is, and the text that says so; null: its own. */
      readonly credentials: { readonly form: "credentials" | "interceptor"; readonly text: string | null } | null;
    };

/** `promisify(client.m).bind(client)` and its variants, and `client.m.bind(client)`. The range is the whole expression. */
export interface ClientPromisifyFact extends FactBase {
  readonly kind: "client-promisify";
  readonly rpc: RpcRef;
  readonly form: "client" | "promisified";
  readonly outcome: ClientOutcome;
  readonly reason: Reason | null;
  /** Range of `client.m`. */
  readonly method: { readonly start: number; readonly end: number };
}

/** `client.close()`. The range is the call. */
export interface ClientCloseFact extends FactBase {
  readonly kind: "client-close";
  readonly outcome: ClientOutcome;
  /** The field that holds the transport; null where it is the variable beside the client's. */
  readonly field: string | null;
}

/** `client.waitForReady(…)`, `grpc.closeClient(client)`: a function of the runtime takes the client. The range is the call. */
export interface ClientChannelFact extends FactBase {
  readonly kind: "client-channel";
  readonly function: "closeClient" | "waitForClientReady" | "getClientChannel";
  /** Is it a member of the client that is called? Otherwise it is grpc-js's own function of that name. */
  readonly isMember: boolean;
  /** Does its callback become what awaits a promise? */
  readonly isAwaited: boolean;
}

/** A use of an idiomatic client that keeps the shape of grpc-js. The range is that of the client. */
export interface ClientViewFact extends FactBase {
  readonly kind: "client-view";
  /** The old client's type, in TypeScript. */
  readonly type: string | null;
  /** The name of the member, where `{ client }` says both. */
  readonly key: string | null;
  /** Null where it is a call, which has a fact of its own. */
  readonly reason: Reason | null;
}

/** A type position that names an idiomatic client. */
export interface ClientTypeFact extends FactBase {
  readonly kind: "client-type";
  /** Null where it says `Client`, which clients of several services are. */
  readonly definition: DefinitionRef | null;
  /** The type is that of one method of the client. */
  readonly member: string | null;
}

/** `CallOptions` of a name that holds options of migrated calls, which a function reads. */
export interface ClientOptionsTypeFact extends FactBase {
  readonly kind: "client-options-type";
}

/** A type that the program wrote for a client or a method of one, which gives promises. The range is the declaration. */
export interface ClientInterfaceFact extends FactBase {
  readonly kind: "client-interface";
  readonly construct: string;
  readonly changes: readonly TextChange[];
  readonly imports: readonly NamedImport[];
}

/** One caught error that may come from a migrated call. The range is the parameter of the catch clause or function. */
export interface ClientErrorFact extends FactBase {
  readonly kind: "client-error";
  /** `native`: all uses have a counterpart on ConnectError. `wrapped`: it is turned back into a ServiceError first. */
  readonly mode: "native" | "wrapped";
  /**
   * The parameter of a call's own callback goes away with it; one that is handed is of a function with a name that is the callback of calls and
   * nothing else; that of a helper is a function's that errors are passed to. A
   * value is an expression, or a name in a pattern, that is an error; a rejection is a promise whose error something else looks at.
   */
  readonly place: "catch" | "callback" | "handed" | "helper" | "value" | "rejection" | "callbackified";
  /** Where a native one is turned back all the same: its only use, or each of a value. */
  readonly converted: readonly { readonly start: number; readonly end: number }[];
  /** Is anything read of it? In TypeScript it needs its type then. */
  readonly reads: boolean;
  /** May it be of a call that somebody cancels, of which the two libraries have other texts? */
  readonly ofCancelled: boolean;
  /** May a handler throw it as it is? */
  readonly relays: boolean;
  readonly reason: Reason | null;
}

/** An expression of a Metadata value all of whose uses become Headers: `new Metadata()`, a method call, a type. */
export interface ClientMetadataFact extends FactBase {
  readonly kind: "client-metadata";
  readonly part: "construction" | "set" | "add" | "remove" | "clone" | "merge" | "get" | "binary" | "check" | "type";
}

export type ClientFact =
  | ClientConstructionFact
  | ClientValueFact
  | ClientChannelFact
  | ClientViewFact
  | ClientCallFact
  | ClientPromisifyFact
  | ClientCloseFact
  | ClientTypeFact
  | ClientOptionsTypeFact
  | ClientInterfaceFact
  | ClientStubFact
  | ClientErrorFact
  | ClientMetadataFact;

export function clientFacts<K extends ClientFact["kind"]>(
  facts: readonly FactBase[],
  kind: K,
): Extract<ClientFact, { kind: K }>[] {
  return facts.filter((fact) => fact.kind === kind) as Extract<ClientFact, { kind: K }>[];
}
