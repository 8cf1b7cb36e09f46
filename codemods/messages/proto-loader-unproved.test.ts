import { beforeAll, describe, expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { program, proto as source } from "./testing/loader-source.js";
import { type MigratedMessages, migrateMessages } from "./testing/migrate-messages.js";

const data = "google.protobuf.Struct the_data = 22; google.protobuf.Value the_value = 23;";
const proto = source
  .replace('import "google/protobuf/wrappers.proto";', '$& import "google/protobuf/struct.proto";')
  .replace(/message (Req|Res) \{/g, `$& ${data}`);

describe("what is not proved stays on the bridge, byte for byte, and says why", () => {
  const cases: [name: string, handler: string, why: RegExp, loaderOptions?: string][] = [
    [
      "a message of its own that is logged whole",
      "function get(req) { const res = { the_name: 'x' }; console.log(res); return res; }",
      /goes where it cannot be followed/,
    ],
    [
      "a part that is given to a function with one of its own",
      "function show(one) { console.log(one); }\nfunction get(req) { show(req); show({ the_name: 'x' }); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that unknown code gets, and that is read afterwards",
      "function get(req) { other(req); return { the_name: req.the_name }; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that is given away twice",
      "function get(req) { for (const one of [1, 2]) other(req, one); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that is given away in a callback that may run again",
      "function get(req) { other.on('x', () => other(req)); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request that is read by a function after it is given away",
      "function get(req) { setTimeout(() => other(req.the_name)); other(req); return {}; }",
      /goes where it cannot be followed/,
    ],
    [
      "a request whose part has another name when it is given away",
      "function get(req) { const child = req.the_child; other(req); return { the_req: child }; }",
      /goes where it cannot be followed/,
    ],
    [
      "a copy that shares a part",
      "function get(req) { const copy = { ...req.the_child }; other(copy); return { the_req: req.the_child }; }",
      /goes where it cannot be followed/,
    ],
    ["a spread whose fields have other types", "function get(req) { return { ...req }; }", /spread/],
    [
      "a spread behind a field of the same name",
      "function get(req) { return { the_req: { the_name: other(), ...req } }; }",
      /spread/,
    ],
    [
      "a spread over what stands before it",
      "function get(req) { return { the_req: { the_name: 'x', ...req.the_child } }; }",
      /spread/,
    ],
    [
      "a spread beside another member of its oneof",
      "function get(req) { return { the_req: { ...req, pick_a: 'x' } }; }",
      /spread/,
    ],
    [
      "members of one oneof in a literal and in what is spread into it",
      "function get(req) { return { pick_a: 'x', ...(req.small_no ? { pick_b: '1' } : {}) }; }",
      /two members of the oneof/,
    ],
    [
      "what is spread under a condition, and is no message",
      "function get(req) { return { the_name: 'x', ...(req.small_no ? other() : {}) }; }",
      /spread/,
    ],
    ["two spreads", "function get(req) { return { the_req: { ...req, ...req.the_list[0] } }; }", /spread/],
    ["a computed key", "function get(req) { return { [req.the_name]: 1 }; }", /computed key/],
    ["a computed read", "function get(req) { const key = 'the_name'; return { the_name: req[key] }; }", /computed/],
    [
      "a value of unknown type that is read again",
      "function get(req) { const res = { small_no: store.get(1) }; if (res.small_no === '5') other(); return res; }",
      /converted where it is made is read again/,
    ],
    [
      "a value of unknown type in a list that is read",
      "function get(req) { const the_names = []; the_names.push(store.get(1)); return the_names.includes(5) ? {} : { the_names }; }",
      /nothing proves that this is a string/,
    ],
    [
      "a name of an enum in a map",
      "const get = (req) => ({ colors_by: { a: 'COLOR_' + req.the_name } });",
      /a name of an enum in a map/,
    ],
    [
      "bytes of unknown type",
      "function get(req) { return { the_req: { the_bytes: store.get(1) } }; }",
      /these are bytes/,
    ],
    ["a key that is no field", "function get(req) { return { theName: 'x' }; }", /no field theName/],
    ["a read that is no field", "function get(req) { return { the_name: req.theName }; }", /no field theName/],
    [
      "a number of a reply that is added to before it has one",
      "function get(req) { const reply = {}; reply.small_no += 2; return reply; }",
      /changes a value of a message in place/,
    ],
    [
      "a fraction that is added to a whole number",
      "function get(req) { const reply = { small_no: 0 }; reply.small_no += 0.5; return reply; }",
      /changes a value of a message in place/,
    ],
    [
      "a sum that is read again",
      "function get(req) { const reply = { small_no: 0 }; reply.small_no += req.small_no; if (reply.small_no > 9) reply.the_name = 'x'; return reply; }",
      /converted where it is made is read again/,
    ],
    ["a request that is added to", "function get(req) { req.small_no *= 5; return {}; }", /written to/],
    [
      "a message that is made here, in a request",
      "function get(req) { req.the_child = { the_name: 'x' }; return { the_req: req }; }",
      /made here is put into another one/,
    ],
    [
      "a value that may be absent, in a request",
      "function get(req) { req.the_name = req.opt_text; return { the_req: req }; }",
      /may be absent is put into a message/,
    ],
    [
      "a value of unknown type in a request that is read again",
      "function get(req) { req.the_name = store.get(1); return { the_name: req.the_name }; }",
      /converted where it is made is read again/,
    ],
    [
      "a number in a field of 64 bits that is read again",
      "const show = (one) => JSON.stringify(one.big_no);\nconst get = (req) => ({ the_name: show({ big_no: 5 }) + show(req) });",
      /made in another form/,
    ],
    [
      "the number of an enum that is read again",
      "const get = (req) => { const one = { the_color: 1 }; return { the_name: '' + one.the_color, the_req: one }; };",
      /made in another form/,
    ],
    [
      "bytes of its own that are read again",
      "const hex = (one) => one.the_bytes.toString('hex');\nconst get = (req) => ({ the_name: hex(req) + hex({}) });",
      /bytes that may be absent/,
    ],
    [
      "a number that is cut where it is made, and read again",
      "const get = (req) => { const one = { small_no: req.small_no / 2 }; return { the_name: '' + one.small_no, the_req: one }; };",
      /converted where it is made is read again/,
    ],
    [
      "a value beside others that are not written out",
      "const get = (req) => { const notes = [{ small_no: 1 }, { small_no: store.get(2) }]; const note = notes[req.small_no]; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value written out as what its field does not take",
      "const get = (req) => { const note = { small_no: 1.5 }; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value of a list that others may add to",
      "const get = (req) => { const notes = [{ small_no: 1 }]; notes.push({ small_no: store.get(2) }); const note = notes[req.small_no]; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value of a list whose elements change",
      "const get = (req) => { const notes = [{ small_no: 1 }]; notes[0] = { small_no: store.get(2) }; const note = notes[req.small_no]; return { the_name: '' + note.small_no, the_req: note }; };",
      /written to/,
    ],
    [
      "a value of a message that gets another part",
      "const get = (req) => { const note = { the_child: { small_no: 1 } }; note.the_child = { small_no: store.get(2) }; return { the_name: '' + note.the_child.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value of a variable that gets another message",
      "const get = (req) => { let note = { small_no: 1 }; if (req.the_name) note = { small_no: store.get(2) }; return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value that a function changes",
      "function change(one) { one.small_no = store.get(2); }\nconst get = (req) => { const note = { small_no: 1 }; change(note); return { the_name: '' + note.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a value under another name",
      "const get = (req) => { const note = { the_child: { small_no: 1 } }; const child = note.the_child; child.small_no = store.get(2); return { the_name: '' + note.the_child.small_no, the_req: note }; };",
      /read again/,
    ],
    [
      "a oneof of a message that may be its own",
      "const show = (one) => (one.pick === 'pick_a' ? 1 : 2) + '';\nconst get = (req) => ({ the_name: show(req) + show({}) });",
      /a oneof is read of a message/,
    ],
    [
      "a member of a oneof of a message that may be its own",
      "const show = (one) => one.pick_a;\nconst get = (req) => ({ the_name: show(req) + show({}) });",
      /member of a oneof is read of a message/,
    ],
    [
      "an element that may be absent",
      "const get = (req) => ({ the_req: { the_list: [req.the_child] } });",
      /may be absent/,
    ],
    ["a member of a oneof that may be absent", "const get = (req) => ({ pick_a: req.opt_text });", /may be absent/],
    [
      "a member of a oneof of what nothing is known of",
      "const get = (req) => { const row = other(); return { pick_a: row.name }; };",
      /may be absent/,
    ],
    [
      "a variable that gets something else, too",
      "function get(req) { let last = req.the_child; last = store.get(1); return { the_req: last }; }",
      /nothing proves/,
    ],
    ["another message as reply, with a oneof", "function get(req) { return req; }", /no p.v1.Res/],
    [
      "an enum name that does not exist",
      "function get(req) { return { the_color: 'COLOR_BLUE' }; }",
      /no value COLOR_BLUE/,
    ],
    [
      "an enum name compared that does not exist",
      "function get(req) { return { small_no: req.the_color === 'RED' ? 1 : 2 }; }",
      /no value RED/,
    ],
    [
      "members of a oneof out of order",
      "function get(req) { const out = {}; if (req.small_no) out.pick_b = '1'; if (req.the_name) out.pick_a = 'x'; return out; }",
      /another order/,
    ],
    [
      "a member of a oneof that may be absent",
      "function get(req) { const out = {}; out.pick_a = req.the_list.length ? 'x' : undefined; return out; }",
      /may be absent/,
    ],
    ["a wrapper", "function get(req) { return { the_name: req.wrapped_text.value }; }", /may not be there/],
    [
      "a wrapper that another stands for",
      "function get(req) { return { wrapped_text: req.wrapped_text || { value: 'x' } }; }",
      /where its value is empty/,
    ],
    [
      "a wrapper as a value",
      "function get(req) { return { the_name: req.wrapped_text && req.wrapped_text.value }; }",
      /goes where|may not be there|nothing proves/,
    ],
    [
      "a wrapper with more than a value",
      "function get(req) { return { wrapped_text: { value: 'x', more: 1 } }; }",
      /something else than a value/,
    ],
    [
      "two members of a oneof",
      "function get(req) { return { pick_a: 'x', pick_b: '1' }; }",
      /two members of the oneof/,
    ],
    [
      "the name of a oneof's member as a value",
      "function get(req) { return { the_name: req.the_list.find((one) => one.the_name).pick }; }",
      /oneof's member/,
    ],
    ["a loop over keys", "function get(req) { for (const key in req) other(key); return {}; }", /goes where/],
    ["the in operator", "function get(req) { return { small_no: 'the_name' in req ? 1 : 0 }; }", /goes where/],
    [
      "null where nothing was found",
      "function isNone(one) { return one === null; }\nfunction get(req) { return { small_no: isNone(req.the_child) || isNone(req.the_list[0]) ? 1 : 2 }; }",
      /undefined or null/,
    ],
    [
      "the rest of a request that is handed on",
      "function get({ the_name, ...rest }) { other(rest); return { the_name }; }",
      /rest of a message/,
    ],
    [
      "a message kept for later that may not be there",
      "function get(req) { store.set('last', req.the_child); return { the_req: req.the_child }; }",
      /an element that may be absent/,
    ],
    [
      "a list of a module that goes elsewhere",
      "const kept = [];\nfunction get(req) { kept.push(req); other(kept); return { the_name: req.the_name }; }",
      /goes where/,
    ],
    [
      "a list of a module that is given to something else",
      "const kept = [];\nother.keep(kept);\nfunction get(req) { kept.push(req); return { the_name: req.the_name }; }",
      /goes where/,
    ],
    [
      "a list of a module that gets what may not be there",
      "const kept = [];\nfunction get(req) { kept.push(req, kept.find((one) => one.small_no > 1)); return {}; }",
      /an element that may be absent/,
    ],
    [
      "a promise of what may not be found, in a handler that does not wait",
      "const kept = {};\nasync function find(key) { return kept[key]; }\nfunction get(req) { kept[req.the_name] = { the_name: 'x' }; return find('y'); }",
      /may not be there is sent/,
    ],
    [
      "an optional string that is no null, and may be undefined",
      "function get(req) { return req.opt_text !== null ? { pick_a: req.opt_text } : {}; }",
      /may be absent/,
    ],
    [
      "an optional string in a variable that is no null, and may be undefined",
      "function get(req) { const { opt_text } = req; if (opt_text === null) return {}; return { pick_a: opt_text }; }",
      /may be absent/,
    ],
    [
      "messages of two types in a Map of a module",
      "const kept = new Map();\nfunction get(req) { kept.set(1, req); return kept.has(2) ? kept.get(1) : {}; }",
      /this is no p.v1.Res/,
    ],
    [
      "null in a message that is kept",
      "const kept = [];\nfunction get(req) { kept.push(req, { the_name: 'x' }); return { small_no: kept[0].the_child === null ? 1 : 0 }; }",
      /undefined or null/,
    ],
    [
      "a number that is kept and shown as the text that it would have been",
      "const kept = [];\nfunction get(req) { kept.push(req, { big_no: 5 }); return { the_name: JSON.stringify(kept[0].big_no) + '!' }; }",
      /read again/,
    ],
    [
      "a list that others fill",
      "function get(req) { const the_names = []; other(the_names); return { the_names }; }",
      /handed on/,
    ],
    [
      "a list with unknown elements",
      "function get(req) { const the_names = []; the_names[0] = 5; return { the_names }; }",
      /handed on/,
    ],
    [
      "a handler that is also a function",
      "function get(req) { return {}; }\nget({ the_name: 'x' });",
      /called as a function/,
    ],
    [
      "a helper that is handed on",
      "function f(r) { return r.the_name; }\nother(f);\nfunction get(req) { return { the_name: f(req) }; }",
      /handed on/,
    ],
    [
      "a method that is taken out of its object",
      "const help = { f(r) { return r.the_name; } };\nconst { f } = help;\nother(f);\nfunction get(req) { return { the_name: help.f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method of a name that something unknown has",
      "const help = { f(r) { return r.the_name; } };\nstore.get(1).f({ the_name: 'x' });\nfunction get(req) { return { the_name: help.f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method of an object that is handed on",
      "const help = { f(r) { return r.the_name; } };\nother(help);\nfunction get(req) { return { the_name: help.f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method of a class that calls its methods by names",
      "class A { f(r) { return r.the_name; } any(name, r) { return this[name](r); } }\nfunction get(req) { return { the_name: new A().f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a method that another class may have instead",
      "class A { f(r) { return r.the_name; } }\nclass B extends A {}\nfunction get(req) { return { the_name: new A().f(req) }; }",
      /may be a use of it/,
    ],
    [
      "a helper that others call",
      "function f(r) { return r.the_name; }\nf({ name: 'x' });\nfunction get(req) { return { the_name: f(req) }; }",
      /no field name/,
    ],
    ["a wrapped handler", "const get = other.wrap((req) => ({}));", /no function that can be seen/],
    [
      "a bridged handler of other code",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nconst get = fromCallback(other.get);",
      /no function that can be seen/,
    ],
    [
      "a bridged handler whose callback goes to other code",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nconst get = fromCallback((call, cb) => other.answer(call.request.the_name, cb));",
      /the call or the callback of a handler is handed on/,
    ],
    [
      "a bridged handler that a server of grpc-js has, too",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nfunction answer(call, cb) { cb(null, { the_name: call.request.the_name }); }\nother.addService(definition['p.v1.S'], { Get: answer });\nconst get = fromCallback(answer);",
      /a handler with its call and its callback is used elsewhere/,
    ],
    [
      "a bridged handler whose object a server of grpc-js has, too",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nconst old = { answer(call, cb) { cb(null, { the_name: call.request.the_name }); } };\nother.addService(definition['p.v1.S'], old);\nconst get = fromCallback(old.answer);",
      /a handler with its call and its callback is used elsewhere/,
    ],
    [
      "a bridged handler whose callback may be another one",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nconst get = fromCallback((call, cb) => { const done = cb || other; done(null, { the_name: call.request.the_name }); });",
      /the callback of a handler is handed on/,
    ],
    [
      "a bridged handler whose call is looked at as a whole",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nconst get = fromCallback((call, cb) => { console.log(call); cb(null, {}); });",
      /the call of a handler is handed on|the call or the callback of a handler is handed on/,
    ],
    [
      "a bridged handler whose requests are read one by one",
      "const { fromCallback } = require('@connect-migrate/runtime/grpc-js');\nconst get = fromCallback((call, cb) => { call.on('readable', () => call.read()); cb(null, {}); });",
      /what is done with a call is not followed/,
    ],
    [
      "Long objects",
      "function get(req) { return { the_name: other(req.big_no) }; }",
      /a Long is used in a way/,
      "{ keepCase: true, enums: String, defaults: true, oneofs: true }",
    ],
    [
      "a Struct that changes",
      "function get(req) { if (req.the_data) req.the_data.fields.kind.stringValue = 'x'; return { the_data: req.the_data }; }",
      /an object of a Struct is changed/,
    ],
    [
      "a Struct that a helper changes",
      "const strip = ({ fields }) => { for (const [, value] of Object.entries(fields)) value.listValue.values.pop(); };\nfunction get(req) { strip(req.the_data); return { the_req: req }; }",
      /an object of a Struct is changed/,
    ],
    [
      "a Struct that others get, and that goes on",
      "function get(req) { other(req.the_data); return { the_data: req.the_data }; }",
      /an object of a Struct goes out of sight/,
    ],
    [
      "a Struct that others get, in a message that goes on",
      "function get(req) { other(req.the_data); return { the_req: req }; }",
      /an object of a Struct goes out of sight/,
    ],
    [
      "a Struct that is compared",
      "function get(req) { return { small_no: req.the_data === req.the_child.the_data ? 1 : 0 }; }",
      /a Struct is compared/,
    ],
    [
      "a Struct of a message that may not be there",
      "function get(req) { return { the_name: JSON.stringify(req.the_child?.the_data) }; }",
      /a Struct of a message that may not be there/,
    ],
    [
      "a Struct that changes once it is in a reply",
      "function get(req) { const fields = {}; const res = { the_data: { fields } }; fields.a = { stringValue: 'x' }; return res; }",
      /an object changes once it is in a Struct/,
    ],
    [
      "a Struct that is read of a reply",
      "function get(req) { const res = { the_data: { fields: {} } }; if (res.the_data.fields.a) other(); return res; }",
      /a wrapper is read of a message that the program may have made/,
    ],
    [
      "another part of a message as a Struct",
      "function get(req) { return { the_data: req.the_child }; }",
      /google.protobuf.Struct/,
    ],
    [
      "a Value",
      "function get(req) { return { the_value: req.the_value }; }",
      /google.protobuf.Value has another shape/,
    ],
    ["no defaults", "function get(req) { return {}; }", /without defaults/, "{ keepCase: true, longs: String }"],
    [
      "base64 bytes",
      "function get(req) { return {}; }",
      /option bytes/,
      "{ keepCase: true, defaults: true, bytes: String }",
    ],
    ["options that are not constant", "function get(req) { return {}; }", /not constant/, "other.options"],
  ];
  // One project with a file per case: an analysis costs a second, whatever its size.
  const texts = Object.fromEntries(
    cases.map(([, handler, , own], index) => [`case-${index}.js`, program(handler, own)]),
  );
  let migrated: MigratedMessages;
  beforeAll(async () => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto, ...texts });
    migrated = await migrateMessages(project.root);
  });

  it.each(cases.map(([name, , why], index) => [name, `case-${index}.js`, why] as const))("%s", (_name, file, why) => {
    expect(migrated.files[file]).toBe(texts[file]);
    const findings = migrated.findings.filter((finding) => finding.file.endsWith(`/${file}`));
    expect(findings).toMatchObject([{ outcome: "bridged", rpc: "p.v1.S", reason: { code: "message-unproved" } }]);
    expect(findings[0]?.reason?.text).toMatch(why);
  });

  it("with --messages native that is an error", async () => {
    using project = tempProject({
      "package.json": "{}",
      "s.proto": proto,
      "server.js": program("function get(req) { return { ...req }; }"),
    });
    expect((await migrateMessages(project.root, "native")).findings[0]?.outcome).toBe("failed");
  });
});
