/**
 * Every reason for which a construct is bridged or left alone. The short text stands in reports, the long one in
 * TODO lines and MIGRATION.md. `{detail}` is replaced by what was found at the place.
 */
export const reasons = {
  "types-unknown": {
    short: "nothing proves what this is",
    long: "Neither types nor provenance prove what this value is: {detail}.",
  },
  "callback-escapes": {
    short: "the callback is handed on",
    long: "The callback is passed to or kept by other code ({detail}), so its reply cannot become a return or a throw.",
  },
  "code-after-reply": {
    short: "code runs after the reply",
    long: "Statements run after the reply ({detail}); a return would skip them. Check for a missing return.",
  },
  "reply-in-nested-function": {
    short: "the reply is made in a nested function",
    long: "The reply is made inside a nested function ({detail}) whose result nobody awaits.",
  },
  "call-escapes": {
    short: "the call object is handed on",
    long: "The call object is passed to or kept by other code ({detail}).",
  },
  "call-is-read": {
    short: "a function reads the call object",
    long: "The call object is given to {detail}, which reads it: it gets a view of the context, in the shape that it knows.",
  },
  "no-equivalent": { short: "Connect has no equivalent", long: "Connect has no equivalent for {detail}." },
  "path-without-reply": {
    short: "a path ends without a reply",
    long: "A path through the handler ends without a reply ({detail}); returning there would answer an empty message.",
  },
  "not-found-in-proto": {
    short: "the proto does not have it",
    long: "{detail} is not in the .proto files, so no caller reaches it. Correct its name or remove it.",
  },
  "service-added-twice": {
    short: "the service is added twice",
    long: "{detail} is added to one server twice, which grpc-js refuses when the program starts. Remove one of them.",
  },
  "proto-missing": {
    short: "no .proto file was found",
    long: "No .proto file was found for {detail}. Add it, or have `recover` read it out of generated code, and run again.",
  },
  "proto-invalid": {
    short: "its .proto file does not compile",
    long: "The .proto file of {detail}. protobufjs takes some things that protoc and buf do not; correct the file and run again.",
  },
  "proto-rival": {
    short: "another .proto file declares it otherwise",
    long: "Several .proto files declare {detail}, with other text, and the one that is meant here was left out: imports connect this code with code that uses another one, so that they share generated code. Make the files equal, or delete those that are out of date.",
  },
  "proto-stale": {
    short: "the generated code and the .proto disagree",
    long: "The generated code and the .proto file disagree about {detail}. Run the old generator, or correct the .proto, and then this.",
  },
  "dependencies-missing": {
    short: "node_modules is missing",
    long: "node_modules is missing, so types could not be resolved: {detail}. Install dependencies and run again.",
  },
  "neighbour-not-migrated": {
    short: "a neighbour is not migrated yet",
    long: "{detail} still uses grpc-js; a bridge keeps both working.",
  },
  "server-escapes": {
    short: "the server object is used in other ways",
    long: "The server cannot become an app, because its object is used in a way that an app has not: {detail}.",
  },
  "handler-used-elsewhere": {
    short: "other code calls the handler",
    long: "Other code uses this handler in its old shape ({detail}).",
  },
  "messages-bridged": {
    short: "messages keep their shape",
    long: "Messages keep the shape they had: {detail}.",
  },
  "not-covered": {
    short: "no rule covers this yet",
    long: "No rule rewrites this use of {detail} yet; it stays as it is.",
  },
  "old-grpc": {
    short: "the package before grpc-js",
    long: "{detail} is of the package grpc, which grpc-js has replaced: import @grpc/grpc-js instead (and proto-loader for grpc.load), see that it works, and run this again.",
  },
  "nice-grpc": {
    short: "nice-grpc is an API of its own",
    long: "{detail} is nice-grpc's, which has servers, clients, middleware and errors of its own above grpc-js: this tool rewrites code that uses grpc-js itself. Its handlers (promises and async generators) already have Connect's shape: generate protobuf-es code, mount them with router.service, and turn its ServerError into ConnectError by hand. Until then it can stay as it is, beside migrated code.",
  },
  "own-definition": {
    short: "it is served by its own definition",
    long: "It is served by its own grpc-js definition, with the messages of that, because {detail}. It has JSON and reflection only where the definition describes its messages, as proto-loader's do.",
  },
  "message-unproved": {
    short: "message code is not proved",
    long: "The messages stay on the bridge, because not every use is proved: {detail}.",
  },
  "client-use": {
    short: "one use of the client cannot change",
    long: "The client keeps its grpc-js shape, because not every use of it can be rewritten: {detail}.",
  },
  "client-view": {
    short: "this use keeps the shape of grpc-js",
    long: "This use keeps the shape that the client has in grpc-js, because it cannot be rewritten: {detail}.",
  },
  "channel-kept": {
    short: "the channel stays on grpc-js",
    long: "The calls are Connect's, on a channel of grpc-js, because no transport has {detail}.",
  },
  "channel-view": {
    short: "a question about the connection",
    long: "Connect has no {detail}; a function of the runtime answers for the client's transport.",
  },
  "kept-beside-bridge": {
    short: "it works on beside a bridge",
    long: "It works as before: {detail}.",
  },
  "test-mock": {
    short: "a test replaces it",
    long: "A test replaces what this code asks for ({detail}) and would no longer be asked. Change that test first, for instance to a server in the test or to createRouterTransport.",
  },
  "error-escapes": {
    short: "the error is looked at as a whole",
    long: "The error is turned back into the ServiceError that grpc-js gives, because {detail}.",
  },
  "left-out": { short: "you left it out", long: "You left this change out ({detail})." },
  "syntax-error": { short: "the file does not parse", long: "{detail}" },
  "gate-failed": {
    short: "the result did not pass the gate",
    long: "The rewritten file did not pass the gate: {detail}.",
  },
  "compiler-rejects": {
    short: "the compiler rejects the new shape",
    long: "It keeps its old shape, because the compiler rejects the new one: {detail}.",
  },
  "edit-conflict": {
    short: "two rules wanted the same text",
    long: "Two rules wanted to edit the same text: {detail}.",
  },
} as const satisfies Record<string, { short: string; long: string }>;

export type ReasonCode = keyof typeof reasons;

/** A reason with its long text filled in. */
export interface Reason {
  readonly code: ReasonCode;
  readonly text: string;
}

/** Makes a {@link Reason}: `reason("callback-escapes", "passed to fs.readFile")`. */
export function reason(code: ReasonCode, detail: string): Reason {
  return { code, text: reasons[code].long.replace("{detail}", () => detail) };
}
