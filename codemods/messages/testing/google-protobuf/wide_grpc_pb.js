// GENERATED CODE -- DO NOT EDIT!

'use strict';
var grpc = require('@grpc/grpc-js');
var wide_pb = require('./wide_pb.js');
var google_protobuf_any_pb = require('google-protobuf/google/protobuf/any_pb.js');
var google_protobuf_duration_pb = require('google-protobuf/google/protobuf/duration_pb.js');
var google_protobuf_empty_pb = require('google-protobuf/google/protobuf/empty_pb.js');
var google_protobuf_field_mask_pb = require('google-protobuf/google/protobuf/field_mask_pb.js');
var google_protobuf_struct_pb = require('google-protobuf/google/protobuf/struct_pb.js');
var google_protobuf_timestamp_pb = require('google-protobuf/google/protobuf/timestamp_pb.js');
var google_protobuf_wrappers_pb = require('google-protobuf/google/protobuf/wrappers_pb.js');

function serialize_wide_v1_Box(arg) {
  if (!(arg instanceof wide_pb.Box)) {
    throw new Error('Expected argument of type wide.v1.Box');
  }
  return Buffer.from(arg.serializeBinary());
}

function deserialize_wide_v1_Box(buffer_arg) {
  return wide_pb.Box.deserializeBinary(new Uint8Array(buffer_arg));
}

function serialize_wide_v1_Lines(arg) {
  if (!(arg instanceof wide_pb.Lines)) {
    throw new Error('Expected argument of type wide.v1.Lines');
  }
  return Buffer.from(arg.serializeBinary());
}

function deserialize_wide_v1_Lines(buffer_arg) {
  return wide_pb.Lines.deserializeBinary(new Uint8Array(buffer_arg));
}


var WideService = exports.WideService = {
wellKnownIt: {
    path: '/wide.v1.Wide/WellKnownIt',
    requestStream: false,
    responseStream: false,
    requestType: wide_pb.Box,
    responseType: wide_pb.Box,
    requestSerialize: serialize_wide_v1_Box,
    requestDeserialize: deserialize_wide_v1_Box,
    responseSerialize: serialize_wide_v1_Box,
    responseDeserialize: deserialize_wide_v1_Box,
  },
showIt: {
    path: '/wide.v1.Wide/ShowIt',
    requestStream: false,
    responseStream: false,
    requestType: wide_pb.Box,
    responseType: wide_pb.Lines,
    requestSerialize: serialize_wide_v1_Box,
    requestDeserialize: deserialize_wide_v1_Box,
    responseSerialize: serialize_wide_v1_Lines,
    responseDeserialize: deserialize_wide_v1_Lines,
  },
readIt: {
    path: '/wide.v1.Wide/ReadIt',
    requestStream: false,
    responseStream: false,
    requestType: wide_pb.Box,
    responseType: wide_pb.Lines,
    requestSerialize: serialize_wide_v1_Box,
    requestDeserialize: deserialize_wide_v1_Box,
    responseSerialize: serialize_wide_v1_Lines,
    responseDeserialize: deserialize_wide_v1_Lines,
  },
};

exports.WideClient = grpc.makeGenericClientConstructor(WideService);
