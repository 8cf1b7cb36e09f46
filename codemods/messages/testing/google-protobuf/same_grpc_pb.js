// GENERATED CODE -- DO NOT EDIT!

'use strict';
var grpc = require('@grpc/grpc-js');
var same_pb = require('./same_pb.js');
var google_protobuf_timestamp_pb = require('google-protobuf/google/protobuf/timestamp_pb.js');

function serialize_same_v1_Lines(arg) {
  if (!(arg instanceof same_pb.Lines)) {
    throw new Error('Expected argument of type same.v1.Lines');
  }
  return Buffer.from(arg.serializeBinary());
}

function deserialize_same_v1_Lines(buffer_arg) {
  return same_pb.Lines.deserializeBinary(new Uint8Array(buffer_arg));
}

function serialize_same_v1_Thing(arg) {
  if (!(arg instanceof same_pb.Thing)) {
    throw new Error('Expected argument of type same.v1.Thing');
  }
  return Buffer.from(arg.serializeBinary());
}

function deserialize_same_v1_Thing(buffer_arg) {
  return same_pb.Thing.deserializeBinary(new Uint8Array(buffer_arg));
}


var SameService = exports.SameService = {
describeIt: {
    path: '/same.v1.Same/DescribeIt',
    requestStream: false,
    responseStream: false,
    requestType: same_pb.Thing,
    responseType: same_pb.Lines,
    requestSerialize: serialize_same_v1_Thing,
    requestDeserialize: deserialize_same_v1_Thing,
    responseSerialize: serialize_same_v1_Lines,
    responseDeserialize: deserialize_same_v1_Lines,
  },
echoIt: {
    path: '/same.v1.Same/EchoIt',
    requestStream: false,
    responseStream: false,
    requestType: same_pb.Thing,
    responseType: same_pb.Thing,
    requestSerialize: serialize_same_v1_Thing,
    requestDeserialize: deserialize_same_v1_Thing,
    responseSerialize: serialize_same_v1_Thing,
    responseDeserialize: deserialize_same_v1_Thing,
  },
transformIt: {
    path: '/same.v1.Same/TransformIt',
    requestStream: false,
    responseStream: false,
    requestType: same_pb.Thing,
    responseType: same_pb.Thing,
    requestSerialize: serialize_same_v1_Thing,
    requestDeserialize: deserialize_same_v1_Thing,
    responseSerialize: serialize_same_v1_Thing,
    responseDeserialize: deserialize_same_v1_Thing,
  },
loopIt: {
    path: '/same.v1.Same/LoopIt',
    requestStream: false,
    responseStream: false,
    requestType: same_pb.Thing,
    responseType: same_pb.Lines,
    requestSerialize: serialize_same_v1_Thing,
    requestDeserialize: deserialize_same_v1_Thing,
    responseSerialize: serialize_same_v1_Lines,
    responseDeserialize: deserialize_same_v1_Lines,
  },
};

exports.SameClient = grpc.makeGenericClientConstructor(SameService);
