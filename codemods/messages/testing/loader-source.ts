/** The messages of the sources below. */
export const proto = `syntax = "proto3";
package p.v1;
import "google/protobuf/wrappers.proto";
service S { rpc Get(Req) returns (Res); rpc Feed(Req) returns (stream Res); }
enum Color { COLOR_NONE = 0; COLOR_RED = 1; }
message Req { optional string opt_text = 11; string the_name = 1; int64 big_no = 2; Color the_color = 3; Req the_child = 4; repeated Req the_list = 5; int32 small_no = 6; google.protobuf.StringValue wrapped_text = 7; oneof pick { string pick_a = 8; int64 pick_b = 9; } bytes the_bytes = 10; }
message Res { optional string opt_text = 11; map<string, Color> colors_by = 12; string the_name = 1; int64 big_no = 2; Color the_color = 3; Req the_req = 4; repeated string the_names = 5; int32 small_no = 6; google.protobuf.StringValue wrapped_text = 7; oneof pick { string pick_a = 8; int64 pick_b = 9; } }
`;
export const options = "{ keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }";
/** A server on proto-loader's functions with one handler, `get`. */
export const program = (handler: string, loaderOptions = options) => `const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { S } = require('./gen/s_pb.js');
const other = require('other');
const definition = protoLoader.loadSync(__dirname + '/s.proto', ${loaderOptions});
const store = new Map();
${handler}
module.exports = (router) => router.service(S, { get }, { messages: grpcJsMessages(definition['p.v1.S']) });
`;
